"""The trie of fields that an entry of `metadata.managedFields` holds as its `fieldsV1`.

`f:` stands for a key, `k:` for a list item by its keys, `v:` for a value of a set, `.` for the
thing itself ("Field management" of server-side apply in the Kubernetes documentation).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from aks_action.model.applying.diff import key_part
from aks_action.model.bounded import Unpackable, read_json

FieldPath = tuple[str, ...]
Fields = Mapping[str, Any]


def field_paths(fields: Fields) -> frozenset[FieldPath]:
    """The fields of a trie, each as its path through it."""
    return frozenset(_walk(fields, ()))


def _walk(fields: Fields, path: FieldPath) -> Iterator[FieldPath]:
    for key, inner in fields.items():
        if key == ".":
            yield path
        elif inner:
            yield from _walk(inner, (*path, key))
        else:
            yield (*path, key)


def union(left: Fields, right: Fields) -> Fields:
    """Both tries in one. `{}` is a field without children: beside children it becomes `.`."""
    if not left or not right:
        return left or right
    merged = dict(left)
    for key, inner in right.items():
        if key not in merged:
            merged[key] = inner
        elif bool(inner) != bool(merged[key]):
            merged[key] = {".": {}, **(inner or merged[key])}
        else:
            merged[key] = union(merged[key], inner)
    return merged


def leaves(fields: Iterable[FieldPath]) -> frozenset[FieldPath]:
    """Those from which no other goes on."""
    members = frozenset(fields)
    inner = {path[:length] for path in members for length in range(len(path))}
    return members - inner


def lookup(value: Any, path: FieldPath) -> Any:
    """The value that a trie's path leads to; None where the object has none."""
    for step in path:
        sort, _, text = step.partition(":")
        if sort == "f":
            value = value.get(text) if isinstance(value, Mapping) else None
        elif isinstance(value, list):
            value = next((item for item in value if is_item(item, sort, text)), None)
        else:
            return None
    return value


def is_item(item: Any, sort: str, text: str) -> bool:
    """Whether a trie's `k:` (the keys) or `v:` (the value), `text`, is this item of a list."""
    if sort == "k":
        wanted = keys_of(text)
        # A defaulted key (a port's protocol) may be absent in the object as it was written.
        return (
            isinstance(item, Mapping)
            and bool(wanted)
            and all(item.get(key, value) == value for key, value in wanted.items())
        )
    return sort == "v" and bool(item == _value_of(text))


def keys_of(text: str) -> Mapping[str, Any]:
    """The keys of a list's item, as the text of a `k:` has them; none where it is no such text."""
    found = _value_of(text)
    return found if isinstance(found, dict) else {}


@lru_cache(maxsize=1024)  # the same few texts, for each item of each list
def _value_of(text: str) -> Any:
    """What is never equal to an item where a text is not JSON: any manager may write it."""
    try:
        return read_json(text)
    except Unpackable:
        return _NO_VALUE


_NO_VALUE = object()


def parts(path: FieldPath) -> tuple[str, ...]:
    """A trie's path as the parts of a readable one: `k:{"name":"web"}` becomes `[web]`."""
    return tuple(_part(*step.partition(":")) for step in path)


def _part(sort: str, _colon: str, text: str) -> str:
    if sort == "f":
        return key_part(text)
    if sort == "k":
        return f"[{','.join(str(value) for value in keys_of(text).values())}]"
    value = _value_of(text) if sort == "v" else text
    return f"[{text if value is _NO_VALUE else value}]"
