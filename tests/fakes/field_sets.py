"""Server-side apply's arithmetic, enough of it for a fake: which fields are there, who owns them.

A path is a tuple of FieldsV1 keys (`f:spec`, `k:{"name":"web"}`, `v:"x"`), with a last `.` for a
list item itself. Which lists are keyed is read from a table of the well-known ones; all others,
and some maps (label selectors), are atomic: owned and replaced as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Path = tuple[str, ...]
ABSENT: Any = object()

_KEYS = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "imagePullSecrets": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "hostAliases": ("ip",),
    "conditions": ("type",),
    "ownerReferences": ("uid",),
}
_SETS = {"finalizers"}
_ATOMIC_MAPS = {
    "selector", "nodeSelector", "configMapKeyRef", "secretKeyRef", "fieldRef", "podSelector",
}  # fmt: skip
_NOT_OWNED = {
    ("f:apiVersion",), ("f:kind",), ("f:metadata", "f:name"), ("f:metadata", "f:namespace"),
    ("f:metadata", "f:uid"), ("f:metadata", "f:resourceVersion"), ("f:metadata", "f:generation"),
    ("f:metadata", "f:creationTimestamp"), ("f:metadata", "f:generateName"),
}  # fmt: skip


def owned(document: Mapping[str, Any]) -> set[Path]:
    """Every path that an applier of `document` owns."""
    metadata = {k: v for k, v in document.get("metadata", {}).items() if k != "managedFields"}
    return set(_leaves({**document, "metadata": metadata}, (), "")) - _NOT_OWNED


def _leaves(value: Any, path: Path, name: str) -> Iterable[Path]:
    keys = _list_keys(name, value)
    if isinstance(value, Mapping) and name not in _ATOMIC_MAPS and (value or not path):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, f"f:{key}"), key)
    elif keys:
        for item in value:
            here = (*path, _item_key(item, keys))
            yield (*here, ".")
            yield from _leaves(item, here, "")
    elif name in _SETS and isinstance(value, list):
        yield from ((*path, f"v:{json.dumps(item)}") for item in value)
    elif path != ("f:metadata",):
        yield path


def duplicates(value: Any, path: str = "", name: str = "") -> Iterable[tuple[str, str]]:
    """(field path, key) of keyed list items that occur twice."""
    keys = _list_keys(name, value)
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from duplicates(inner, f"{path}.{key}", key)
    elif keys:
        names = [_item_key(item, keys) for item in value]
        for each in sorted({each for each in names if names.count(each) > 1}):
            parts = json.loads(each[2:]).items()
            yield path, ",".join(f"{key}={json.dumps(item)}" for key, item in parts)
        for item, each in zip(value, names, strict=True):
            yield from duplicates(item, f"{path}[{each[2:]}]")


def _list_keys(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        return ()
    if not all(isinstance(item, Mapping) for item in value):
        return ()
    if name == "ports":
        key = "containerPort" if "containerPort" in value[0] else "port"
        return (key, "protocol") if key in value[0] else ()
    return _KEYS.get(name, ())


def _item_key(item: Mapping[str, Any], keys: Sequence[str]) -> str:
    values = {key: item.get(key, "TCP" if key == "protocol" else None) for key in keys}
    return "k:" + json.dumps(values, separators=(",", ":"))


def _is_item(item: Any, element: str) -> bool:
    return isinstance(item, Mapping) and _item_key(item, list(json.loads(element[2:]))) == element


def value_at(document: Any, path: Path) -> Any:
    """The value at a path; ABSENT where there is none."""
    for element in path:
        if element == ".":
            return True
        document = _step(document, element)
        if document is ABSENT:
            return ABSENT
    return document


def _step(document: Any, element: str) -> Any:
    match element[:2], document:
        case "f:", Mapping():
            return document.get(element[2:], ABSENT)
        case "k:", list():
            return next((item for item in document if _is_item(item, element)), ABSENT)
        case "v:", list():
            value = json.loads(element[2:])
            return value if value in document else ABSENT
        case _:
            return ABSENT


def merge(live: Any, applied: Any, name: str = "") -> Any:
    """`applied` laid over `live`: maps and keyed lists are merged, all else is replaced."""
    if isinstance(live, Mapping) and isinstance(applied, Mapping) and name not in _ATOMIC_MAPS:
        laid = {k: merge(live.get(k, ABSENT), v, k) for k, v in applied.items()}
        return {**live, **laid}
    keys = _list_keys(name, applied)
    if keys and isinstance(live, list):
        return _merge_items(live, applied, keys)
    if name in _SETS and isinstance(live, list):
        return [*live, *(item for item in applied if item not in live)]
    return applied


def _merge_items(live: list[Any], applied: list[Any], keys: Sequence[str]) -> list[Any]:
    new = {_item_key(item, keys): item for item in applied}
    old = {_item_key(item, keys): item for item in live}
    kept = [merge(item, new[key]) if key in new else item for key, item in old.items()]
    return [*kept, *(item for key, item in new.items() if key not in old)]


def remove(document: Any, path: Path) -> Any:
    """`document` without the field or item at `path`, and without parents that became empty."""
    if value_at(document, path) is ABSENT:
        return document
    head, *rest = path
    inner = _step(document, head)
    left = ABSENT if not rest or rest == ["."] else remove(inner, tuple(rest))
    gone = left is ABSENT or (left in ({}, []) and inner not in ({}, []))
    if isinstance(document, Mapping):
        key = head[2:]
        without = {k: v for k, v in document.items() if k != key}
        return without if gone else {**document, key: left}
    same = [item is inner or (head[:2] == "v:" and item == inner) for item in document]
    return [
        left if hit else item
        for item, hit in zip(document, same, strict=True)
        if not (hit and gone)
    ]


def to_fields_v1(paths: Iterable[Path]) -> dict[str, Any]:
    """Paths as the nested object of `managedFields[].fieldsV1`."""
    fields: dict[str, Any] = {}
    for path in sorted(paths):
        inner = fields
        for element in path:
            inner = inner.setdefault(element, {})
    return fields


def from_fields_v1(fields: Mapping[str, Any], path: Path = ()) -> set[Path]:
    """The paths of a `fieldsV1` object."""
    found: set[Path] = set()
    for element, inner in fields.items():
        if element == "." and path and path[-1].startswith("f:"):
            continue  # "the map is there": of no use to decide what may be removed
        here = (*path, element)
        found |= from_fields_v1(inner, here) if inner else {here}
    return found
