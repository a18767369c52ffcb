"""Pods that a controller is not allowed to create: FailedCreate, by condition or by event."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from aks_action.model.documents import get_in
from aks_action.model.health import probes
from aks_action.model.health.records import Gravity, Related, Trouble, condition, said, text
from aks_action.model.manifests import Document, ObjectRef

# `Error creating: pods "web-x2b4c" is forbidden: …`: the name differs with every try.
_CREATING = re.compile(r'^(Error creating: )?(pods "[^"]*" (is forbidden: )?)?')
_PASSING = ("failed calling webhook", "timeout", "try again", "being terminated")


def refused_creation(
    owner: Document, ref: ObjectRef, related: Related, *, may_free: bool
) -> Iterator[Trouble]:
    """Why `owner` (ReplicaSet, StatefulSet, DaemonSet or Job) cannot create its pods.

    A ReplicaSet says so by its condition ReplicaFailure, which goes away by itself; the others by
    Warning events only, of which the latest is told as a hint.
    may_free: the rollout can still take old pods away, so that a quota may suffice later.
    """
    failure = condition(owner, "ReplicaFailure")
    if failure.get("status") == "True" and failure.get("reason") == "FailedCreate":
        yield _trouble(said(failure, "message"), ref, related, may_free=may_free)
        return
    if text(owner, "kind") == "ReplicaSet":
        return
    events = [
        event
        for event in related.events_of(owner)
        if event.get("reason") == "FailedCreate" and related.is_recent(probes.event_time(event))
    ]
    if events:
        words = said(max(events, key=probes.event_time), "message")
        trouble = _trouble(words, ref, related, may_free=may_free)
        yield replace(trouble, gravity=Gravity.HINT)


def _trouble(words: str, ref: ObjectRef, related: Related, *, may_free: bool) -> Trouble:
    gravity, advice = _weigh(words, related, may_free=may_free)
    cause = _CREATING.sub("", words)
    return Trouble(
        culprit=ref,
        code="FailedCreate",
        message=f"its pods cannot be created: {cause}",
        advice=advice,
        gravity=gravity,
    )


def _weigh(words: str, related: Related, *, may_free: bool) -> tuple[Gravity, str]:
    if "exceeded quota" in words:
        gravity = Gravity.HINT if may_free else Gravity.TEMPLATE
        return gravity, "Raise the ResourceQuota, or ask for less (replicas, resources)."
    if "serviceaccount" in words.lower() and "not found" in words:
        made_soon = related.may_appear or '"default"' in words
        gravity = Gravity.HINT if made_soon else Gravity.TEMPLATE
        return gravity, "Add the ServiceAccount to `manifests`, or correct serviceAccountName."
    if any(phrase in words for phrase in _PASSING):
        return Gravity.HINT, ""
    if "denied the request" in words or "violates PodSecurity" in words:
        return Gravity.TEMPLATE, "Change the pod template so that the cluster's policy admits it."
    if "forbidden" in words or "invalid" in words.lower():
        return Gravity.TEMPLATE, "Change the pod template as the message asks."
    return Gravity.HINT, ""


def leaving(related: Related) -> bool:
    """Whether any pod is on its way out, which frees what it used."""
    return any(get_in(pod, ("metadata", "deletionTimestamp")) for pod in related.pods)
