"""What to apply so that an object is as it was before a run: server-side apply, backwards.

Applied is what was ours in it. Fields that the run has added are ours alone, and go away with
that; what it has taken from other managers is given back; what others have written since stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aks_action.model.applying.field_ownership import (
    applied_by_us,
    entries,
    identity,
    is_kubectls,
    paths,
)
from aks_action.model.applying.field_tries import FieldPath, Fields, keys_of, leaves, lookup, union
from aks_action.model.documents import get_in, set_in
from aks_action.model.manifests import Document
from aks_action.model.replicas import REPLICAS

_SERVER_ALONE = ("status", "metadata")
_KEPT_METADATA = ("name", "namespace", "labels", "annotations")


def as_before(before: Document, applied: Document, now: Document) -> Document:
    """What to apply to an object that a run has applied a document to.

    before: the live object as it was observed.     now: as it is.
    """
    lost = _owned(now, ours=False) - _owned(now, ours=True)
    taken = {
        path
        for path in _owned(before, ours=False)
        if (asked := lookup(applied, path)) is not None and asked != lookup(before, path)
    }
    return _part_of(before, (_owned(before, ours=True) - lost) | taken)


def made_again(before: Document) -> Document:
    """What to apply where an object is gone: what was ours in it, as a manifest states it.

    Where nothing was ours, all but what the server alone decides. Replicas that an autoscaler has
    set are kept, since it needs some time to count them again.
    """
    mine = _owned(before, ours=True)
    if not mine:
        plain = {
            key: before["metadata"][key] for key in _KEPT_METADATA if key in before["metadata"]
        }
        rest = {key: value for key, value in before.items() if key not in _SERVER_ALONE}
        return {**rest, "metadata": plain}
    found = _part_of(before, mine)
    replicas = get_in(before, REPLICAS)
    return found if replicas is None else set_in(found, REPLICAS, replicas)


def owners_again(before: Document, now: Document) -> tuple[Document, ...] | None:
    """The managedFields to set once `as_before` was applied; None where they are right.

    Ours and kubectl's are as they were. Every other manager has what it has now, and what it had:
    it was this run that took it.
    """
    found = {identity(each): each for each in entries(now) if not _is_ours(each)}
    for entry in entries(before):
        who, other = identity(entry), found.get(identity(entry), {})
        if _is_ours(entry):
            found[who] = entry
        elif entry.get("subresource") != "status" and paths(entry) - paths(other):
            fields = union(entry.get("fieldsV1") or {}, other.get("fieldsV1") or {})
            found[who] = {**entry, "fieldsV1": fields}
    are = {identity(each): paths(each) for each in entries(now)}
    wanted = {who: paths(each) for who, each in found.items()}
    return None if are == wanted else tuple(found.values())


def _is_ours(entry: Document) -> bool:
    """Whether its fields are ours, or kubectl's and so taken over."""
    return applied_by_us(entry) or is_kubectls(entry)


def _owned(document: Document, *, ours: bool) -> frozenset[FieldPath]:
    """The fields that are ours, or those of all others; none of the status."""
    return leaves(
        path
        for entry in entries(document)
        if _is_ours(entry) == ours and entry.get("subresource") != "status"
        for path in paths(entry)
    )


def _part_of(document: Document, wanted: Iterable[FieldPath]) -> Document:
    trie: dict[str, Any] = {}
    for path in wanted:
        inner = trie
        for step in path:
            inner = inner.setdefault(step, {})
    part = _part(document, trie) if trie else {}
    metadata = document["metadata"]
    named = {key: metadata[key] for key in ("name", "namespace") if metadata.get(key)}
    return {
        "apiVersion": document["apiVersion"],
        "kind": document["kind"],
        **part,
        "metadata": {**part.get("metadata", {}), **named},
    }


def _part(value: Any, fields: Fields) -> Any:
    """What a trie names of a value; all of it where the trie ends."""
    if not fields:
        return value
    if isinstance(value, Mapping):
        named = ((step[2:], below) for step, below in fields.items() if step.startswith("f:"))
        return {key: _part(value[key], below) for key, below in named if key in value}
    if isinstance(value, list):
        return [part for item in value for part in _item(item, fields)]
    return value


def _item(item: Any, fields: Fields) -> tuple[Any, ...]:
    """What a trie names of a list's item: nothing, or one part that has its keys."""
    for step, below in fields.items():
        if lookup([item], (step,)) is None:
            continue
        if not (step.startswith("k:") and isinstance(item, Mapping)):
            return (item,)
        keys = {key: item[key] for key in keys_of(step[2:]) if key in item}
        return ({**keys, **_part(item, below)},)
    return ()
