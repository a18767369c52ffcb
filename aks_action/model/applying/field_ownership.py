"""Who owns which field of an object: reading `metadata.managedFields`.

The rules are those of server-side apply ("Field management" in the Kubernetes documentation):
an entry per manager, operation and apiVersion holds a trie of fields. A field that only we own
goes away when we apply without it.
"""

from __future__ import annotations

from aks_action.model.applying.diff import render
from aks_action.model.applying.field_tries import FieldPath, field_paths, leaves, parts
from aks_action.model.manifests import Document
from aks_action.model.plan import TakenField
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

_ANNOTATIONS = ("f:metadata", "f:annotations")
_CARRIED = {_ANNOTATIONS, (*_ANNOTATIONS, f"f:{RUN_ANNOTATION}")}


def entries(document: Document) -> tuple[Document, ...]:
    """The managedFields of an object; empty when it has none."""
    return tuple((document.get("metadata") or {}).get("managedFields") or ())


def paths(entry: Document) -> frozenset[FieldPath]:
    """The fields of one managedFields entry, each as its path through the trie."""
    return field_paths(entry.get("fieldsV1") or {})


def identity(entry: Document) -> tuple[str, ...]:
    """What tells the entries of one object apart."""
    keys = ("manager", "operation", "apiVersion", "subresource")
    return tuple(str(entry.get(key, "")) for key in keys)


def applied_by_us(entry: Document) -> bool:
    """Whether an entry of managedFields is the one of our applies."""
    return (entry.get("manager"), entry.get("operation")) == (FIELD_MANAGER, "Apply") and not (
        entry.get("subresource")
    )


def is_kubectls(entry: Document) -> bool:
    """Whether an entry of managedFields is of a `kubectl apply`, which is taken over."""
    applied = (entry.get("manager"), entry.get("operation")) in _KUBECTL_APPLIES
    return applied and not entry.get("subresource")


def owned_by_us(live: Document, path: FieldPath) -> bool:
    """Whether `path` (as in `("f:spec", "f:replicas")`) is ours, or kubectl's and so ours soon."""
    return any(
        path in paths(entry)
        for entry in entries(live)
        if applied_by_us(entry) or is_kubectls(entry)
    )


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


def taken_fields(live: Document, result: Document) -> tuple[TakenField, ...]:
    """Fields that other managers own in `live` and no longer in the dry-run's `result`.

    Our own patches do not count, nor kubectl's applies, since their fields are taken over on
    purpose, nor what controllers report in the status.
    """
    after: dict[tuple[str, ...], frozenset[FieldPath]] = {
        identity(entry): paths(entry) for entry in entries(result)
    }
    taken = {
        TakenField(path=render(parts(path)), manager=str(entry.get("manager", "")))
        for entry in entries(live)
        if entry.get("manager") != FIELD_MANAGER
        and not is_kubectls(entry)
        and entry.get("subresource") != "status"
        for path in leaves(paths(entry)) - after.get(identity(entry), frozenset())
    }
    return tuple(sorted(taken, key=lambda field: (field.path, field.manager)))
