"""What of a plan would write anything, given what is live."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from aks_action.model.manifests import Document, ObjectRef
from aks_action.model.plan import Apply, Change, Delete, Plan, Restore, Step
from aks_action.model.traffic.steps import Patch, Reroute, holds
from aks_action.model.traffic.weights import rerouted
from aks_action.model.volumes.steps import Renew

Write = Apply | Restore | Delete | Patch | Reroute | Renew
"""Steps that write one object."""


def written_by(plan: Plan, live: Mapping[ObjectRef, Document]) -> Iterator[Write]:
    """The steps of a checked plan that change something, as far as can be told."""
    return (step for step in plan.steps if isinstance(step, Write) and changes(step, live))


def changes(step: Step, live: Mapping[ObjectRef, Document]) -> bool:
    """Whether one step changes something. An object that was not looked at may be different."""
    match step:
        case Apply():
            return step.assessment is None or step.assessment.change is not Change.UNCHANGED
        case Delete() | Renew() | Restore():
            return True
        case Patch():
            return step.ref not in live or not holds(step.body, live[step.ref])
        case Reroute():
            found = live.get(step.ref)
            return found is None or rerouted(found, step.splits) is not found
        case _:
            return False
