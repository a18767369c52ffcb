"""The `metadata.managedFields` that an object gets before an apply, so that kubectl's are ours.

What a `kubectl apply` owned would otherwise stay in the object when a later manifest drops it.
"""

from __future__ import annotations

from collections.abc import Iterable

from aks_action.model.applying.diff import LAST_APPLIED, comparable, field_change
from aks_action.model.applying.field_ownership import (
    FIELD_MANAGER,
    applied_by_us,
    entries,
    is_kubectls,
    paths,
)
from aks_action.model.applying.field_tries import Fields, lookup, parts, union
from aks_action.model.bounded import Unpackable, read_json
from aks_action.model.documents import get_in
from aks_action.model.manifests import Document
from aks_action.model.plan import FieldChange


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
        field_change(live, parts(path), value, None) for path, value in found if value is not None
    )
    return tuple(sorted(changes, key=lambda change: change.path))


def migrated(live: Document, api_version: str) -> tuple[Document, ...] | None:
    """The managedFields with every entry at `api_version`; None when they all are already.

    After a CustomResourceDefinition has dropped or changed a version, entries of the old one can
    make every apply fail with "field not declared in schema", whatever is applied.
    """
    current = entries(live)
    if all(entry.get("apiVersion") == api_version for entry in current):
        return None
    return tuple({**entry, "apiVersion": api_version} for entry in current)


def renewed(
    ownership: Iterable[Document], live: Document, api_version: str
) -> tuple[Document, ...] | None:
    """`ownership`, a takeover or a migration, computed anew for an object that has moved on."""
    was_migration = all(entry.get("apiVersion") == api_version for entry in ownership)
    return takeover(live, api_version) or (migrated(live, api_version) if was_migration else None)


def _last_applied(live: Document) -> Document:
    """What kubectl's last client-side apply stated; empty where that is not known."""
    text = get_in(live, ("metadata", "annotations", LAST_APPLIED))
    try:
        stated = read_json(text) if isinstance(text, str) else {}
    except Unpackable:
        return {}
    if not isinstance(stated, dict):
        return {}
    data, texts = (stated.get(key) or {} for key in ("data", "stringData"))
    if isinstance(texts, dict) and isinstance(data, dict):
        return {**stated, "data": {**data, **texts}}
    return stated


def _split(live: Document, api_version: str) -> tuple[list[Document], list[Document]]:
    """Entries that become our one entry, and those that stay with their managers."""
    candidates = [entry for entry in entries(live) if applied_by_us(entry) or is_kubectls(entry)]
    versions = [entry.get("apiVersion") for entry in candidates]
    ours = [entry.get("apiVersion") for entry in candidates if applied_by_us(entry)]
    version = (ours or [v for v in versions if v == api_version] or versions[-1:] or [""])[0]
    merged = [entry for entry in candidates if entry.get("apiVersion") == version]
    return merged, [entry for entry in entries(live) if entry not in candidates]
