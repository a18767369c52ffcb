"""What a strategy's reject takes care of, and the plan of the way back beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from aks_action.model.manifests import ObjectRef
from aks_action.model.plan import Plan, Step, Wait
from aks_action.model.traffic.routing import ROUTE_KINDS
from aks_action.model.variants import WORKLOAD_KINDS

TRAFFIC_KINDS = frozenset({"Service", "Ingress", "TrafficSplit", *ROUTE_KINDS})
"""What a strategy moves traffic by."""
_OF_STRATEGY = {*TRAFFIC_KINDS, *WORKLOAD_KINDS, "HorizontalPodAutoscaler", "ScaledObject"}


def is_of_strategy(ref: ObjectRef) -> bool:
    """Whether a reject takes care of it: copies, and what leads traffic to them."""
    return ref.kind in _OF_STRATEGY


def beside(plan: Plan, handled: Iterable[ObjectRef]) -> Plan:
    """The plan without the steps about some objects, and without waits that are empty then."""
    left = frozenset(handled)

    def kept(step: Step) -> Step | None:
        if isinstance(step, Wait):
            manifests = tuple(each for each in step.manifests if each.ref not in left)
            return replace(step, manifests=manifests) if manifests else None
        return None if getattr(step, "ref", None) in left else step

    stages = (
        replace(stage, steps=tuple(filter(None, map(kept, stage.steps)))) for stage in plan.stages
    )
    return replace(plan, stages=tuple(each for each in stages if each.steps))
