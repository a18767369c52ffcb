"""The hub of a fleet: an API server that keeps objects for member clusters and runs none itself.

https://learn.microsoft.com/azure/kubernetes-fleet/concepts-resource-propagation
"""

from __future__ import annotations

from dataclasses import replace

from aks_action.model.health import RULES
from aks_action.model.health.fleets import PLACEMENTS
from aks_action.model.manifests import Manifest
from aks_action.model.plan import Plan, Stage, Step, Wait

_SETTLED_BY_A_HUB = PLACEMENTS | {
    "Namespace",
    "CustomResourceDefinition.apiextensions.k8s.io",
    "APIService.apiregistration.k8s.io",
}


def for_hub(plan: Plan) -> Plan:
    """The plan without waits for what a hub never does: pods, rollouts, volumes, routes.

    A note tells what is left out, if something is.
    """
    left_out = sorted(
        {
            each.kind
            for step in plan.steps
            if isinstance(step, Wait)
            for each in step.manifests
            if not _is_settled(each)
        }
    )
    if not left_out:
        return plan
    note = (
        f"A fleet's hub runs nothing itself, so no {', '.join(left_out)} is waited for: placements "
        "tell when the member clusters have it."
    )
    stages = (_without_waits(stage) for stage in plan.stages)
    kept = tuple(stage for stage in stages if stage.steps)
    return replace(plan, stages=kept, notes=(*plan.notes, note))


def _without_waits(stage: Stage) -> Stage:
    steps: list[Step] = []
    for step in stage.steps:
        if not isinstance(step, Wait):
            steps.append(step)
        elif kept := tuple(each for each in step.manifests if _is_settled(each)):
            steps.append(Wait(manifests=kept))
    return replace(stage, steps=tuple(steps))


def _is_settled(manifest: Manifest) -> bool:
    """Whether a hub has what it takes: its own kinds, and those that are healthy when there."""
    kind = manifest.ref.group_kind
    return kind in _SETTLED_BY_A_HUB or kind not in RULES
