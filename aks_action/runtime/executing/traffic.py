"""Carrying out the steps that move traffic, and waiting until it has moved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aks_action.clients.clock import TimeLimit
from aks_action.clients.ports import Cluster
from aks_action.errors import ApiError, ApplyError
from aks_action.model import durations
from aks_action.model.documents import get_in
from aks_action.model.manifests import Document
from aks_action.model.traffic.steps import (
    Patch,
    Pause,
    Reroute,
    TrafficStep,
    WaitAccepted,
    WaitEndpoints,
    WaitPods,
)
from aks_action.model.traffic.weights import rerouted
from aks_action.runtime.waiting import traffic as traffic_waits

_TRIES = 5
_REMINDER = 60.0
"""Seconds between two lines of a pause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What the steps work with: see `surroundings.Surroundings`, whose fields these are."""

    cluster: Cluster
    limit: TimeLimit
    tell: Callable[[str], None]


def carry_out(step: TrafficStep, around: Traffic, known: Document | None = None) -> Document | None:
    """One step. Returns the object that was written; None when nothing had to be.

    known: the object as this run knows it.

    Raises ApplyError for a write that is refused, RolloutFailed for a route that a gateway
    refuses, RolloutTimeout for a wait that the deadline ends.
    """
    match step:
        case Patch():
            return _patch(step, around, known)
        case Reroute():
            return _reroute(step, around)
        case Pause():
            _pause(step, around)
        case WaitPods() | WaitEndpoints() | WaitAccepted():
            carry_out_waits((step,), around)
    return None


def carry_out_waits(steps: Sequence[traffic_waits.TrafficWait], around: Traffic) -> None:
    """Waits that begin together. Raises as `traffic_waits.wait`."""
    if steps:
        traffic_waits.wait(steps, around.cluster, around.limit, around.tell)


def _patch(step: Patch, around: Traffic, known: Document | None) -> Document | None:
    """The server tells by the resourceVersion whether the patch has changed anything."""
    try:
        patched = around.cluster.patch(step.ref, step.body)
    except ApiError as error:
        if error.status != 404:
            raise
        gone = f"{step.ref} is gone; it was to be changed: {step.why}. Run this again."
        raise ApplyError(gone) from error
    return None if _version(patched) == _version(known) else patched


def _version(document: Document | None) -> object:
    return get_in(document, ("metadata", "resourceVersion"))


def _reroute(step: Reroute, around: Traffic) -> Document | None:
    """The resourceVersion makes the write fail if somebody else changed the route meanwhile."""
    for attempt in range(1, _TRIES + 1):
        live = around.cluster.get(step.ref)
        if live is None:
            return None
        wanted = rerouted(live, step.splits)
        if wanted is live:
            return None
        version = live["metadata"]["resourceVersion"]
        rules = wanted["spec"]["rules"]
        body = {"metadata": {"resourceVersion": version}, "spec": {"rules": rules}}
        try:
            return around.cluster.patch(step.ref, body)
        except ApiError as error:
            if error.status != 409 or attempt == _TRIES:
                raise
    return None


def _pause(step: Pause, around: Traffic) -> None:
    """Time passes in pieces, each with a line that tells how much is left.

    It was asked for, so that nothing of it is missing in what comes after.
    """
    clock = around.limit.clock
    ends = clock.now() + step.seconds
    with around.limit.besides(step.seconds):
        while (left := ends - clock.now()) > 0:
            if left > _REMINDER:
                around.tell(f"waiting for {durations.readable(left)} more ({step.why})")
            clock.sleep(min(left, _REMINDER))
