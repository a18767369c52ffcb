"""One deploy as the report sees it, and the output `result`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aks_action.errors import ActionError
from aks_action.model.manifests import ObjectRef
from aks_action.model.outcomes import Diagnosis, Outcome
from aks_action.model.plan import Apply, Change, Delete, Plan
from aks_action.model.volumes.steps import Renew


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One deploy, finished or not.

    version:  what was deployed.         target: where it went, such as a namespace.
    failure:  what ended it early; None when everything is healthy, or for `plan`.
    aftermath: what was done about a failure, in sentences.
    executed: False for `plan`.          seconds: wall time by phase, in order.
    is_back:  whether it went back to an earlier version.
    """

    version: str
    target: str
    plan: Plan
    outcomes: tuple[Outcome, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    failure: ActionError | None = None
    aftermath: tuple[str, ...] = ()
    executed: bool = True
    seconds: tuple[tuple[str, float], ...] = ()
    is_back: bool = False


def result(deployment: Deployment | None) -> dict[str, Any]:
    """The output `result`: counts, and the objects by what became of them; None: nothing did.

    Shape: `{"counts": {"created": 1, …}, "created": ["Deployment/shop/web"], …, "failed": […]}`.
    """
    lists: dict[str, list[str]] = {str(change): [] for change in Change}
    lists["failed"] = []
    for name, ref in _done(deployment) if deployment else ():
        lists[name].append(str(ref))
    for diagnosis in deployment.diagnoses if deployment else ():
        if str(diagnosis.ref) not in lists["failed"]:
            lists["failed"].append(str(diagnosis.ref))
    return {"counts": {name: len(refs) for name, refs in lists.items()}, **lists}


def restarted(deployment: Deployment) -> tuple[ObjectRef, ...]:
    """The output `restarted`: what was restarted, healthy again or not; for `plan`, what would."""
    refs = (each.ref for each in deployment.plan.restarts)
    if not deployment.executed:
        return tuple(refs)
    written = {
        each.ref
        for each in deployment.outcomes
        if each.change is Change.CONFIGURED and (each.health or not each.error)
    }
    return tuple(ref for ref in refs if ref in written)


def outcome_by_ref(deployment: Deployment) -> dict[ObjectRef, Outcome]:
    """What became of each object in the end: the first change, if one step failed that one.

    An object may be applied and restarted, or left alone and restarted.
    """
    found: dict[ObjectRef, Outcome] = {}
    for outcome in deployment.outcomes:
        known = found.get(outcome.ref)
        if known is None or known.change is Change.UNCHANGED or (outcome.error and not known.error):
            found[outcome.ref] = outcome
    return found


def _done(deployment: Deployment) -> Iterator[tuple[str, ObjectRef]]:
    if deployment.executed:
        for outcome in outcome_by_ref(deployment).values():
            yield ("failed" if outcome.error else str(outcome.change)), outcome.ref
    else:
        for change, ref in planned(deployment.plan):
            yield str(change), ref


def planned(plan: Plan) -> Iterator[tuple[Change, ObjectRef]]:
    """What is to become of each object; a StatefulSet that is made anew counts as that."""
    renewed = {step.ref for step in plan.steps if isinstance(step, Renew)}
    for ref in renewed:
        yield Change.RECREATED, ref
    for step in plan.steps:
        if isinstance(step, Apply) and step.assessment and step.ref not in renewed:
            yield step.assessment.change, step.ref
        elif isinstance(step, Delete):
            yield Change.DELETED, step.ref
