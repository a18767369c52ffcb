"""Pods: whether one is ready, and what keeps it from ever being ready."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from aks_action.model.documents import get_in
from aks_action.model.health import probes
from aks_action.model.health.container_cases import pod_ref
from aks_action.model.health.container_ends import CRASH_LOOP
from aks_action.model.health.container_starts import may_appear, missing_advice
from aks_action.model.health.containers import container_troubles
from aks_action.model.health.creation import leaving
from aks_action.model.health.records import (
    Gravity,
    Health,
    Related,
    Trouble,
    condition,
    failed,
    progressing,
    ready,
    said,
    text,
)
from aks_action.model.manifests import Document
from aks_action.model.volumes.mounts import mounted

_PASSING_MOUNT = ("not registered", "cache", "timed out waiting for the condition")
_PASSING_NODES = ("unbound immediate PersistentVolumeClaims", "node.kubernetes.io/")
UNSCHEDULABLE = "Unschedulable"
CANNOT_MOUNT = "FailedMount"
_NO_CLAIM = re.compile(r'persistentvolumeclaim "([^"]+)" not found')


def assess_pod(pod: Document, related: Related) -> Health:
    """A bare Pod: ready when it is Ready or has succeeded; failed when it failed or never can."""
    phase = text(pod, "status", "phase")
    troubles = pod_troubles(pod, related)
    if phase == "Succeeded":
        return ready("it has completed", *troubles)
    if is_ready(pod):
        return ready("it is ready", *troubles)
    if phase == "Failed":
        return failed(_why_failed(pod, troubles), *troubles)
    message = f"it is {phase.lower() or 'pending'} and not ready"
    fatal = [each for each in troubles if each.gravity > Gravity.HINT]
    if fatal:
        return failed(fatal[0].message, *troubles)
    return progressing(message, *troubles)


def _why_failed(pod: Document, troubles: tuple[Trouble, ...]) -> str:
    if troubles:
        return troubles[0].message
    return said(pod, "status", "message") or text(pod, "status", "reason") or "it has failed"


def is_ready(pod: Document) -> bool:
    return condition(pod, "Ready").get("status") == "True"


def is_counted(pod: Document) -> bool:
    """Whether a controller still counts on this pod; it replaces evicted and leaving ones."""
    return text(pod, "status", "phase") not in ("Failed", "Succeeded") and not get_in(
        pod, ("metadata", "deletionTimestamp")
    )


def pod_troubles(pod: Document, related: Related) -> tuple[Trouble, ...]:
    """Everything that is known to keep a pod from being ready.

    A pod that was there before this run began is judged mildly: its state carries no time, and
    the deploy may just have mended its cause.
    """
    found = (
        *_scheduling(pod, related),
        *container_troubles(pod, related),
        *_volumes(pod, related),
    )
    if related.is_recent(text(pod, "metadata", "creationTimestamp")):
        return found
    return tuple(
        each if each.code == CRASH_LOOP else replace(each, gravity=Gravity.HINT) for each in found
    )


def _scheduling(pod: Document, related: Related) -> Iterator[Trouble]:
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") != "False" or scheduled.get("reason") != UNSCHEDULABLE:
        return
    words = said(scheduled, "message")
    gravity, advice = _weigh(words, pod, related)
    yield Trouble(
        culprit=pod_ref(pod),
        code=UNSCHEDULABLE,
        message=f"no node can take it: {words or 'the scheduler gives no reason'}",
        advice=advice,
        gravity=gravity,
    )


def _weigh(words: str, pod: Document, related: Related) -> tuple[Gravity, str]:
    """How final it is that no node takes a pod, and what to do.

    A claim that does not exist is nothing that a node could bring, except for a StatefulSet's,
    which its controller makes just before the pod. Else something may still help: a volume being
    provisioned, a node becoming ready, a pod leaving, an autoscaler. That an autoscaler will not
    help stands in its event NotTriggerScaleUp alone, which proves nothing.
    """
    owners = {owner.get("kind") for owner in get_in(pod, ("metadata", "ownerReferences")) or ()}
    if claim := _NO_CLAIM.search(words):
        gravity = Gravity.HINT if "StatefulSet" in owners else Gravity.TEMPLATE
        return gravity, f"Add the PersistentVolumeClaim {claim[1]} to `manifests`."
    advice = "Check nodeSelector, affinity and tolerations against the nodes."
    if "Insufficient" in words:
        advice = "Lower resources.requests, or add nodes."
    passing = any(phrase in words for phrase in _PASSING_NODES) or leaving(related)
    return Gravity.HINT if passing or related.autoscaled else Gravity.POD, advice


def _volumes(pod: Document, related: Related) -> Iterator[Trouble]:
    """FailedMount and FailedAttachVolume, while a container still waits for its volumes.

    Of each volume the latest event counts: an older one may tell of what was made since. It is
    lasting only where the pod names something that is not there, as was looked for.
    """
    if not _awaits_volumes(pod):
        return
    latest: dict[str, Document] = {}
    for event in sorted(related.events_of(pod), key=probes.event_time):
        if event.get("reason") in ("FailedMount", "FailedAttachVolume"):
            latest[_volume_of(event)] = event
    for event in latest.values():
        words = said(event, "message")
        if any(phrase in words for phrase in _PASSING_MOUNT):
            continue
        missing = "not found" in words or "non-existent config key" in words
        proven = missing and not related.absent.isdisjoint(mounted(pod))
        lasting = proven and not may_appear(words, pod, related)
        yield Trouble(
            culprit=pod_ref(pod),
            code=text(event, "reason"),
            message=f"a volume cannot be mounted: {_without_prefix(words)}",
            advice=missing_advice(words) if missing else "",
            gravity=Gravity.TEMPLATE if lasting else Gravity.HINT,
        )


def _volume_of(event: Document) -> str:
    found = re.search(r'volume "([^"]*)"', text(event, "message"))
    return found[1] if found else ""


def _awaits_volumes(pod: Document) -> bool:
    reasons = {
        text(status, "state", "waiting", "reason")
        for name in ("initContainerStatuses", "containerStatuses")
        for status in get_in(pod, ("status", name)) or ()
    }
    return text(pod, "status", "phase") == "Pending" and (
        not reasons or bool(reasons & {"ContainerCreating", "PodInitializing"})
    )


def _without_prefix(words: str) -> str:
    """`volume "config": configmap "x" not found`, without the name of the kubelet's function."""
    return re.sub(r'^MountVolume\.\w+ failed for volume ("[^"]*") *:', r"volume \1:", words)


def worst(pods: Iterable[Document], related: Related) -> tuple[list[Trouble], bool, bool]:
    """Over a template's pods: (troubles, whether any cannot start, whether none can)."""
    counted = [pod for pod in pods if is_counted(pod)]
    each_pod = [pod_troubles(pod, related) if not is_ready(pod) else () for pod in counted]
    troubles = [trouble for found in each_pod for trouble in found]
    doomed = [any(each.gravity > Gravity.HINT for each in found) for found in each_pod]
    template = any(each.gravity is Gravity.TEMPLATE for each in troubles)
    proven = any(is_ready(pod) for pod in counted)
    return troubles, any(doomed), (template and not proven) or (bool(doomed) and all(doomed))
