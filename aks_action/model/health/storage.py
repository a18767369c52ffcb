"""PersistentVolumeClaims: bound and grown, or rightly waiting for the first pod that uses them."""

from __future__ import annotations

from aks_action.model.documents import get_in
from aks_action.model.health import probes
from aks_action.model.health.growth import assess_growth
from aks_action.model.health.records import (
    Health,
    Related,
    Trouble,
    failed,
    named,
    progressing,
    ready,
    said,
    text,
)
from aks_action.model.manifests import Document
from aks_action.model.volumes.mounts import CLAIM

_DEFAULT = "storageclass.kubernetes.io/is-default-class"


def assess_claim(document: Document, related: Related) -> Health:
    """Ready when Bound and as large as it asks for, or when its class binds on first use; failed
    when its volume is lost or cannot grow.

    Where StorageClasses may not be listed, the controller's event WaitForFirstConsumer tells.
    """
    phase = text(document, "status", "phase")
    if phase == "Bound":
        size = text(document, "status", "capacity", "storage")
        bound = f"it is bound, with {size}" if size else "it is bound"
        return assess_growth(document, related) or ready(bound)
    ref = named(document, "v1", CLAIM)
    if phase == "Lost":
        trouble = Trouble(
            culprit=ref,
            code="ClaimLost",
            message="its PersistentVolume is gone",
            advice="Restore the volume, or delete the claim so that it is made anew.",
        )
        return failed("its PersistentVolume is gone", trouble)
    if _waits_for_consumer(document, related):
        return ready("it is bound when the first pod uses it")
    return progressing("it is not bound yet", *_troubles(document, related))


def _waits_for_consumer(document: Document, related: Related) -> bool:
    if related.storage_classes is None:
        events = related.events_of(document)
        return any(each.get("reason") == "WaitForFirstConsumer" for each in events)
    storage_class = _class_of(document, related)
    mode = text(storage_class, "volumeBindingMode")
    return mode == "WaitForFirstConsumer" and not text(document, "spec", "volumeName")


def _class_of(document: Document, related: Related) -> Document | None:
    """The claim's class: the named one, else the default one (the youngest, as admission does)."""
    classes = related.storage_classes or {}
    name = get_in(document, ("spec", "storageClassName"))
    if name is not None:
        return classes.get(str(name))
    defaults = [
        each
        for each in classes.values()
        if text(each, "metadata", "annotations", _DEFAULT) == "true"
    ]
    return max(defaults, key=lambda each: text(each, "metadata", "creationTimestamp"), default=None)


def _troubles(document: Document, related: Related) -> list[Trouble]:
    ref = named(document, "v1", CLAIM)
    name = text(document, "spec", "storageClassName")
    if name and related.storage_classes is not None and name not in related.storage_classes:
        known = ", ".join(sorted(related.storage_classes)) or "none"
        return [
            Trouble(
                culprit=ref,
                code="StorageClassNotFound",
                message=f"there is no StorageClass {name} (the cluster has: {known})",
                advice="Correct storageClassName.",
            )
        ]
    return [
        Trouble(
            culprit=ref,
            code=text(event, "reason"),
            message=said(event, "message"),
            advice="Check the StorageClass and what it can provide.",
        )
        for event in related.events_of(document)
        if event.get("reason") in ("ProvisioningFailed", "FailedBinding")
        and related.is_recent(probes.event_time(event))
    ]
