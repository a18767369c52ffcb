"""What differs between two states of one object, as readable fields without secrets."""

from __future__ import annotations

import base64
import difflib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aks_action.model.documents import without
from aks_action.model.manifests import Document
from aks_action.model.plan import FieldChange

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""kubectl's own copy of what it applied last: noise in a diff, and for a Secret its values."""

REDACTED = "***"

_MOVED_BY_THE_SERVER = (
    ("status",),
    ("metadata", "managedFields"),
    ("metadata", "resourceVersion"),
    ("metadata", "generation"),
    ("metadata", "uid"),
    ("metadata", "creationTimestamp"),
    ("metadata", "selfLink"),
    ("metadata", "annotations", LAST_APPLIED),
)
# What tells the items of a Kubernetes list apart, the most telling first. A key counts only
# where every item of both lists has a value of its own.
_ITEM_KEYS = ("name", "key", "mountPath", "containerPort", "port", "path", "type", "topologyKey")
_SECRET_PARTS = ("data", "stringData")
_KEYED_PARTS = (*_SECRET_PARTS, "binaryData")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")
_LONGEST = 80
_CONTEXT = 2
_ABSENT: Any = object()

Path = tuple[str, ...]


def changes(before: Document, after: Document) -> tuple[FieldChange, ...]:
    """The fields that differ, sorted by path; metadata that only the server moves is left out.

    before: the live object.     after: the object as a dry-run returned it.
    """
    differing = _differences(comparable(before), comparable(after), ())
    return tuple(
        sorted(
            (field_change(after, path, old, new) for path, old, new in differing),
            key=lambda change: change.path,
        )
    )


def asked_changes(live: Document, manifest: Document) -> tuple[FieldChange, ...]:
    """The fields that the manifest states and that differ live, without asking the server.

    Rougher than `changes` with a dry-run: a value that the server would normalise (`1000m`) counts
    as different. For what the server refuses to dry-run.
    """
    return changes(live, _overlaid(live, manifest))


def comparable(document: Document) -> Document:
    """The object without what the server alone decides; an emptied annotations map is absent."""
    for path in _MOVED_BY_THE_SERVER:
        document = without(document, path)
    if document.get("metadata", {}).get("annotations") == {}:
        document = without(document, ("metadata", "annotations"))
    return document


def field_change(document: Document, path: Path, before: Any, after: Any) -> FieldChange:
    """One field for people: the path in words, long values cut, values of a Secret hidden.

    path: rendered parts, see `render`.     before, after: None where the field is absent.
    """
    part = path[0].lstrip(".") if path else ""
    if document.get("kind") == "Secret" and part in _SECRET_PARTS:
        old, new = (None if value is None else REDACTED for value in (before, after))
    elif document.get("kind") == "ConfigMap" and part == "binaryData":
        old, new = (_bytes(value) for value in (before, after))
    else:
        old, new = _excerpts(before, after)
    lines = _unified(before, after) if (document.get("kind"), part) == ("ConfigMap", "data") else ()
    return FieldChange(path=render(path), before=old, after=new, lines=lines)


def render(path: Path) -> str:
    """`spec.containers[web].image`: the parts are joined as `key_part` and `[item]` made them."""
    return "".join(path).removeprefix(".")


def key_part(key: str) -> str:
    """A mapping's key in a path: `.image`, or `[app.conf]` where a dot would mislead."""
    return f".{key}" if _PLAIN_KEY.match(key) else f"[{key}]"


def _differences(before: Any, after: Any, path: Path) -> Iterator[tuple[Path, Any, Any]]:
    """Pairs of values that differ, as deep as both sides have the same structure."""
    if before == after:
        return
    parts = _parts(before, after)
    if parts is None and path[:1] and path[0].lstrip(".") in _KEYED_PARTS and len(path) == 1:
        # A whole `data` that comes or goes: still one entry per key, each to be redacted alone.
        parts = _one_sided(before, after)
    if parts is None:
        yield path, _or_none(before), _or_none(after)
        return
    for part, old, new in parts:
        yield from _differences(old, new, (*path, part))


def _overlaid(live: Any, asked: Any) -> Any:
    """`live` with everything that `asked` states on top; list items meet by their key."""
    if isinstance(live, Mapping) and isinstance(asked, Mapping):
        return {**live, **{key: _overlaid(live.get(key), value) for key, value in asked.items()}}
    if isinstance(live, list) and isinstance(asked, list):
        for key in _ITEM_KEYS:
            old, new = _by_key(live, key), _by_key(asked, key)
            if old is not None and new is not None:
                return [_overlaid(old.get(name), item) for name, item in new.items()]
    return asked


def _or_none(value: Any) -> Any:
    return None if value is _ABSENT else value


def _parts(before: Any, after: Any) -> list[tuple[str, Any, Any]] | None:
    """The children to compare, or None where the values are compared as a whole."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        keys = [*before, *(key for key in after if key not in before)]
        return [
            (key_part(str(key)), before.get(key, _ABSENT), after.get(key, _ABSENT)) for key in keys
        ]
    if isinstance(before, list) and isinstance(after, list):
        return _items(before, after)
    return None


def _one_sided(before: Any, after: Any) -> list[tuple[str, Any, Any]] | None:
    only = after if before is _ABSENT or before is None else before
    if not isinstance(only, Mapping):
        return None
    added = only is after
    return [
        (key_part(str(key)), _ABSENT if added else value, value if added else _ABSENT)
        for key, value in only.items()
    ]


def _items(before: list[Any], after: list[Any]) -> list[tuple[str, Any, Any]] | None:
    """Lists item by item: by key where the items have one, else by index if as many."""
    for key in _ITEM_KEYS:
        old, new = _by_key(before, key), _by_key(after, key)
        if old is not None and new is not None:
            names = [*old, *(name for name in new if name not in old)]
            if [name for name in old if name in new] != [name for name in new if name in old]:
                return None  # the same items in another order: the whole list is what changed
            return [(f"[{name}]", old.get(name, _ABSENT), new.get(name, _ABSENT)) for name in names]
    if len(before) != len(after):
        return None
    return [(f"[{n}]", old, new) for n, (old, new) in enumerate(zip(before, after, strict=True))]


def _by_key(items: Sequence[Any], key: str) -> dict[str, Any] | None:
    found = {
        str(item[key]): item
        for item in items
        if isinstance(item, Mapping) and isinstance(item.get(key), str | int)
    }
    return found if len(found) == len(items) else None


def _unified(before: Any, after: Any) -> tuple[str, ...]:
    """What differs between two texts of several lines; empty where a line tells it."""
    old, new = before or "", after or ""
    if not (isinstance(old, str) and isinstance(new, str)) or "\n" not in (old + new).strip("\n"):
        return ()
    found = difflib.unified_diff(old.splitlines(), new.splitlines(), n=_CONTEXT, lineterm="")
    return tuple(found)[2:]  # without the two lines that name files


def _bytes(value: Any) -> str | None:
    """Bytes mean nothing to a reader but their number and whether they are the same."""
    if not isinstance(value, str):
        return None
    try:
        content = base64.b64decode(value)
    except ValueError:
        return "no base64"
    return f"{len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()[:8]}"


def _excerpts(before: Any, after: Any) -> tuple[Any, Any]:
    """Both values short enough for a line, beginning where they begin to differ."""
    old, new = _plain(before), _plain(after)
    if not isinstance(old, str) or not isinstance(new, str):
        return _cut(old, 0), _cut(new, 0)
    if max(len(old), len(new)) <= _LONGEST and "\n" not in old + new:
        return old, new
    common = next(
        (n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b),
        min(len(old), len(new)),
    )
    line_start = old.rfind("\n", 0, common) + 1
    start = max(line_start, common - _LONGEST // 2)
    return _cut(old, start), _cut(new, start)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return value


def _cut(value: Any, start: int) -> Any:
    if not isinstance(value, str):
        return value
    line = value[start:].split("\n", 1)[0]
    shown = line[:_LONGEST]
    whole_end = start + len(shown) >= len(value.rstrip("\n"))
    return f"{'…' if start else ''}{shown}{'' if whole_end else '…'}"
