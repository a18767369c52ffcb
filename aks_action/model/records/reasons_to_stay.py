"""Why an object that a release had, and has no longer, is not pruned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aks_action.model.configuration.readers import owner_words
from aks_action.model.documents import get_in
from aks_action.model.manifests import Document, ManifestSet, ObjectRef
from aks_action.model.records.apply_sets import apply_set_id, set_of
from aks_action.model.records.formers import Former
from aks_action.model.references import references
from aks_action.model.release_settings import GUARDED_KINDS
from aks_action.model.volumes.marks import is_replaced

KEEP = "aks-action/prune"
"""The annotation of an object that is never pruned; its value is `false`."""


def reasons_to_stay(
    gone: Iterable[Former],
    live: Mapping[ObjectRef, Document],
    manifests: ManifestSet,
    *,
    kinds: frozenset[str],
    parent: ObjectRef,
) -> dict[ObjectRef, str]:
    """The first reason of each object, as the end of a sentence; empty where there is none.

    kinds:  those of `GUARDED_KINDS` that may be pruned.
    parent: the release's own Secret, whose ApplySet has the members.
    """
    named = _named(manifests)
    return {
        each.ref: _of_its_own(each, live[each.ref], kinds, parent)
        or named.get((each.ref.kind, each.ref.namespace, each.ref.name), "")
        or _in_manifests(live[each.ref], manifests)
        for each in gone
    }


def _of_its_own(former: Former, live: Document, kinds: frozenset[str], parent: ObjectRef) -> str:
    """What the object itself says, or what it is."""
    annotations = get_in(live, ("metadata", "annotations")) or {}
    owner, member_of, kind = _owner(live), set_of(live), former.ref.kind
    uid = str(get_in(live, ("metadata", "uid")) or "")
    reasons = {
        f'its annotation `{KEEP}: "false"` says so': str(annotations.get(KEEP)).lower() == "false",
        f"it belongs to {owner} now": owner,
        "it was deployed without `prune: true`. Delete it with kubectl if it should go": (
            not member_of
        ),
        "it is a member of another ApplySet now": member_of != apply_set_id(parent),
        "somebody has made it anew since it was deployed": former.uid not in ("", uid),
        f"`prune-kinds` does not name {kind}": kind in GUARDED_KINDS - kinds,
        "the records of the release are in it": (
            kind == "Namespace" and former.ref.name == parent.namespace
        ),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _owner(live: Document) -> str:
    owners = get_in(live, ("metadata", "ownerReferences")) or ()
    first = next((f"{each['kind']} {each['name']}" for each in owners), "")
    return owner_words(live) or first


def _named(manifests: ManifestSet) -> dict[tuple[str, str, str], str]:
    """What the manifests name, by kind, namespace and name, with who names it as a reason.

    A reference does not tell whether what it names has a namespace.
    """
    return {
        (each.kind, namespace, each.name): f"{manifest.ref} still names it"
        for manifest in manifests
        for each in references(manifest.document)
        for namespace in (each.namespace, "")
    }


def _in_manifests(live: Document, manifests: ManifestSet) -> str:
    replaced = is_replaced(live, manifests)
    return "a claim that was made anew has its place, and its data is kept" if replaced else ""
