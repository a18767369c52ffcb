"""Carrying out the steps that move traffic, and waiting until it has moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aks_action.clients.ports import Clock, Cluster
from aks_action.errors import ApiError, ApplyError, RolloutFailed, RolloutTimeout
from aks_action.model import durations
from aks_action.model.endpoints import (
    SERVICE_NAME,
    crash_loop,
    endpoints,
    is_ready,
    missing,
    steadiness,
)
from aks_action.model.health import Related, assess
from aks_action.model.manifests import Document
from aks_action.model.traffic_steps import (
    Patch,
    Pause,
    Reroute,
    TrafficStep,
    WaitAccepted,
    WaitEndpoints,
    WaitPods,
    holds,
)
from aks_action.model.weights import rerouted

_Wait = WaitPods | WaitEndpoints | WaitAccepted

_TRIES = 5
_REMINDER = 60.0
"""Seconds between two lines of a pause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What the steps work with: see `executor.Surroundings`, whose fields these are."""

    cluster: Cluster
    clock: Clock
    deadline: float
    tell: Callable[[str], None]


def carry_out(step: TrafficStep, around: Traffic) -> Document | None:
    """One step. Returns the object that was written; None when nothing had to be.

    Raises ApplyError for a write that is refused, RolloutFailed for a route that a gateway
    refuses, RolloutTimeout for a wait that the deadline ends.
    """
    match step:
        case Patch():
            return _patch(step, around)
        case Reroute():
            return _reroute(step, around)
        case Pause():
            _pause(step, around)
        case WaitPods() | WaitEndpoints() | WaitAccepted():
            carry_out_waits((step,), around)
    return None


def carry_out_waits(steps: Sequence[_Wait], around: Traffic) -> None:
    """Waits that begin together: those for steady pods last as long as the longest of them."""
    for step in steps:
        _wait(step, around)
    steady = [step for step in steps if isinstance(step, WaitPods) and step.steady]
    if steady:
        _steady(steady, around)


def _patch(step: Patch, around: Traffic) -> Document | None:
    live = around.cluster.get(step.ref)
    if live is None:
        raise ApplyError(f"{step.ref} is gone; it was to be changed: {step.why}. Run this again.")
    return None if holds(step.body, live) else around.cluster.patch(step.ref, step.body)


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
    """Time passes in pieces, each with a line that tells how much is left."""
    ends = around.clock.now() + step.seconds
    while (left := ends - around.clock.now()) > 0:
        if left > _REMINDER:
            around.tell(f"waiting for {durations.readable(left)} more ({step.why})")
        around.clock.sleep(min(left, _REMINDER))


def _wait(step: _Wait, around: Traffic) -> None:
    """Look again and again, less and less often, until nothing is missing any more."""
    pause = 0.1
    told = ""
    while reason := _missing(step, around.cluster):
        if around.clock.now() >= around.deadline:
            raise RolloutTimeout(f"Waited {step}, but {reason}. The time limit is over.")
        if reason != told:
            around.tell(f"waiting {step}: {reason}")
            told = reason
        around.clock.sleep(pause)
        pause = min(pause * 1.5, 1.0)


def _steady(steps: Sequence[WaitPods], around: Traffic) -> None:
    """Look on until nothing has changed for long enough; every restart begins it anew.

    Raises RolloutFailed for a container that the kubelet restarts less and less often.
    """
    known, since = None, around.clock.now()
    while True:
        now = around.clock.now()
        pods = [_listed(around.cluster, "v1", "Pod", each.namespace, each.labels) for each in steps]
        for step, listed in zip(steps, pods, strict=True):
            if crash := crash_loop(listed):
                raise RolloutFailed(f"Waited {step}, but {crash}.")
        found = [steadiness(each) for each in pods]
        if None in found or found != known:
            known, since = found, now
        elif now - since >= max(each.steady for each in steps):
            return
        if now >= around.deadline:
            unsteady = (step for step, each in zip(steps, found, strict=True) if each is None)
            raise RolloutTimeout(
                f"Waited {next(unsteady, steps[0])}, but they became unready or restarted again "
                "and again. The time limit is over."
            )
        around.clock.sleep(0.5)


def _missing(step: _Wait, cluster: Cluster) -> str:
    match step:
        case WaitPods():
            pods = _listed(cluster, "v1", "Pod", step.namespace, step.labels)
            ready = any(is_ready(each) for each in pods)
            return "" if ready else f"none of {len(pods)} pods with these labels is ready"
        case WaitEndpoints():
            namespace = step.service.namespace
            named = {SERVICE_NAME: step.service.name}
            slices = _listed(cluster, "discovery.k8s.io/v1", "EndpointSlice", namespace, named)
            pods = _listed(cluster, "v1", "Pod", namespace, {})
            return missing(step, tuple(endpoints(slices, pods)))
        case WaitAccepted():
            return _not_accepted(step, cluster)


def _not_accepted(step: WaitAccepted, cluster: Cluster) -> str:
    live = cluster.get(step.ref)
    if live is None:
        return "it is gone"
    health = assess(live, Related())
    if health.is_failed:
        raise RolloutFailed(f"{step.ref}: {health.message}. {health.advice}".strip())
    return "" if health.is_ready else health.message


def _listed(
    cluster: Cluster, api_version: str, kind: str, namespace: str, labels: Mapping[str, str]
) -> tuple[Document, ...]:
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    return cluster.list(api_version, kind, namespace=namespace, label_selector=selector).items
