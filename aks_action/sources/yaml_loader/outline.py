"""What stands where in YAML that somebody else will read: every value that a key may have.

Whoever reads a file after us may let another of two equal keys win, or merge in another order.
So nothing wins here: a key has all of its values, those that `<<` brings in included.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml
from yaml import events

from aks_action.errors import InputError, Problem, Source
from aks_action.sources.yaml_loader.reader import sentence
from aks_action.sources.yaml_loader.values import MOST_LEVELS, RefusedError

MOST_VALUES = 100_000
"""Compose visits no more of a file."""

Tree = Any
"""A text, a list of trees, or a dict: key → list of all its trees. It may contain itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """The documents of a text, and all texts in them that have a `$`.

    values: how many there are, keys and those that `<<` brings in included.
    """

    documents: tuple[Tree, ...]
    values: int
    variable_texts: tuple[str, ...]


def outline(text: str, file: str, most_values: int = MOST_VALUES) -> Outline:
    """The outline of a text.

    file: how messages call it.     Raises InputError for what is no YAML or too much, with its
    line; it quotes no value.
    """
    builder = _Builder(yaml.CSafeLoader(text).get_event, most_values)
    try:
        return builder.outline()
    except RefusedError as refused:
        line, message = refused.line, refused.message
    except yaml.YAMLError as error:
        line, message = sentence(error, text, 0, 1)
    source = Source(file=file, line=line)
    raise InputError(Problem(message=f"Compose does not accept {file}: {message}", source=source))


class _Builder:
    def __init__(self, next_event: Callable[[], Any], most_values: int) -> None:
        self._next = next_event
        self._most_values = most_values
        self._anchors: dict[str, Tree] = {}
        self._values = 0
        self._variable_texts: list[str] = []

    def outline(self) -> Outline:
        documents = []
        while type(event := self._next()) is not events.StreamEndEvent:
            if type(event) is events.DocumentStartEvent:
                self._anchors.clear()
                documents.append(self._tree(self._next(), 0))
        return Outline(
            documents=tuple(documents),
            values=self._values,
            variable_texts=tuple(self._variable_texts),
        )

    def _tree(self, event: Any, level: int) -> Tree:
        self._count(event, 1)
        if type(event) is events.AliasEvent:
            return self._anchors.get(str(event.anchor), "")
        if event.tag == "tag:yaml.org,2002:binary":
            # Compose would read what it stands for, which is not what stands here.
            raise RefusedError(_line(event), "The tag `!!binary` cannot be used. Write the text.")
        if type(event) is events.ScalarEvent:
            text = str(event.value)
            if "$" in text:
                self._variable_texts.append(text)
            return self._anchored(event, text)
        if level == MOST_LEVELS:
            raise RefusedError(_line(event), f"More than {MOST_LEVELS} levels are nested here.")
        if type(event) is events.SequenceStartEvent:
            items: list[Tree] = self._anchored(event, [])
            while type(inner := self._next()) is not events.SequenceEndEvent:
                items.append(self._tree(inner, level + 1))
            return items
        return self._mapping(event, level)

    def _mapping(self, event: Any, level: int) -> Tree:
        pairs: dict[str, list[Tree]] = self._anchored(event, {})
        while type(inner := self._next()) is not events.MappingEndEvent:
            key = self._tree(inner, level + 1)
            value = self._tree(self._next(), level + 1)
            if isinstance(key, str):
                pairs.setdefault(key, []).append(value)
            if key == "<<":
                for source in value if isinstance(value, list) else [value]:
                    self._merge(inner, source, pairs)
        return pairs

    def _merge(self, event: Any, source: Tree, pairs: dict[str, list[Tree]]) -> None:
        if isinstance(source, dict) and source is not pairs:
            for key, values in source.items():
                self._count(event, len(values))
                pairs.setdefault(key, []).extend(values)

    def _anchored(self, event: Any, tree: Tree) -> Tree:
        if event.anchor:
            self._anchors[event.anchor] = tree
        return tree

    def _count(self, event: Any, more: int) -> None:
        self._values += more
        if self._values > self._most_values:
            raise RefusedError(_line(event), f"There are more than {MOST_VALUES:,} values.")


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
