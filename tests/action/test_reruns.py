"""Only a test that names its reason is run again, and the run lists it."""

import pytest

from tests.action.support import ROOT

pytest_plugins = ["pytester"]

CONFTEST = (ROOT / "tests/conftest.py").read_text().replace("RERUN_DELAY = 5.0", "RERUN_DELAY = 0")

BY_CHANCE = """
import pytest
tries = []

def test_steady():
    pass

def test_no_reason():
    tries.append(test_no_reason)
    assert tries.count(test_no_reason) > 1

@pytest.mark.flaky_because("two seconds are of real time")
def test_chance():
    tries.append(test_chance)
    assert tries.count(test_chance) > 1

@pytest.mark.flaky_because("a full machine")
def test_broken():
    assert "never" == "true"
"""


@pytest.fixture(name="run")
def _run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> "Run":
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest(CONFTEST)
    pytester.makeini("[pytest]\naddopts = --strict-markers\nmarkers = flaky_because(reason)")
    return Run(pytester)


class Run:
    """A run of one module under the real tests/conftest.py."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self._pytester = pytester

    def __call__(self, module: str, *options: str) -> pytest.RunResult:
        self._pytester.makepyfile(module)
        return self._pytester.runpytest("-p", "rerunfailures", *options)


@pytest.mark.parametrize("options", [(), ("-p", "xdist", "-n", "1")], ids=["alone", "workers"])
def test_what_names_a_reason_gets_more_tries_and_is_listed_with_it(
    run: Run, options: tuple[str, ...]
) -> None:
    """The first failure is printed in full, since a pass afterwards does not explain it."""
    result = run(BY_CHANCE, *options)
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(["*why again: *::test_chance*", "*(test_chance) > 1*"])
    result.stdout.fnmatch_lines(
        [
            "*flaky: run again*",
            "*::test_chance (again 1 ×, passed): two seconds are of real time",
            "*::test_broken (again 2 ×, failed): a full machine",
        ]
    )
    result.stdout.no_fnmatch_line("*::test_no_reason (again*")


def test_a_run_without_second_tries_lists_none(run: Run) -> None:
    """The list means something only where it is there."""
    result = run("def test_steady(): pass")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*run again*")


@pytest.mark.parametrize(
    "module",
    [
        "@pytest.mark.flaky(reruns=3)\ndef test_chance(): pass",
        "@pytest.mark.flaky_because()\ndef test_chance(): pass",
        "@pytest.mark.flaky_because(' ')\ndef test_chance(): pass",
        "pytestmark = pytest.mark.flaky_because('all of these')\ndef test_chance(): pass",
    ],
    ids=["bare", "without a reason", "with an empty reason", "on a module"],
)
def test_more_tries_without_a_reason_at_the_test_itself_are_refused(run: Run, module: str) -> None:
    """Neither a module nor a bare mark can hide what fails."""
    result = run(f"import pytest\n{module}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*test_chance: *flaky_because*"])


def test_no_command_runs_whole_suites_again() -> None:
    """An option of the Makefile would give second tries that nobody has asked for."""
    assert "--reruns" not in (ROOT / "Makefile").read_text()
