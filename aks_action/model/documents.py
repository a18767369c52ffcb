"""Reading and changing nested documents without editing them in place.

YAML aliases give the same dict object twice, so an edit in one place would change the other
(see `Document`). Every function here returns a new document that shares what did not change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Path = Sequence[str]


def get_in(document: Any, path: Path, default: Any = None) -> Any:
    """The value at `path`, or `default` where a step is absent or not a mapping."""
    for key in path:
        if not isinstance(document, Mapping) or key not in document:
            return default
        document = document[key]
    return document


def set_in(document: Mapping[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """A copy of `document` with `value` at `path`; absent or null steps become mappings."""
    head, *rest = path
    if not rest:
        return {**document, head: value}
    inner = document.get(head)
    return {**document, head: set_in(inner if isinstance(inner, Mapping) else {}, rest, value)}


def without(document: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """A copy of `document` that has nothing at `path`."""
    head, *rest = path
    if head not in document:
        return dict(document)
    if not rest:
        return {key: value for key, value in document.items() if key != head}
    inner = document[head]
    if not isinstance(inner, Mapping):
        return dict(document)
    return {**document, head: without(inner, rest)}


def update_in(
    document: Mapping[str, Any], path: Path, change: Callable[[Any], Any]
) -> dict[str, Any]:
    """A copy of `document` with `change(value)` at `path`; untouched where `path` is absent."""
    missing = object()
    value = get_in(document, path, missing)
    return dict(document) if value is missing else set_in(document, path, change(value))
