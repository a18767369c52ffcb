"""What canary and blue-green look at: the manifests by their role, and what is live of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from aks_action.model import replicas
from aks_action.model.documents import get_in
from aks_action.model.manifests import Document, Manifest, ManifestSet, ObjectRef, ref_of
from aks_action.model.observed import Observed
from aks_action.model.plan import Apply, Delete, Plan, Stage, Step, Wait
from aks_action.model.resources import ResourceTypes
from aks_action.model.strategy_settings import StrategySettings
from aks_action.model.traffic import routing
from aks_action.model.traffic.steps import Pause
from aks_action.model.variants import Colour, Version, copy_name

Arrange = Callable[[ManifestSet], Plan]
"""How `basic` deploys some of the manifests: in their order, waited for."""


STEADY_SECONDS = 6.0
"""For how long new pods have to be ready, without a restart, before they may get traffic.

A container that crashes a second after its start was reported as ready for up to 4.1 s, by a node
with 2 CPUs at a load of 12, and for up to 3.3 s otherwise.
"""

SETTLE_SECONDS = 2.0
"""What nodes and gateways get to act on new endpoints before old pods go; kube-proxy takes 1."""


@dataclass(frozen=True, kw_only=True)
class App:
    """One application: what it should be, and what was found. Manifests have their namespaces."""

    settings: StrategySettings
    manifests: ManifestSet
    observed: Observed
    arrange: Arrange

    @cached_property
    def workloads(self) -> ManifestSet:
        """What is copied: Deployments, ReplicaSets, DaemonSets, Pods and StatefulSets."""
        return self._that(routing.is_workload)

    @cached_property
    def services(self) -> ManifestSet:
        """The routed Services: those that select a workload's pods."""
        return routing.routed_services(self.manifests)

    @cached_property
    def ingresses(self) -> ManifestSet:
        """The Ingresses that name a routed Service."""
        return tuple(
            each
            for each in self._that(routing.is_ingress)
            if any(self._is_routed(name, each.ref.namespace) for name in _ingress_names(each))
        )

    @cached_property
    def routes(self) -> ManifestSet:
        """The HTTPRoutes and GRPCRoutes of the manifests that name a routed Service."""
        return tuple(each for each in self._that(routing.is_route) if self._routes(each.document))

    @cached_property
    def live_routes(self) -> tuple[Document, ...]:
        """Live routes beside the manifests that name a routed Service or a copy of one.

        A cluster that serves two versions of a kind lists the same route under both.
        """
        ours = {_place(each.document) for each in self._that(routing.is_route)}
        found: dict[tuple[str, ...], Document] = {}
        for ref in sorted(self.observed.live):
            document = self.observed.live[ref]
            if routing.is_route(document) and _place(document) not in ours:
                found.setdefault(_place(document), document)
        return tuple(each for each in found.values() if self._routes(each))

    @cached_property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces of the workloads."""
        return tuple(sorted({each.ref.namespace for each in self.workloads}))

    def deployed(self, *parts: ManifestSet) -> Plan:
        """The parts one after the other, each as `basic` would deploy it; empty ones left out."""
        plans = [self.arrange(part) for part in parts if part]
        return Plan(
            stages=tuple(stage for plan in plans for stage in plan.stages),
            notes=tuple(note for plan in plans for note in plan.notes),
        )

    def besides(self, *handled: ManifestSet) -> ManifestSet:
        """The manifests that nobody of `handled` nor the workloads takes care of, in order."""
        taken = {id(each) for part in (self.workloads, *handled) for each in part}
        return tuple(each for each in self.manifests if id(each) not in taken)

    def behind(self, service: Manifest) -> ManifestSet:
        """The workloads that a Service routes to."""
        return tuple(
            each for each in self.workloads if routing.routes_to(service.document, each.document)
        )

    def serves(self, service: Manifest) -> bool:
        """Whether a Service can have endpoints: not if all behind it are scaled to nothing."""
        return any(replicas.of(each.document) > 0 for each in self.behind(service))

    def live(self, ref: ObjectRef) -> Document | None:
        """The live object, if it is there to stay."""
        found = self.observed.live.get(ref)
        going = get_in(found, ("metadata", "deletionTimestamp"))
        return None if going else found

    def is_live(self, ref: ObjectRef) -> bool:
        return self.live(ref) is not None

    def _that(self, test: Callable[[Document], bool]) -> ManifestSet:
        return tuple(each for each in self.manifests if test(each.document))

    def _is_routed(self, name: str, namespace: str) -> bool:
        return any(
            (each.ref.name, each.ref.namespace) == (name, namespace) for each in self.services
        )

    def _routes(self, route: Document) -> bool:
        return any(
            name in routing.route_services(route, service.ref.namespace)
            for service in self.services
            for name in family(service)
        )


def family(service: Manifest) -> frozenset[str]:
    """A Service's name and those of all copies that it may have."""
    name = service.ref.name
    return frozenset(
        {name, *(copy_name("Service", name, suffix) for suffix in (*Version, Colour.GREEN))}
    )


def steadily(plan: Plan, advice: str) -> Plan:
    """The plan, that waits until pods are not only ready but steady. advice: if they are not."""
    stages = tuple(
        replace(
            stage,
            steps=tuple(
                replace(step, steady=STEADY_SECONDS, advice=advice)
                if isinstance(step, Wait)
                else step
                for step in stage.steps
            ),
        )
        for stage in plan.stages
    )
    return replace(plan, stages=stages)


def applied(name: str, manifests: Iterable[Manifest], *, undo: Stage | None = None) -> Stage:
    """A stage that applies manifests all at once."""
    return Stage(name=name, steps=tuple(Apply(manifest=each) for each in manifests), undo=undo)


def deleted(app: App, name: str, refs: Iterable[ObjectRef], why: str) -> tuple[Stage, ...]:
    """A stage that deletes those of the objects that are live; no stage if none is."""
    live = [ref for ref in dict.fromkeys(refs) if ref in app.observed.live]
    steps: tuple[Step, ...] = tuple(Delete(ref=ref, why=why) for ref in live)
    return (Stage(name=name, steps=steps),) if steps else ()


def settled(why: str, seconds: float = SETTLE_SECONDS) -> Stage:
    """A stage that lets the data plane act on what was written."""
    return Stage(name="Settle", steps=(Pause(seconds=seconds, why=why),))


def only_filled(stages: Iterable[Stage]) -> tuple[Stage, ...]:
    """The stages that have a step."""
    return tuple(stage for stage in stages if stage.steps)


def served(types: ResourceTypes, group: str, kind: str) -> Iterator[str]:
    """The served apiVersions of a kind, by name; `v1` comes before `v1beta1`."""
    for version, served_kind in sorted(types):
        if served_kind == kind and version.rpartition("/")[0] == group:
            yield version


def _ingress_names(ingress: Manifest) -> tuple[str, ...]:
    return routing.ingress_services(ingress.document)


def _place(route: Document) -> tuple[str, ...]:
    ref = ref_of(route)
    return ref.kind, ref.namespace, ref.name
