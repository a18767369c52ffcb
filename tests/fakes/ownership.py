"""`metadata.managedFields` of the fake: read, written, and what an apply drops."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aks_action.model.documents import get_in, set_in
from aks_action.model.manifests import Document
from tests.fakes import field_sets

Owners = dict[tuple[str, str], set[field_sets.Path]]
"""Paths by (manager, operation)."""


def read(live: Document | None) -> Owners:
    """Who owns what of a live object."""
    owners: Owners = {}
    for entry in get_in(live, ("metadata", "managedFields")) or []:
        paths = field_sets.from_fields_v1(entry.get("fieldsV1") or {})
        owners.setdefault(_who(entry), set()).update(paths)
    return owners


def write(document: Mapping[str, Any], owners: Owners, live: Document | None) -> dict[str, Any]:
    """`document` with `managedFields`; an entry of `live` that says the same is kept as it is."""
    old = {_who(entry): entry for entry in get_in(live, ("metadata", "managedFields")) or []}
    entries = []
    for who, paths in owners.items():
        before = old.get(who)
        if before and field_sets.from_fields_v1(before.get("fieldsV1") or {}) == paths:
            entries.append(before)
        elif paths:
            entries.append(_entry(who, document, paths))
    return set_in(document, ("metadata", "managedFields"), in_order(entries))


def in_order(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Entries as the server sorts them: applies first."""
    return sorted(entries, key=_who_sorted)


def drop(document: Any, paths: set[field_sets.Path], others: Owners) -> Any:
    """`document` without the paths that nobody owns any longer."""
    elsewhere = set().union(*others.values())
    # Items before their fields: an item that has lost its key can no longer be found.
    for path in sorted(paths - elsewhere, key=lambda path: (len(path), path[-1] != ".")):
        item = path[:-1] if path[-1] == "." else path
        if not any(other[: len(item)] == item for other in elsewhere):
            document = field_sets.remove(document, path)
    return document


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _who(entry: Mapping[str, Any]) -> tuple[str, str]:
    return entry["manager"], entry["operation"]


def _who_sorted(entry: Mapping[str, Any]) -> tuple[str, str]:
    return entry["operation"], entry["manager"]


def _entry(
    who: tuple[str, str], document: Mapping[str, Any], paths: set[field_sets.Path]
) -> dict[str, Any]:
    manager, operation = who
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": document["apiVersion"],
        "time": now(),
        "fieldsType": "FieldsV1",
        "fieldsV1": field_sets.to_fields_v1(paths),
    }
