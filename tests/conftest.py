"""What all tests share: the test bed's addresses, and unit tests that cannot touch the world."""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.bed import read_environment_file

ROOT = Path(__file__).resolve().parent.parent

# Opening a connection, a process or a port. Reported by the interpreter itself, so neither a
# library nor a test can go round it.
_EFFECTS = (
    "socket.connect",
    "socket.bind",
    "socket.getaddrinfo",
    "socket.sendto",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
)
_guarded: list[str] = []

RERUNS = 2
RERUN_DELAY = 5.0
"""Seconds in which a machine without a free CPU may come to rest."""


def _refuse_effects(event: str, _arguments: tuple[object, ...]) -> None:
    if _guarded and event in _EFFECTS:
        raise AssertionError(f"a unit test must not touch the world: {event} in {_guarded[-1]}")


sys.addaudithook(_refuse_effects)


def pytest_configure() -> None:
    """Tests write to the test bed only, never to a cluster that the shell happens to name."""
    values = read_environment_file(ROOT / ".testbed/env")
    if values:
        os.environ.update(values)
    else:
        for name in ("KUBECONFIG", "REGISTRY"):
            os.environ.pop(name, None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run again only what says by name why it may fail by chance, never a module or a suite.

    A mark without a reason, and one that stands for more than one test, is a usage error.
    """
    for item in items:
        if item.get_closest_marker("flaky"):
            raise pytest.UsageError(f"{item.nodeid}: use `flaky_because`, which asks for a reason")
        marker = item.get_closest_marker("flaky_because")
        if marker is None:
            continue
        reason = marker.args[0].strip() if marker.args else ""
        if not reason or marker not in item.own_markers:
            raise pytest.UsageError(
                f'{item.nodeid}: write `@pytest.mark.flaky_because("reason")` at the test itself'
            )
        if item.config.pluginmanager.hasplugin("rerunfailures"):  # unit tests do without it
            item.add_marker(pytest.mark.flaky(reruns=RERUNS, reruns_delay=RERUN_DELAY))
        item.user_properties.append(("flaky_because", reason))  # reaches the report over xdist


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List what was run again, and why: a failure is a finding, also when the next try passes."""
    stats = terminalreporter.stats
    first_tries = stats.get("rerun", [])
    for report in first_tries:
        terminalreporter.section(f"why again: {report.nodeid}")
        terminalreporter.write_line(report.longreprtext)
    if first_tries:
        terminalreporter.section("flaky: run again")
    failed = {report.nodeid for report in (*stats.get("failed", ()), *stats.get("error", ()))}
    reasons = {report.nodeid: dict(report.user_properties) for report in first_tries}
    for nodeid, times in Counter(report.nodeid for report in first_tries).items():
        ending = "failed" if nodeid in failed else "passed"
        reason = reasons[nodeid].get("flaky_because", "no reason is given")
        terminalreporter.write_line(f"{nodeid} (again {times} ×, {ending}): {reason}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Unit tests stay inside, with all that is set up for them."""
    if not item.nodeid.startswith("tests/unit/"):
        return (yield)
    _guarded.append(item.nodeid)
    try:
        return (yield)
    finally:
        _guarded.pop()
