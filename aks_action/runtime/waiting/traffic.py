"""Waiting until traffic has moved or pods have gone: by one watch per kind and namespace.

What is there already costs one LIST of each, whatever the number of waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from aks_action.clients.clock import TimeLimit
from aks_action.clients.ports import Cluster
from aks_action.errors import ActionError, ApplyError, RolloutFailed, RolloutTimeout
from aks_action.model.documents import get_in
from aks_action.model.health import Related, assess
from aks_action.model.label_selectors import selects
from aks_action.model.manifests import Document, ObjectRef, ref_of
from aks_action.model.traffic.endpoints import SERVICE_NAME, endpoints, is_ready, missing
from aks_action.model.traffic.steps import WaitAccepted, WaitEndpoints, WaitPods
from aks_action.model.volumes.mounts import claims_of, has_ended
from aks_action.model.volumes.steps import WaitUnused
from aks_action.runtime.feeds import Collection, Feeds, Message, Snapshot, Trouble

TrafficWait = WaitPods | WaitEndpoints | WaitAccepted | WaitUnused

_SLICES = ("discovery.k8s.io/v1", "EndpointSlice")
_PODS = ("v1", "Pod")


def wait(
    steps: Sequence[TrafficWait],
    cluster: Cluster,
    limit: TimeLimit,
    tell: Callable[[str], None],
) -> None:
    """Wait until every step has come true, all at once, within the limit.

    Raises RolloutFailed for a route that a gateway refuses, RolloutTimeout with everything that is
    missing when the time is up, ApiError or AuthError for what may not be listed or watched.
    """
    view = _View(collections_of(steps))
    told: set[tuple[int, str]] = set()
    with Feeds(cluster, limit.clock) as feeds:
        for collection in view.collections:
            feeds.open(collection)
        while not limit.is_over:
            if view.is_complete:
                left = _left(steps, view)
                if not left:
                    return
                for number, reason in sorted(left - told):
                    tell(f"waiting {steps[number]}: {reason}")
                told |= left
            for message in feeds.gather(limit.until):
                view.take(message)
        for message in feeds.look_again():
            view.take(message)
        if not view.is_complete or _left(steps, view):
            raise _timeout(steps, view)


def _left(steps: Sequence[TrafficWait], view: _View) -> set[tuple[int, str]]:
    """The steps that have not come true, by their numbers, and why."""
    return {(n, reason) for n, step in enumerate(steps) if (reason := _missing(step, view))}


def _timeout(steps: Sequence[TrafficWait], view: _View) -> ActionError:
    if view.lost:
        why = next(iter(view.lost.values()))
        return ApplyError(f"Waited {steps[0]}, and whether that came true is not known. {why}")
    if not view.is_complete:
        return RolloutTimeout(f"Waited {steps[0]}, but the cluster did not answer in time.")
    *first, last = (f"Waited {steps[n]}, but {reason}." for n, reason in sorted(_left(steps, view)))
    return RolloutTimeout(*first, f"{last} The time limit is over.")


class _View:
    """What the collections hold, as far as the feeds have told. lost: why one does not tell."""

    def __init__(self, collections: Iterable[Collection]) -> None:
        self.collections = tuple(collections)
        self.lost: dict[Collection, str] = {}
        self._held: dict[Collection, dict[ObjectRef, Document]] = {}

    @property
    def is_complete(self) -> bool:
        return len(self._held) == len(self.collections)

    def take(self, message: Message) -> None:
        """Raises what a feed gave up for."""
        if isinstance(message, Trouble):
            if message.final:
                raise message.error
            self.lost[message.collection] = str(message.error)
            return
        self.lost.pop(message.collection, None)
        if isinstance(message, Snapshot):
            self._held[message.collection] = {ref_of(each): each for each in message.items}
            return
        held, document = self._held[message.collection], message.event.object
        if message.event.type == "DELETED":
            held.pop(ref_of(document), None)
        else:
            held[ref_of(document)] = document

    def of(self, kind: str, namespace: str) -> tuple[Document, ...]:
        return tuple(
            document
            for collection, held in self._held.items()
            if (collection.kind, collection.namespace) == (kind, namespace)
            for document in held.values()
        )


def collections_of(steps: Iterable[TrafficWait]) -> set[Collection]:
    """What has to be watched so that the steps can be judged."""
    wanted: set[tuple[tuple[str, str], str]] = set()
    routes: dict[tuple[tuple[str, str], str], set[str]] = {}
    for step in steps:
        match step:
            case WaitPods():
                wanted.add((_PODS, step.namespace))
            case WaitUnused():
                wanted.add((_PODS, step.claim.namespace))
            case WaitEndpoints():
                wanted |= {(kind, step.service.namespace) for kind in (_PODS, _SLICES)}
            case WaitAccepted():
                place = ((step.ref.api_version, step.ref.kind), step.ref.namespace)
                routes.setdefault(place, set()).add(step.ref.name)
    found = {_collection(kind, namespace) for kind, namespace in wanted}
    for (kind, namespace), names in routes.items():
        only = f"metadata.name={min(names)}" if len(names) == 1 else ""
        found.add(_collection(kind, namespace, only))
    return found


def _collection(kind: tuple[str, str], namespace: str, selector: str = "") -> Collection:
    return Collection(
        api_version=kind[0], kind=kind[1], namespace=namespace, field_selector=selector
    )


def _missing(step: TrafficWait, view: _View) -> str:
    """What a step still waits for, as the end of a sentence; empty for nothing."""
    match step:
        case WaitPods():
            pods = [each for each in view.of("Pod", step.namespace) if _has(each, step.labels)]
            if step.going:
                left = [each for each in pods if not each["metadata"].get("deletionTimestamp")]
                return f"{len(left)} of them are not yet" if left else ""
            ready = any(is_ready(each) for each in pods)
            return "" if ready else f"none of {len(pods)} pods with these labels is ready"
        case WaitEndpoints():
            namespace = step.service.namespace
            slices = [
                each
                for each in view.of("EndpointSlice", namespace)
                if _has(each, {SERVICE_NAME: step.service.name})
            ]
            return missing(step, tuple(endpoints(slices, view.of("Pod", namespace))))
        case WaitAccepted():
            return _not_accepted(step, view)
        case WaitUnused():
            left = [each for each in view.of("Pod", step.claim.namespace) if _uses(each, step)]
            return f"{len(left)} of them still there" if left else ""


def _uses(pod: Document, step: WaitUnused) -> bool:
    labels = get_in(pod, ("metadata", "labels")) or {}
    selected = any(selects(each, labels) for each in step.selectors)
    return selected and step.claim in claims_of(pod) and not has_ended(pod)


def _not_accepted(step: WaitAccepted, view: _View) -> str:
    for live in view.of(step.ref.kind, step.ref.namespace):
        if ref_of(live).name == step.ref.name:
            health = assess(live, Related())
            if health.is_failed:
                raise RolloutFailed(f"{step.ref}: {health.message}. {health.advice}".strip())
            return "" if health.is_ready else health.message
    return "it is gone"


def _has(document: Document, labels: Mapping[str, str]) -> bool:
    return labels.items() <= (get_in(document, ("metadata", "labels")) or {}).items()
