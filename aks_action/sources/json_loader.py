"""Manifests that are JSON, which kubectl tries before YAML.

YAML is not quite a superset: libyaml knows no surrogate pairs in escapes and no keys above 1,024
characters. What is not JSON after all (`{apiVersion: v1}`) is left to the YAML loader.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from aks_action.model import scalars
from aks_action.model.bounded import is_deeper

_SPACE = re.compile(r"[ \t\r\n]*")


def documents(text: str, *, most_levels: int) -> list[tuple[Any, int]] | None:
    """The values of a stream of JSON documents with their lines, or None if it is not JSON.

    Also None for what the YAML loader refuses with a line: duplicate keys, too many levels.
    """
    position = _skip_space(text, 0)
    if not text.startswith("{", position):
        return None
    found = []
    line, counted = 1, 0
    while position < len(text):
        line += text.count("\n", counted, position)
        counted = position
        try:
            value, end = _DECODER.raw_decode(text, position)
        except (ValueError, OverflowError, RecursionError):
            return None
        if not isinstance(value, dict) or is_deeper(value, most_levels):
            return None
        found.append((value, line))
        position = _skip_space(text, end)
    return found


def _skip_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("duplicate key")
    return value


def _not_json(constant: str) -> NoReturn:
    raise ValueError(constant)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=scalars.json_float, parse_constant=_not_json
)
