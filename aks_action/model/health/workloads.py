"""Deployments, ReplicaSets, StatefulSets and DaemonSets; only the newest pods are judged."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from aks_action.model.bounded import whole_number
from aks_action.model.documents import get_in
from aks_action.model.health.creation import leaving, refused_creation
from aks_action.model.health.pods import worst
from aks_action.model.health.records import (
    Gravity,
    Health,
    Related,
    Trouble,
    condition,
    controller_of,
    count,
    failed,
    named,
    plural,
    progressing,
    ready,
    text,
    uid_of,
)
from aks_action.model.manifests import Document

REVISION = "deployment.kubernetes.io/revision"


def assess_deployment(document: Document, related: Related) -> Health:
    """As `kubectl rollout status`, and in addition: what its newest ReplicaSet's pods say.

    `Progressing=False` (ProgressDeadlineExceeded) counts only when it became so in this run: an
    older one may be about the very crash that this deploy mends.
    """
    if get_in(document, ("spec", "paused")):
        return ready("it is paused")
    wanted = count(document, "spec", "replicas", default=1)
    message = _deployment_message(document, wanted)
    if not message:
        return ready(f"{_of(wanted, wanted)} available")
    newest = newest_replica_set(document, related)
    troubles: list[Trouble] = []
    doomed = False
    if newest is not None:
        pods = [pod for pod in related.pods if controller_of(pod) == uid_of(newest)]
        troubles, _, doomed = worst(pods, related)
        ref = named(newest, "apps/v1", "ReplicaSet")
        free = leaving(related) or _can_free(document, wanted)
        troubles += refused_creation(newest, ref, related, may_free=free)
    progress = condition(document, "Progressing")
    if progress.get("reason") == "ProgressDeadlineExceeded" and related.is_recent(
        progress.get("lastUpdateTime")
    ):
        limit = count(document, "spec", "progressDeadlineSeconds", default=600)
        return failed(
            f"{message}: no progress within its progressDeadlineSeconds of {limit} s", *troubles
        )
    return _verdict(message, troubles, doomed=doomed or _refused(troubles))


def _deployment_message(document: Document, wanted: int) -> str:
    """What is left to do, as a fragment; empty when the rollout is complete."""
    total = count(document, "status", "replicas")
    updated = count(document, "status", "updatedReplicas")
    available = count(document, "status", "availableReplicas")
    if updated < wanted:
        return f"{_of(updated, wanted)} updated"
    if total > updated:
        old = total - updated
        return f"{plural(old, 'old replica')} {_be(old)} still to be stopped"
    if available < wanted or count(document, "status", "readyReplicas") < wanted:
        return f"{_of(available, wanted)} available"
    progress = condition(document, "Progressing")
    if progress and progress.get("reason") != "NewReplicaSetAvailable":
        return f"{_of(available, wanted)} available, the rollout is not complete"
    return ""


def newest_replica_set(document: Document, related: Related) -> Document | None:
    """The ReplicaSet of the Deployment's own revision, else of the highest one."""

    def revision(each: Document) -> str:
        return text(each, "metadata", "annotations", REVISION)

    own = [each for each in related.replica_sets if controller_of(each) == uid_of(document)]
    current = revision(document)
    for each in own:
        if current and revision(each) == current:
            return each
    if current:  # its ReplicaSet was not seen yet: an older one must not be blamed
        return None
    return max(own, key=lambda each: whole_number(revision(each)) or 0, default=None)


def _can_free(document: Document, wanted: int) -> bool:
    """Whether the rollout may stop an old pod now: more are available than it has to keep."""
    old = count(document, "status", "replicas") - count(document, "status", "updatedReplicas")
    limit = get_in(document, ("spec", "strategy", "rollingUpdate", "maxUnavailable"), 0)
    if isinstance(limit, str) and limit.endswith("%"):
        limit = math.floor(wanted * int(limit[:-1]) / 100)
    surge = get_in(document, ("spec", "strategy", "rollingUpdate", "maxSurge"), 0)
    if not limit and surge in (0, "0%"):
        limit = 1  # as the controller does, since nothing else could move
    keep = wanted - int(limit)
    return old > 0 and count(document, "status", "availableReplicas") > keep


def _refused(troubles: Iterable[Trouble]) -> bool:
    return any(each.code == "FailedCreate" and each.gravity > Gravity.HINT for each in troubles)


def _verdict(message: str, troubles: Sequence[Trouble], *, doomed: bool) -> Health:
    if not doomed:
        return progressing(message, *troubles)
    cause = max(troubles, key=lambda each: each.gravity)
    return failed(f"{cause.sentence}; {message}", *troubles)


def assess_replica_set(document: Document, related: Related) -> Health:
    """A bare ReplicaSet: all of its pods are labelled, ready and available."""
    wanted = count(document, "spec", "replicas", default=1)
    numbers = [
        count(document, "status", name)
        for name in ("fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    ]
    if min(numbers) >= wanted == count(document, "status", "replicas"):
        return ready(f"{_of(wanted, wanted)} available")
    pods = [pod for pod in related.pods if controller_of(pod) == uid_of(document)]
    troubles, _, doomed = worst(pods, related)
    ref = named(document, "apps/v1", "ReplicaSet")
    troubles += refused_creation(document, ref, related, may_free=leaving(related))
    message = f"{_of(count(document, 'status', 'availableReplicas'), wanted)} available"
    return _verdict(message, troubles, doomed=doomed or _refused(troubles))


def assess_stateful_set(document: Document, related: Related) -> Health:
    """As `kubectl rollout status`; with a partition only the ordinals above it are updated.

    OnDelete is never waited for: nobody but the user moves its pods.
    """
    if text(document, "spec", "updateStrategy", "type") == "OnDelete":
        return ready("its pods are updated when somebody deletes them (OnDelete)")
    message = _stateful_set_message(document)
    wanted = count(document, "spec", "replicas", default=1)
    if not message:
        return ready(f"{_of(wanted, wanted)} ready")
    revision = text(document, "status", "updateRevision")
    pods = [
        pod
        for pod in related.pods
        if controller_of(pod) == uid_of(document)
        and text(pod, "metadata", "labels", "controller-revision-hash") == revision
    ]
    troubles, any_doomed, _ = worst(pods, related)
    if count(document, "status", "replicas") < wanted:
        ref = named(document, "apps/v1", "StatefulSet")
        troubles += refused_creation(document, ref, related, may_free=leaving(related))
    return _verdict(message, troubles, doomed=any_doomed or _refused(troubles))


def _stateful_set_message(document: Document) -> str:
    wanted = count(document, "spec", "replicas", default=1)
    partition = count(document, "spec", "updateStrategy", "rollingUpdate", "partition")
    updated = count(document, "status", "updatedReplicas")
    ready_now = count(document, "status", "readyReplicas")
    if count(document, "status", "replicas") > wanted:
        return f"{count(document, 'status', 'replicas') - wanted} too many replicas are running"
    if ready_now < wanted:
        return f"{_of(ready_now, wanted)} ready"
    if updated < max(wanted - partition, 0):
        return f"{_of(updated, max(wanted - partition, 0))} updated"
    available = count(document, "status", "availableReplicas", default=ready_now)
    if available < wanted:
        return f"{_of(available, wanted)} available"
    current, update = (
        text(document, "status", name) for name in ("currentRevision", "updateRevision")
    )
    if not partition and current != update:
        return f"{_of(updated, wanted)} updated"
    return ""


def assess_daemon_set(document: Document, related: Related) -> Health:
    """As `kubectl rollout status`: every node that should run it has the new pod, available."""
    if text(document, "spec", "updateStrategy", "type") == "OnDelete":
        return ready("its pods are updated when somebody deletes them (OnDelete)")
    desired = get_in(document, ("status", "desiredNumberScheduled"))
    if not isinstance(desired, int) or not text(document, "status", "observedGeneration"):
        return progressing("its controller has not seen it yet")
    updated = count(document, "status", "updatedNumberScheduled")
    available = count(document, "status", "numberAvailable")
    if updated >= desired and available >= desired:
        return ready(f"{available} of {plural(desired, 'pod')} {_be(desired)} available")
    counted, done = (updated, "updated") if updated < desired else (available, "available")
    message = f"{counted} of {plural(desired, 'pod')} {_be(desired)} {done}"
    troubles, any_doomed, _ = worst(_current_pods(document, related), related)
    if count(document, "status", "currentNumberScheduled") < desired:
        ref = named(document, "apps/v1", "DaemonSet")
        troubles += refused_creation(document, ref, related, may_free=leaving(related))
    return _verdict(message, troubles, doomed=any_doomed or _refused(troubles))


def _current_pods(document: Document, related: Related) -> list[Document]:
    """The pods of the current template: by its generation, which the controller labels them with.

    Without that label, those of the hash that the youngest pod has.
    """
    own = [pod for pod in related.pods if controller_of(pod) == uid_of(document)]
    annotation = "deprecated.daemonset.template.generation"
    generation = text(document, "metadata", "annotations", annotation)
    label = ("metadata", "labels", "pod-template-generation")
    if generation and any(text(pod, *label) for pod in own):
        return [pod for pod in own if text(pod, *label) == generation]
    label = ("metadata", "labels", "controller-revision-hash")
    youngest = max(own, key=lambda pod: text(pod, "metadata", "creationTimestamp"), default={})
    return [pod for pod in own if text(pod, *label) == text(youngest, *label)]


def _of(done: int, wanted: int) -> str:
    return f"{done} of {plural(wanted, 'replica')} {_be(wanted)}"


def _be(number: int) -> str:
    return "is" if number == 1 else "are"
