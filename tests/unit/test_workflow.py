"""The door to the runner: text acts only when we mean it to, and never tells a secret."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aks_action.errors import Problem, ReportError, Source
from aks_action.workflow import SUMMARY_LIMIT_BYTES, Workflow


@pytest.fixture(name="log")
def _log() -> io.StringIO:
    return io.StringIO()


@pytest.mark.parametrize("name", ["INPUT_COMPOSE-FILE", "INPUT_COMPOSE_FILE"])
def test_inputs_are_read_as_the_runner_and_as_a_shell_spells_them(
    name: str, log: io.StringIO
) -> None:
    workflow = Workflow({name: "production.yml", "INPUT_OTHER": "x"}, log)
    assert workflow.inputs({"compose-file": "", "tag": ""}) == {"compose-file": "production.yml"}


def test_a_masked_secret_is_in_no_log_annotation_output_or_summary(
    tmp_path: Path, log: io.StringIO
) -> None:
    files = {"GITHUB_OUTPUT": tmp_path / "output", "GITHUB_STEP_SUMMARY": tmp_path / "summary"}
    workflow = Workflow({name: str(path) for name, path in files.items()}, log)
    workflow.mask("first line\nsecond line")
    workflow.write("a first line")
    workflow.error("the second line", title="first line")
    workflow.output("images", "first line")
    workflow.summary("second line")
    everything = log.getvalue() + "".join(path.read_text() for path in files.values())
    assert "first line" not in everything
    assert "second line" not in everything
    assert everything.count("***") == 5


def test_the_runner_is_told_to_mask_each_line_of_a_secret(log: io.StringIO) -> None:
    Workflow({"GITHUB_ACTIONS": "true"}, log).mask("line one\n{\nline two")
    assert log.getvalue() == "::add-mask::line one\n::add-mask::line two\n"


def test_without_a_runner_a_secret_is_not_even_printed_to_mask_it(log: io.StringIO) -> None:
    Workflow({}, log).mask("hunter2")
    assert log.getvalue() == ""


ODD = 'p"a/s_s*w\\ord9'


@pytest.mark.parametrize(
    "shown",
    [
        ODD,
        'p\\"a/s_s*w\\\\ord9',  # in JSON
        "p%22a%2Fs_s%2Aw%5Cord9",  # in a URL
        'p"a/s\\_s\\*w\\\\ord9',  # in Markdown
        base64.b64encode(f"abc{ODD}".encode()).decode(),
        base64.b64encode(f"ab{ODD}".encode()).decode(),
        base64.b64encode(f"a{ODD}".encode()).decode(),
    ],
)
def test_a_secret_is_hidden_in_every_form_that_it_may_take(shown: str, log: io.StringIO) -> None:
    workflow = Workflow({}, log)
    workflow.mask(ODD)
    workflow.write(f"({shown})")
    assert "***" in log.getvalue()
    assert shown[6:-6] not in log.getvalue()


def test_a_secret_that_holds_another_is_hidden_as_a_whole(log: io.StringIO) -> None:
    workflow = Workflow({}, log)
    workflow.mask("hunter2", "hunter2-and-more")
    workflow.write("hunter2-and-more hunter2")
    assert log.getvalue() == "*** ***\n"


@given(
    password=st.text(min_size=1, max_size=40)
    | st.text(alphabet='{}[]":,. \n\\countsred', min_size=1)
)
@example(password='{\n"counts": {\n')
@example(password='": {"')
@example(password="created")
def test_an_output_that_is_json_stays_so_whatever_the_password_is(password: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "output"
        workflow = Workflow({"GITHUB_OUTPUT": str(path)}, io.StringIO())
        workflow.mask(password)
        workflow.json_output("result", {"counts": {"created": 1}, "created": ["Deployment/x/web"]})
        result = json.loads("\n".join(path.read_text().splitlines()[1:-1]))
    assert result["counts"]["created"] == 1


def test_a_log_that_cannot_be_written_does_not_end_the_step_and_is_told() -> None:
    with Path("/dev/full").open("w") as full:
        workflow = Workflow({}, full)
        workflow.write("one")
        workflow.error("two")
        with pytest.raises(ReportError, match=r"The log .* cannot be written .*: No space left"):
            workflow.close()
        with contextlib.suppress(OSError):
            full.close()


@pytest.mark.parametrize("name", ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"])
@pytest.mark.parametrize("path", ["/dev/full", "/absent/file", "/"])
def test_a_file_of_the_runner_that_cannot_be_written_is_one_sentence(name: str, path: str) -> None:
    workflow = Workflow({name: path}, io.StringIO())
    with pytest.raises(ReportError, match=rf"cannot be written to {path}: .*\. What the step did"):
        workflow.output("x", "y") if name == "GITHUB_OUTPUT" else workflow.summary("text")


@pytest.mark.parametrize(
    "text",
    [
        "::error::gotcha",
        "fine\n  ::set-output name=x::y",
        "x ##[add-mask]y",
        "the runner ends a line here too\r::error::gotcha",
    ],
)
def test_text_that_looks_like_a_workflow_command_is_fenced(text: str, log: io.StringIO) -> None:
    Workflow({}, log).write(text)
    lines = log.getvalue().splitlines()
    token = lines[0].removeprefix("::stop-commands::")
    assert len(token) == 32
    assert lines[1:-1] == text.splitlines()
    assert lines[-1] == f"::{token}::"


def test_ordinary_text_is_written_as_it_is(log: io.StringIO) -> None:
    Workflow({}, log).write("a :: b\nc::d")
    assert log.getvalue() == "a :: b\nc::d\n"


def test_an_annotation_points_at_the_line_and_cannot_be_escaped(log: io.StringIO) -> None:
    problem = Problem(message="50%\n::error::x", source=Source(file="k8s/a,b.yml", line=3))
    Workflow({}, log).error(problem, title="Failed: now")
    assert log.getvalue() == (
        "::error title=Failed%3A now,file=k8s/a%2Cb.yml,line=3::k8s/a,b.yml:3: 50%25%0A::error::x\n"
    )


def test_an_error_ends_the_open_group_so_that_it_is_seen(log: io.StringIO) -> None:
    workflow = Workflow({}, log)
    with workflow.group("Plan"):
        workflow.error("no")
    assert log.getvalue() == "::group::Plan\n::endgroup::\n::error::no\n"


def test_an_output_of_several_lines_is_written_to_the_runners_file(
    tmp_path: Path, log: io.StringIO
) -> None:
    path = tmp_path / "output"
    Workflow({"GITHUB_OUTPUT": str(path)}, log).output("images", "a\nb")
    first, *rest = path.read_text().splitlines()
    assert first.startswith("images<<ghadelimiter_")
    assert rest == ["a", "b", first.removeprefix("images<<")]


def test_a_summary_above_githubs_limit_is_cut_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    Workflow({"GITHUB_STEP_SUMMARY": str(path)}, io.StringIO()).summary("é line\n" * 200_000)
    assert path.stat().st_size <= SUMMARY_LIMIT_BYTES
    assert path.read_text().endswith("The rest is in the log: a summary ends here.\n\n")
