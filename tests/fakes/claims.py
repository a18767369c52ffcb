"""What the fake API server refuses of PersistentVolumeClaims and of a StatefulSet's templates.

The texts are those of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aks_action.model.documents import get_in, without
from aks_action.model.manifests import Document
from aks_action.model.volumes import quantities

Cause = dict[str, str]

SIZE = ("spec", "resources", "requests", "storage")
_KEPT = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName "
    "for bound claims"
)
_UPDATES = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
    "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
    "'minReadySeconds' are forbidden"
)
NOT_EXPANDABLE = (
    "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc "
    "must support resize"
)


def may_grow(live: Document, candidate: Document, classes: Mapping[str, Document]) -> str:
    """Why admission refuses a larger claim; empty where it does not, or nothing grows."""
    if not quantities.is_more(get_in(candidate, SIZE), get_in(live, SIZE)):
        return ""
    if get_in(live, ("status", "phase")) != "Bound":
        return "Only bound persistent volume claims can be expanded"
    found = classes.get(str(get_in(live, ("spec", "storageClassName"))), {})
    return "" if found.get("allowVolumeExpansion") else NOT_EXPANDABLE


def causes(live: Document, candidate: Document) -> Iterator[Cause]:
    """What validation finds wrong with a change."""
    if live["kind"] == "PersistentVolumeClaim":
        before, after = (without(each["spec"], SIZE[1:]) for each in (live, candidate))
        if "volumeName" not in before:
            after = without(after, ("volumeName",))
        if before != after:
            yield _forbidden("spec", _KEPT)
        if quantities.is_more(get_in(live, SIZE), get_in(candidate, SIZE)):
            has = get_in(live, ("status", "capacity", "storage"))
            if not quantities.is_more(get_in(candidate, SIZE), has):
                yield _forbidden(".".join(SIZE), "field can not be less than status.capacity")
    if live["kind"] == "StatefulSet":
        path = ("spec", "volumeClaimTemplates")
        if get_in(live, path) != get_in(candidate, path):
            yield _forbidden("spec", _UPDATES)


def _forbidden(field: str, message: str) -> Cause:
    return {"reason": "FieldValueForbidden", "message": f"Forbidden: {message}", "field": field}


def described(found: list[Cause]) -> str:
    """All causes as the message of a Status joins them."""
    texts: list[Any] = [f"{each['field']}: {each['message']}" for each in found]
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
