"""The documents of a text, going on after a syntax error, as kubectl splits a file first."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from aks_action.sources.yaml_loader.values import Parsed, RefusedError, Values

MOST_SYNTAX_ERRORS = 20
"""Each one starts the parser again at the next document."""

_DOCUMENT_START = re.compile(r"^---(?=\s|$)", re.MULTILINE)


def documents(text: str, values: Values) -> Iterator[Parsed]:
    """The documents of a text; problems and warnings are left in `values`.

    A syntax error ends its document; reading goes on at the next line that begins with `---`.
    """
    position, line = 0, 1
    for _ in range(MOST_SYNTAX_ERRORS):
        try:
            yield from values.documents(yaml.CSafeLoader(text[position:]).get_event, line)
        except RefusedError as refused:
            at, message = refused.line, refused.message
        except yaml.YAMLError as error:
            at, message = sentence(error, text, position, line)
        else:
            return
        values.wrong(at, message)
        resume = _next_document(text, max(at, values.begun + 1))
        if resume is None:
            return
        position = resume
        line = text.count("\n", 0, position) + 1
    values.wrong(line, "The rest of the file was not read: too many errors.")


def sentence(error: yaml.YAMLError, text: str, position: int, first_line: int) -> tuple[int, str]:
    """The line of a syntax error and what it is; libyaml's words, which quote no value.

    position, first_line: where in the text the parser began, and at which line that is.
    """
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:  # a character that YAML does not allow: only its position is known
        before = text[position:].encode()[: getattr(error, "position", 0)]
        line = before.count(b"\n") + first_line
        return line, "There is a control character here; YAML allows none."
    line = min(mark.line + first_line, text.count("\n") + 1)
    parts = (getattr(error, "problem", None), getattr(error, "context", None))
    what = ", ".join(part for part in parts if part)
    return line, f"This is not valid YAML: {what}.{_advice(text, line)}"


def _next_document(text: str, line: int) -> int | None:
    """Where the first `---` at or after a line begins."""
    position = 0
    for _ in range(line - 1):
        position = text.find("\n", position) + 1
        if position == 0:
            return None
    match = _DOCUMENT_START.search(text, position)
    return match.start() if match else None


def _advice(text: str, line: int) -> str:
    lines = text.split("\n")
    here = lines[line - 1] if line <= len(lines) else ""
    if "{{" in here:
        return " It looks like a template: render it before this step."
    if here[: len(here) - len(here.lstrip())].count("\t"):
        return " Indent with blanks, not with tabs."
    return ""
