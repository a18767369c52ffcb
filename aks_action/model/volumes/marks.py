"""What this action writes onto objects around volumes, to find them again."""

from __future__ import annotations

from collections.abc import Iterable

from aks_action.model.documents import get_in
from aks_action.model.manifests import Document, Manifest, ref_of

GROWING = "aks-action/volumes-growing"
"""The annotation of a StatefulSet that may have a journal, or claims that still grow. It is seen
without a request of its own."""

JOURNAL = "aks-action/journal"
"""The label of a Secret that holds a StatefulSet while it is made anew."""

RENEWAL = "statefulset-renewal"
JOURNALS = f"{JOURNAL}={RENEWAL}"
"""Selects the journals."""

MARKED: Document = {"metadata": {"annotations": {GROWING: "true"}}}
UNMARKED: Document = {"metadata": {"annotations": {GROWING: None}}}


def is_growing(stateful_set: Document) -> bool:
    return get_in(stateful_set, ("metadata", "annotations", GROWING)) is not None


def is_journal(document: Document) -> bool:
    labelled = get_in(document, ("metadata", "labels", JOURNAL)) == RENEWAL
    return document.get("kind") == "Secret" and labelled


CLAIM_OF = "aks-action/claim-of"
"""The annotation of a claim that was made anew: the name that the manifests give it."""

REPLACED_BY = "aks-action/replaced-by"
"""The annotation of the claim before it: the name of the newer one."""

REPLICAS_BEFORE = "aks-action/replicas-before"
"""The annotation of a workload that is stopped while a claim of it is made anew."""


def is_claim_version(document: Document) -> bool:
    named = get_in(document, ("metadata", "annotations", CLAIM_OF))
    return document.get("kind") == "PersistentVolumeClaim" and bool(named)


def is_replaced(claim: Document, manifests: Iterable[Manifest]) -> bool:
    """Whether another claim has taken a live one's place, in this run or in an earlier one.

    manifests: as they are to be applied; a version among them may be about to be made.
    """
    ref = ref_of(claim)
    annotations = get_in(claim, ("metadata", "annotations")) or {}
    plain = annotations.get(CLAIM_OF, ref.name)
    return ref.group_kind == "PersistentVolumeClaim" and (
        REPLACED_BY in annotations
        or any(
            is_claim_version(each.document)
            and (each.ref.namespace, each.annotations[CLAIM_OF]) == (ref.namespace, plain)
            for each in manifests
        )
    )


def is_stopped(workload: Document) -> bool:
    return get_in(workload, ("metadata", "annotations", REPLICAS_BEFORE)) is not None
