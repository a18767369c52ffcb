"""Foreign text in Markdown: it stays text, whatever stands in it."""

from __future__ import annotations

import html
from collections.abc import Sequence

_ESCAPES = str.maketrans(
    {
        "\\": "\\\\", "`": "\\`", "*": "\\*", "_": "\\_", "[": "\\[", "]": "\\]",
        "<": "&lt;", ">": "&gt;", "|": "\\|", "#": "\\#", "@": "&#64;", "\n": " ", "\r": " ",
    }
)  # fmt: skip


def escaped(text: str) -> str:
    """Text as text: no markup, no mention, no HTML, one line."""
    return text.translate(_ESCAPES)


def in_code(text: str) -> str:
    """Text for a code span in a table: a span cannot hold its own delimiter or the column's."""
    return text.replace("`", "ʼ").replace("|", "¦").replace("\n", " ").replace("\r", " ")


def in_html(text: str) -> str:
    """Text for an HTML element."""
    return html.escape(text).replace("@", "&#64;")


def fence(lines: Sequence[str], language: str = "text") -> list[str]:
    """A code block whose fence is longer than any run of backticks inside it."""
    mark = "```"
    while any(mark in line for line in lines):
        mark += "`"
    return [f"{mark}{language}", *lines, mark]
