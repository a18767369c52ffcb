"""The door to the GitHub Actions runner: inputs, log, annotations, outputs and job summary.

Two rules are kept here and nowhere else. A secret that was given to `mask` is replaced in
everything that is written. And text never acts: a line that the runner would read as a workflow
command is fenced with `stop-commands`, whoever wrote it (a log of a pod, an error of a registry).
https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from actions_toolkit.command import Command
from actions_toolkit.file_command import prepare_key_value_message

from aks_action.errors import Problem, ReportError
from aks_action.model import masking
from aks_action.report.markdown import escaped, in_code, in_html

SUMMARY_LIMIT_BYTES = 1024 * 1024
"""GitHub drops a step's whole summary above 1 MiB."""

ANNOTATION_LIMIT_CHARACTERS = 4000

_COMMAND = re.compile(r"(?:^|\r)\s*::|##\[", re.MULTILINE)
"""What the runner might take for a command; for it, a carriage return ends a line too."""


class Workflow:
    """The runner that this step belongs to, seen through its environment and its log."""

    def __init__(self, env: Mapping[str, str], stdout: TextIO) -> None:
        self._env = env
        self._stdout = stdout
        self._masks: set[str] = set()
        self._hidden: list[str] = []
        self._in_group = False
        self._lost: OSError | None = None

    def inputs(self, names: Mapping[str, str]) -> dict[str, str]:
        """The inputs that are set, by name.

        `INPUT_COMPOSE-FILE` is what the runner sets; `INPUT_COMPOSE_FILE`, which a shell can
        export, is read too.
        """
        values = {}
        for name in names:
            variable = "INPUT_" + name.upper()
            value = self._env.get(variable) or self._env.get(variable.replace("-", "_"))
            if value is not None:
                values[name] = value
        return values

    def mask(self, *values: str) -> None:
        """Make secrets unreadable from here on, for the runner's log and for our own output."""
        for mask in (mask for value in values for mask in masking.masks(value)):
            if mask not in self._masks:
                if self._env.get("GITHUB_ACTIONS") == "true":
                    self._command("add-mask", mask)
                self._masks.add(mask)
                shown = (escaped(mask), in_code(mask), in_html(mask))
                self._hidden += [*masking.forms(mask), *shown]
        self._hidden = sorted(set(self._hidden), key=len, reverse=True)  # one may hold another

    def write(self, text: str = "") -> None:
        """Write lines to the log; whatever they say, the runner takes them for text."""
        text = self._redacted(text)
        if _COMMAND.search(text):
            token = secrets.token_hex(16)
            text = f"::stop-commands::{token}\n{text}\n::{token}::"
        self._print(text)

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """A fold of the log. Groups do not nest, on GitHub; an inner one ends the outer one."""
        self._end_group()
        self._command("group", self._redacted(title))
        self._in_group = True
        try:
            yield
        finally:
            self._end_group()

    def notice(self, message: str, *, title: str = "") -> None:
        self._annotate("notice", Problem(message=message), title)

    def warning(self, problem: Problem | str, *, title: str = "") -> None:
        self._annotate("warning", problem, title)

    def error(self, problem: Problem | str, *, title: str = "") -> None:
        """An annotation that the run and the changed files show; ends the open group."""
        self._end_group()
        self._annotate("error", problem, title)

    def json_output(self, name: str, document: Mapping[str, Any]) -> None:
        """Set an output that is JSON: a mask in it is a mask in one of its texts."""
        self._set_output(name, json.dumps(self._redacted_texts(document)))

    def output(self, name: str, value: str) -> None:
        """Set an output of the step; without a runner it is printed."""
        self._set_output(name, self._redacted(value))

    def _set_output(self, name: str, value: str) -> None:
        if path := self._env.get("GITHUB_OUTPUT"):
            _append("outputs", path, prepare_key_value_message(name, value) + "\n")
        else:
            self.write(f"{name}={value}")

    def summary(self, markdown: str) -> None:
        """Append to the job summary; what is too long is cut, and said so."""
        path = self._env.get("GITHUB_STEP_SUMMARY")
        if not path:
            return
        data = self._redacted(markdown).encode(errors="backslashreplace")
        if len(data) > SUMMARY_LIMIT_BYTES:
            cut = data[: SUMMARY_LIMIT_BYTES - 200].decode(errors="ignore")
            markdown = (
                cut.rpartition("\n")[0] + "\n\nThe rest is in the log: a summary ends here.\n"
            )
            data = markdown.encode()
        _append("summary", path, data.decode() + "\n")

    def close(self) -> None:
        """Say whether the log is whole. Raises ReportError when some of it could not be written."""
        if self._lost:
            raise ReportError(_not_written("log", "standard output", self._lost))

    def _annotate(self, level: str, problem: Problem | str, title: str) -> None:
        if isinstance(problem, str):
            problem = Problem(message=problem)
        properties: dict[str, str] = {"title": self._redacted(title)} if title else {}
        if problem.source and "://" not in problem.source.file:
            properties["file"] = problem.source.file
            properties["line"] = str(problem.source.line)
        message = self._redacted(str(problem))
        if len(message) > ANNOTATION_LIMIT_CHARACTERS:
            message = message[:ANNOTATION_LIMIT_CHARACTERS] + " …"
        self._print(str(Command(level, properties, message)))

    def _command(self, name: str, message: str = "") -> None:
        self._print(str(Command(name, {}, message)))

    def _end_group(self) -> None:
        if self._in_group:
            self._in_group = False
            self._command("endgroup")

    def _redacted_texts(self, value: Any) -> Any:
        """A JSON value with its texts and the keys of its objects redacted."""
        if isinstance(value, Mapping):
            return {self._redacted(k): self._redacted_texts(each) for k, each in value.items()}
        if isinstance(value, list):
            return [self._redacted_texts(each) for each in value]
        return self._redacted(value) if isinstance(value, str) else value

    def _redacted(self, text: str) -> str:
        for each in self._hidden:
            text = text.replace(each, "***")
        return text

    def _print(self, text: str) -> None:
        try:
            self._stdout.write(text + "\n")
            self._stdout.flush()
        except OSError as error:  # nobody can read it, which is no reason to stop half way
            self._lost = error


def _append(what: str, path: str, text: str) -> None:
    """Append to a file of the runner. Raises ReportError, which is one sentence."""
    try:
        with Path(path).open("a", encoding="utf-8", newline="", errors="backslashreplace") as file:
            file.write(text)
    except (OSError, ValueError) as error:
        raise ReportError(_not_written(what, path, error)) from error


def _not_written(what: str, where: str, error: Exception) -> str:
    why = getattr(error, "strerror", None) or str(error)
    return (
        f"The {what} of this step cannot be written to {where}: {why}. What the step did stands. "
        "Make room on the runner, or look at its permissions, and run the step again."
    )
