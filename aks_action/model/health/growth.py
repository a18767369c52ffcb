"""The growth of a PersistentVolumeClaim's volume, from the request to the file system.

The resizer and the kubelet tell of it in `status`: `capacity` is what there is, conditions and
`allocatedResourceStatuses` how far they are (KEP-1790).
"""

from __future__ import annotations

from aks_action.model.health import probes
from aks_action.model.health.records import (
    Gravity,
    Health,
    Related,
    Trouble,
    condition,
    failed,
    named,
    progressing,
    ready,
    text,
)
from aks_action.model.manifests import Document
from aks_action.model.volumes import quantities
from aks_action.model.volumes.mounts import CLAIM, has_ended

RESIZE_ERRORS = ("ControllerResizeError", "NodeResizeError")
"""Conditions of a try that has failed; the next one takes them away."""

INFEASIBLE = "ResizeInfeasible"

_FAILED_TRIES = ("VolumeResizeFailed", "FileSystemResizeFailed")
_ON_NODE = "FileSystemResizePending"


def assess_growth(document: Document, related: Related) -> Health | None:
    """How far a bound claim has grown; None when it has what it asks for.

    What is infeasible fails at once, another failed try when the next one does not follow soon.
    A file system that waits for a pod is no reason to wait where no pod comes.
    """
    asked, has = _asked(document), text(document, "status", "capacity", "storage")
    if not quantities.is_more(asked, has):
        return None
    if (error := _error(document)) is not None:
        return failed(f"its volume does not grow from {has} to {asked}: {error.message}", error)
    if condition(document, _ON_NODE).get("status") == "True":
        if related.users is not None and all(map(has_ended, related.users)):
            return ready(f"it has grown to {asked}; its file system follows when a pod mounts it")
        return progressing(f"its file system is to grow from {has} to {asked}")
    troubles = _failed_tries(document, related)
    why = f": {troubles[-1].message}" if troubles else ""
    return progressing(f"its volume is to grow from {has} to {asked}{why}", *troubles)


def _asked(document: Document) -> str:
    return text(document, "spec", "resources", "requests", "storage")


def _error(document: Document) -> Trouble | None:
    """Why growing to what is asked for now has failed."""
    found = next(
        (
            each
            for name in RESIZE_ERRORS
            if (each := condition(document, name)).get("status") == "True"
        ),
        {},
    )
    state = text(document, "status", "allocatedResourceStatuses", "storage")
    if text(document, "status", "allocatedResources", "storage") not in ("", _asked(document)):
        return None  # what it says is about an earlier request
    if not found and not state.endswith(INFEASIBLE):
        return None
    message = " ".join(text(found, "message").split()) or state
    return _trouble(document, state if state.endswith(INFEASIBLE) else text(found, "type"), message)


def _trouble(document: Document, code: str, message: str) -> Trouble:
    infeasible = code.endswith(INFEASIBLE)
    return Trouble(
        culprit=named(document, "v1", CLAIM),
        code=code,
        message=message,
        advice="Ask for less, which may be anything above what it has, or give its storage room."
        if infeasible
        else "Check what its StorageClass says of growing, and the log of its driver's resizer.",
        gravity=Gravity.TEMPLATE if infeasible else Gravity.POD,
    )


def _failed_tries(document: Document, related: Related) -> list[Trouble]:
    return [
        Trouble(
            culprit=named(document, "v1", CLAIM),
            code=text(event, "reason"),
            message=" ".join(text(event, "message").split()),
            advice="Some drivers grow a volume only while no pod uses it: scale its workload down.",
        )
        for event in sorted(related.events_of(document), key=probes.event_time)
        if event.get("reason") in _FAILED_TRIES and related.is_recent(probes.event_time(event))
    ]
