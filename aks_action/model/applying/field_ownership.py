"""Who owns which field of an object: reading and merging `metadata.managedFields`.

The rules are those of server-side apply ("Field management" in the Kubernetes documentation):
an entry per manager, operation and apiVersion holds a trie of fields, `f:` for a key, `k:` for a
list item by its keys, `v:` for a value of a set, `.` for the thing itself. A field that only we
own goes away when we apply without it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from aks_action.model.applying.diff import LAST_APPLIED, comparable, field_change, key_part, render
from aks_action.model.documents import get_in
from aks_action.model.manifests import Document
from aks_action.model.plan import FieldChange, TakenField
from aks_action.model.provenance import RUN_ANNOTATION

FIELD_MANAGER = "aks-action"
"""The name our own applies carry."""

_KUBECTL_APPLIES = frozenset(
    {
        ("kubectl-client-side-apply", "Update"),
        ("before-first-apply", "Update"),
        ("kubectl", "Update"),  # client-side apply before Kubernetes 1.18 had a name of its own
        ("kubectl", "Apply"),
        ("kubectl-last-applied", "Apply"),  # keeps only the last-applied annotation
    }
)

FieldPath = tuple[str, ...]
_ANNOTATIONS = ("f:metadata", "f:annotations")
_CARRIED = {_ANNOTATIONS, (*_ANNOTATIONS, f"f:{RUN_ANNOTATION}")}
Fields = Mapping[str, Any]


def entries(document: Document) -> tuple[Document, ...]:
    """The managedFields of an object; empty when it has none."""
    return tuple((document.get("metadata") or {}).get("managedFields") or ())


def taken_fields(live: Document, result: Document) -> tuple[TakenField, ...]:
    """Fields that other managers own in `live` and no longer in the dry-run's `result`.

    Our own patches do not count, nor kubectl's applies, since their fields are taken over on
    purpose, nor what controllers report in the status.
    """
    after: dict[tuple[str, ...], frozenset[FieldPath]] = {
        identity(entry): paths(entry) for entry in entries(result)
    }
    taken = {
        TakenField(path=_words(path), manager=str(entry.get("manager", "")))
        for entry in entries(live)
        if entry.get("manager") != FIELD_MANAGER
        and not is_kubectls(entry)
        and entry.get("subresource") != "status"
        for path in leaves(paths(entry)) - after.get(identity(entry), frozenset())
    }
    return tuple(sorted(taken, key=lambda field: (field.path, field.manager)))


def takeover(live: Document, api_version: str) -> tuple[Document, ...] | None:
    """The managedFields under which what kubectl applied is ours; None if nothing is kubectl's.

    Entries of the apiVersion that our entry has (or will have) are merged into it, last-applied
    annotation included: as we never apply that, it goes away with the next apply. Entries of
    other apiVersions are dropped, as `kubectl apply --server-side` does.
    """
    merged, others = _split(live, api_version)
    if not any(is_kubectls(entry) for entry in entries(live)):
        return None
    base = next((entry for entry in merged if applied_by_us(entry)), merged[-1])
    fields: Fields = {}
    for entry in merged:
        fields = union(fields, entry.get("fieldsV1") or {})
    ours = {**base, "manager": FIELD_MANAGER, "operation": "Apply", "fieldsV1": fields}
    return (*others, ours)


def leaving_with_takeover(live: Document, result: Document) -> tuple[FieldChange, ...]:
    """Fields that go away once kubectl's are ours, which the dry-run before that cannot show.

    Of a client-side apply only what its last-applied annotation states counts: its entry owns the
    defaults as well, and those come back with the value that they have.

    live:    the object with kubectl's entries.
    result:  the dry-run of our manifest, whose managedFields tell what the manifest contains.
    """
    merged, _ = _split(live, str(result.get("apiVersion", "")))
    stated = _last_applied(live)
    kubectls = {
        path
        for entry in merged
        if is_kubectls(entry)
        for path in paths(entry)
        if entry.get("operation") == "Apply" or lookup(stated, path) is not None
    }
    kept = {
        path[:length]
        for entry in entries(result)
        if not is_kubectls(entry)
        for path in paths(entry)
        for length in range(1, len(path) + 1)
    }
    leaving = kubectls - kept
    topmost = (p for p in leaving if not any(p[:n] in leaving for n in range(1, len(p))))
    shown = comparable(live)
    found = ((path, lookup(shown, path)) for path in topmost)
    changes = (
        field_change(live, _parts(path), value, None) for path, value in found if value is not None
    )
    return tuple(sorted(changes, key=lambda change: change.path))


def _last_applied(live: Document) -> Document:
    """What kubectl's last client-side apply stated; empty where that is not known."""
    text = get_in(live, ("metadata", "annotations", LAST_APPLIED))
    try:
        stated = json.loads(text) if isinstance(text, str) else {}
    except ValueError:
        return {}
    if isinstance(stated, dict) and isinstance(stated.get("stringData"), dict):
        stated["data"] = {**(stated.get("data") or {}), **stated["stringData"]}
    return stated if isinstance(stated, dict) else {}


def same_ownership(live: Document, result: Document) -> bool:
    """Whether our own entry is the same in both, so that applying would record nothing new.

    The run annotation does not count: it is carried along, whoever wrote it.
    """
    before, after = (
        frozenset[FieldPath]().union(
            *(paths(entry) for entry in entries(each) if applied_by_us(entry))
        )
        for each in (live, result)
    )
    return before - _CARRIED == after - _CARRIED


def renewed(
    ownership: Iterable[Document], live: Document, api_version: str
) -> tuple[Document, ...] | None:
    """`ownership`, a takeover or a migration, computed anew for an object that has moved on."""
    was_migration = all(entry.get("apiVersion") == api_version for entry in ownership)
    return takeover(live, api_version) or (migrated(live, api_version) if was_migration else None)


def owned_by_us(live: Document, path: FieldPath) -> bool:
    """Whether `path` (as in `("f:spec", "f:replicas")`) is ours, or kubectl's and so ours soon."""
    return any(
        path in paths(entry)
        for entry in entries(live)
        if applied_by_us(entry) or is_kubectls(entry)
    )


def migrated(live: Document, api_version: str) -> tuple[Document, ...] | None:
    """The managedFields with every entry at `api_version`; None when they all are already.

    After a CustomResourceDefinition has dropped or changed a version, entries of the old one can
    make every apply fail with "field not declared in schema", whatever is applied.
    """
    current = entries(live)
    if all(entry.get("apiVersion") == api_version for entry in current):
        return None
    return tuple({**entry, "apiVersion": api_version} for entry in current)


def paths(entry: Document) -> frozenset[FieldPath]:
    """The fields of one managedFields entry, each as its path through the trie."""
    return frozenset(_walk(entry.get("fieldsV1") or {}, ()))


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


def _split(live: Document, api_version: str) -> tuple[list[Document], list[Document]]:
    """Entries that become our one entry, and those that stay with their managers."""
    candidates = [entry for entry in entries(live) if applied_by_us(entry) or is_kubectls(entry)]
    versions = [entry.get("apiVersion") for entry in candidates]
    ours = [entry.get("apiVersion") for entry in candidates if applied_by_us(entry)]
    version = (ours or [v for v in versions if v == api_version] or versions[-1:] or [""])[0]
    merged = [entry for entry in candidates if entry.get("apiVersion") == version]
    return merged, [entry for entry in entries(live) if entry not in candidates]


def applied_by_us(entry: Document) -> bool:
    """Whether an entry of managedFields is the one of our applies."""
    return (entry.get("manager"), entry.get("operation")) == (FIELD_MANAGER, "Apply") and not (
        entry.get("subresource")
    )


def is_kubectls(entry: Document) -> bool:
    """Whether an entry of managedFields is of a `kubectl apply`, which is taken over."""
    applied = (entry.get("manager"), entry.get("operation")) in _KUBECTL_APPLIES
    return applied and not entry.get("subresource")


def identity(entry: Document) -> tuple[str, ...]:
    """What tells the entries of one object apart."""
    keys = ("manager", "operation", "apiVersion", "subresource")
    return tuple(str(entry.get(key, "")) for key in keys)


def leaves(fields: Iterable[FieldPath]) -> frozenset[FieldPath]:
    """Those from which no other goes on."""
    members = frozenset(fields)
    inner = {path[:length] for path in members for length in range(len(path))}
    return members - inner


def _words(path: FieldPath) -> str:
    return render(_parts(path))


def _parts(path: FieldPath) -> tuple[str, ...]:
    """A trie's path as the parts of a readable one: `k:{"name":"web"}` becomes `[web]`."""
    return tuple(_part(*step.split(":", 1)) for step in path)


def _part(sort: str, text: str) -> str:
    if sort == "f":
        return key_part(text)
    if sort == "k":
        return f"[{','.join(str(value) for value in json.loads(text).values())}]"
    return f"[{json.loads(text)}]" if sort == "v" else f"[{text}]"


def lookup(value: Any, path: FieldPath) -> Any:
    """The value that a trie's path leads to; None where the object has none."""
    for step in path:
        sort, text = step.split(":", 1)
        if sort == "f":
            value = value.get(text) if isinstance(value, Mapping) else None
        elif isinstance(value, list):
            value = next((item for item in value if is_item(item, sort, text)), None)
        else:
            return None
    return value


def is_item(item: Any, sort: str, text: str) -> bool:
    """Whether a trie's `k:` (the keys) or `v:` (the value), `text`, is this item of a list."""
    wanted = json.loads(text)
    if sort == "k" and isinstance(item, Mapping):
        # A defaulted key (a port's protocol) may be absent in the object as it was written.
        return all(item.get(key, value) == value for key, value in wanted.items())
    return bool(item == wanted)
