"""Values out of libyaml's events: JSON only, with kubectl's scalar rules.

PyYAML's own constructors would make dates and tuples, take the last of two equal keys and follow
any alias; and libyaml scans on in quadratic time where nobody stops deep nesting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from sys import intern
from typing import Any

from yaml import events

from aks_action.errors import Problem, Source
from aks_action.model import scalars

MOST_LEVELS = 100
MOST_ALIASED_VALUES = 500_000
"""What aliases may add to a file: etcd takes 1.5 MB per object, so nothing real comes near."""

_YAML = "tag:yaml.org,2002:"
_COLLECTION_TAGS = (None, "!", _YAML + "map", _YAML + "seq")
_SCALAR_TAGS: dict[str, tuple[type, ...]] = {
    _YAML + "int": (int,),
    _YAML + "float": (int, float),
    _YAML + "bool": (bool,),
    _YAML + "null": (type(None),),
}
_UNFINISHED = (None, -1)
_COMPLEX_KEY = (
    "A key is a mapping or a list; Kubernetes knows only texts as keys. "
    "If this is a template (`{{ … }}`), render it before this step."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """One document's value, its line, and the lines of the items of a List by their `id`."""

    value: Any
    line: int
    lines: dict[int, int] = field(default_factory=dict)

    def line_of(self, part: Any) -> int:
        """Where a part begins, if it is an item of a List; else where the document begins."""
        return self.lines.get(id(part), self.line)


class RefusedError(Exception):
    """Ends one document, not the run: nothing after `line` in it can be read."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


class Values:
    """The values of one file; what is wrong with them is collected on the way."""

    def __init__(self, file: str) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.first_line = 1
        self.begun = 1
        self._file = file
        self._next: Callable[[], Any]
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._values = 0
        self._aliased = 0
        self._lines: dict[int, int] = {}

    def documents(self, next_event: Callable[[], Any], first_line: int) -> Iterator[Parsed]:
        """The documents that have no problem of their own, in order.

        next_event: gives libyaml's events.     first_line: the line at which those begin.
        Raises RefusedError, and what `next_event` raises; `begun` is then the last document's line.
        """
        self._next = next_event
        self.first_line = self.begun = first_line
        while True:
            event = self._next()
            if type(event) is events.DocumentStartEvent:
                self.begun = self._at(event)
                problems = len(self.problems)
                self._anchors.clear()
                self._lines = {}
                root = self._next()
                value = self._value(root, 0)
                if value is not None and len(self.problems) == problems:
                    yield Parsed(value=value, line=self._at(root), lines=self._lines)
            elif type(event) is events.StreamEndEvent:
                return

    def _value(self, event: Any, level: int) -> Any:
        kind = type(event)
        if kind is events.AliasEvent:
            return self._alias(event)
        before = self._values
        self._values += 1
        value: Any
        if kind is events.ScalarEvent:
            value = self._scalar(event)
        else:
            if level == MOST_LEVELS:
                raise RefusedError(
                    self._at(event), f"More than {MOST_LEVELS} levels are nested here."
                )
            if event.tag not in _COLLECTION_TAGS:
                self._wrong_tag(event)
            if event.anchor:
                self._anchors[event.anchor] = _UNFINISHED
            is_mapping = kind is events.MappingStartEvent
            value = self._mapping(level) if is_mapping else self._sequence(level)
        if event.anchor:
            self._anchors[event.anchor] = (value, self._values - before)
        return value

    def _alias(self, event: Any) -> Any:
        value, size = self._anchors.get(event.anchor, (None, 0))
        if size < 1:
            why = "refers to itself" if size else "is not defined in this document"
            self.wrong(self._at(event), f"The anchor `{event.anchor}` {why}.")
        self._values += size
        self._aliased += size
        if self._aliased > MOST_ALIASED_VALUES:
            raise RefusedError(
                self._at(event),
                f"The aliases of this file stand for more than {MOST_ALIASED_VALUES:,} values. "
                "Write fewer aliases.",
            )
        return value

    def _sequence(self, level: int) -> list[Any]:
        items = []
        while type(event := self._next()) is not events.SequenceEndEvent:
            item = self._value(event, level + 1)
            if level == 1:
                self._lines.setdefault(id(item), self._at(event))
            items.append(item)
        return items

    def _mapping(self, level: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: set[str] = set()
        while type(event := self._next()) is not events.MappingEndEvent:
            if _is_merge(event):
                self._merge(event, level, result, merged)
                continue
            key = self._key(event, level)
            if key in result and key not in merged:
                self.wrong(self._at(event), f"The key `{key}` is there twice.")
            merged.discard(key)
            result[key] = self._value(self._next(), level + 1)
        return result

    def _merge(self, event: Any, level: int, result: dict[str, Any], merged: set[str]) -> None:
        """`<<` takes effect where it stands: it wins over the keys above it, as for kubectl."""
        value = self._value(self._next(), level + 1)
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(each, dict) for each in sources):
            self.wrong(self._at(event), "`<<` can only merge mappings.")
            return
        for source in reversed(sources):
            for key, inner in source.items():
                if key in result and key not in merged and result[key] != inner:
                    self._warn(event, f"`<<` replaces `{key}`, which is above it. Move `<<` up.")
                result[key] = inner
                merged.add(key)

    def _key(self, event: Any, level: int) -> str:
        value = self._value(event, level + 1)
        if type(value) is str:
            return intern(value)
        if isinstance(value, (dict, list)):
            self.wrong(self._at(event), _COMPLEX_KEY)
            return ""
        try:
            return scalars.key(value)
        except ValueError as error:
            self.wrong(self._at(event), str(error))
            return ""

    def _scalar(self, event: Any) -> scalars.Scalar:
        tag, text = event.tag, str(event.value)
        if tag is None and not event.implicit[0]:
            return text
        if tag in ("!", _YAML + "str"):
            return text
        try:
            value = scalars.plain(text)
        except ValueError as error:
            self.wrong(self._at(event), str(error))
            return None
        if tag is None:
            if text in scalars.BOOLEAN_WORDS:
                read = "true" if value else "false"
                self._warn(event, f"`{text}` is read as {read}. Quote it if it is a text.")
        elif tag not in _SCALAR_TAGS:
            self._wrong_tag(event)
        elif not isinstance(value, _SCALAR_TAGS[tag]):
            self.wrong(self._at(event), f"`{text}` does not have the type that its tag says.")
        return value

    def wrong(self, line: int, message: str) -> None:
        """Remember that something is wrong at a line."""
        source = Source(file=self._file, line=line)
        self.problems.append(Problem(message=message, source=source))

    def _at(self, event: Any) -> int:
        return int(event.start_mark.line) + self.first_line

    def _wrong_tag(self, event: Any) -> None:
        tag = event.tag.replace(_YAML, "!!")
        self.wrong(
            self._at(event), f"The tag `{tag}` means nothing to Kubernetes. Write the value itself."
        )

    def _warn(self, event: Any, message: str) -> None:
        source = Source(file=self._file, line=self._at(event))
        self.warnings.append(Problem(message=message, source=source))


def _is_merge(event: Any) -> bool:
    return (
        type(event) is events.ScalarEvent
        and event.value == "<<"
        and event.tag is None
        and bool(event.implicit[0])
    )
