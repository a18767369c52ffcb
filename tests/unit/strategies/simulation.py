"""A cluster that is only its objects: writes take effect at once, pods are always ready.

Carries out plans write by write, can be copied after any of them, and knows at every moment
which workloads get the traffic of a Service or of a route.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aks_action.model.documents import get_in, set_in, without
from aks_action.model.manifests import Document, ObjectRef, ref_of
from aks_action.model.observed import Observed
from aks_action.model.plan import Apply, Delete, Plan, Step
from aks_action.model.traffic.routing import is_route
from aks_action.model.traffic.steps import Patch, Reroute, WaitEndpoints, WaitPods
from aks_action.model.traffic.weights import rerouted
from aks_action.model.variants import pod_labels_of
from tests.unit.strategies.words import TYPES

Watch = Callable[["Simulation"], None]


class Simulation:
    """Live objects, and the labels of the pods of each Deployment.

    lingering: of pods that a deleted Deployment has left, until somebody waits for their end.
    """

    def __init__(self, *live: Document) -> None:
        self.live: dict[ObjectRef, Document] = {}
        self.pods: dict[str, Mapping[str, str]] = {}
        self.lingering: dict[str, Mapping[str, str]] = {}
        for each in live:
            self._put(each)

    def observed(self) -> Observed:
        return Observed(live=dict(self.live), types=TYPES)

    def copy(self) -> "Simulation":
        """Another with the same objects, which nobody changes in place."""
        other = Simulation()
        other.live = dict(self.live)
        other.pods = dict(self.pods)
        other.lingering = dict(self.lingering)
        return other

    def carry_out(self, plan: Plan, watch: Watch) -> None:
        """All of a plan. Raises AssertionError for a wait that would never end.

        watch: called after every write.
        """
        for step in plan.steps:
            for write in self._writes(step):
                write()
                watch(self)

    def state(self) -> dict[ObjectRef, Document]:
        """The objects, without what only tells how they came to be."""
        return {
            ref: without(document, ("metadata", "uid"))
            for ref, document in self.live.items()
            if ref.kind != "ReplicaSet"
        }

    def behind(self, service: str) -> set[str]:
        """The workloads whose pods a Service selects."""
        found = self.live.get(
            ObjectRef(api_version="v1", kind="Service", name=service, namespace="shop")
        )
        return self._with(get_in(found, ("spec", "selector")))

    def routed(self) -> Iterator[tuple[str, int]]:
        """Every Service that a route names, with its weight."""
        for each in self.live.values():
            if is_route(each):
                for rule in get_in(each, ("spec", "rules")):
                    yield from ((ref["name"], ref["weight"]) for ref in rule["backendRefs"])

    def _writes(self, step: Step) -> Iterator[Callable[[], None]]:
        match step:
            case Apply():
                document = step.manifest.document
                if get_in(self.live.get(step.ref), ("spec",)) != document.get("spec"):
                    yield lambda: self._put(document)
            case Delete():
                if step.ref in self.live:
                    yield lambda: self._drop(step.ref)
            case Patch():
                yield lambda: self._put(_merged(self.live[step.ref], step.body))
            case Reroute():
                yield lambda: self._put(rerouted(self.live[step.ref], step.splits))
            case WaitEndpoints():
                self._check(step)
            case WaitPods(going=True):
                self.lingering = {
                    name: pods
                    for name, pods in self.lingering.items()
                    if not _selects(step.labels, pods)
                }
            case WaitPods():
                assert self._with(step.labels), f"would wait for ever {step}"
            case _:
                pass

    def _check(self, step: WaitEndpoints) -> None:
        behind = self.behind(step.service.name)
        assert not step.ready or behind & self._with(step.ready), f"would wait for ever {step}"
        assert not step.only or behind <= self._with(step.only), f"would wait for ever {step}"
        assert not step.none or not behind & self._with(step.none), f"would wait for ever {step}"

    def _with(self, labels: Mapping[str, str] | None) -> set[str]:
        """The workloads whose pods have all of these labels."""
        return {name for name, pods in self.pods.items() if _selects(labels, pods)}

    def _put(self, document: Document) -> None:
        """Store an object; a Deployment gets the ReplicaSet and the status of a full rollout."""
        ref = ref_of(document)
        if ref.kind == "Deployment":
            number = get_in(document, ("spec", "replicas")) or 1
            counts = {"replicas": number, "updatedReplicas": number, "readyReplicas": number}
            revision = {"deployment.kubernetes.io/revision": _hash(document)}
            document = {**document, "status": counts}
            document = set_in(document, ("metadata", "annotations"), revision)
            document = set_in(document, ("metadata", "uid"), f"uid-{ref.name}")
            replica_set = _replica_set(document)
            self.live[ref_of(replica_set)] = replica_set
            self.lingering.pop(ref.name, None)
            hashed = {"pod-template-hash": _hash(document)}
            self.pods[ref.name] = {**pod_labels_of(document), **hashed}
        if ref.kind == "Service" and ref in self.live:
            self._check_selector(get_in(self.live.get(ref), ("spec", "selector")), document)
        self.live[ref] = document

    def _check_selector(self, before: Mapping[str, str] | None, service: Document) -> None:
        """A Service that begins to select pods of what was deleted sends traffic to what fails."""
        after = get_in(service, ("spec", "selector"))
        for name, pods in self.lingering.items():
            begins = _selects(after, pods) and not _selects(before, pods)
            assert not begins, f"{name} is deleted, but its pods may be there"

    def _drop(self, ref: ObjectRef) -> None:
        del self.live[ref]
        if ref.kind == "Deployment":
            self.lingering[ref.name] = self.pods.pop(ref.name)


def _selects(selector: Mapping[str, str] | None, pods: Mapping[str, str]) -> bool:
    """Whether pods have all labels of a selector; an empty one selects nothing."""
    return bool(selector) and (selector or {}).items() <= pods.items()


def _hash(workload: Document) -> str:
    """What tells the pods of one version from another's; here a text of what they are."""
    image = get_in(workload, ("spec", "template", "spec", "containers"))[0]["image"]
    labels = "-".join(sorted(pod_labels_of(workload).values()))
    return f"{image}-{labels}".replace(":", "")


def _replica_set(deployment: Document) -> Document:
    name = deployment["metadata"]["name"]
    hashed = _hash(deployment)
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{name}-{hashed}",
            "namespace": "shop",
            "labels": {"pod-template-hash": hashed},
            "annotations": deployment["metadata"]["annotations"],
            "ownerReferences": [{"uid": deployment["metadata"]["uid"]}],
        },
    }


def _merged(live: Document, body: Mapping[str, Any]) -> Document:
    """JSON merge patch (RFC 7386)."""
    merged = dict(live)
    for key, value in body.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            inner = merged.get(key)
            merged[key] = _merged(inner if isinstance(inner, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged
