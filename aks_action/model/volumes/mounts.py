"""Which pods use which PersistentVolumeClaims."""

from __future__ import annotations

from collections.abc import Iterator

from aks_action.model.documents import get_in
from aks_action.model.manifests import Document, ObjectRef, ref_of

CLAIM = "PersistentVolumeClaim"

_ENDED = ("Succeeded", "Failed")


def claim_ref(name: str, namespace: str) -> ObjectRef:
    return ObjectRef(api_version="v1", kind=CLAIM, name=name, namespace=namespace)


def claims_of(pod: Document) -> Iterator[ObjectRef]:
    """The claims that a Pod names, also where it has not begun to mount them."""
    namespace = ref_of(pod).namespace
    for volume in get_in(pod, ("spec", "volumes")) or ():
        name = get_in(volume, ("persistentVolumeClaim", "claimName"))
        if isinstance(name, str):
            yield claim_ref(name, namespace)


def has_ended(pod: Document) -> bool:
    """Whether a Pod uses no volume any more, though it is still there."""
    return get_in(pod, ("status", "phase")) in _ENDED


def is_only_more(document: Document) -> bool:
    """Whether a document only makes a claim of a StatefulSet ask for more; it is no manifest."""
    return document.get("kind") == CLAIM and set(get_in(document, ("spec",), ())) == {"resources"}
