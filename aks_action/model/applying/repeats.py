"""Objects that one plan writes more than once: what the check can say of the later writes.

The server's dry-run knows the object as it is now, not as the steps before will have left it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from aks_action.model.applying.assessing import compare
from aks_action.model.applying.refusals import Refusal, Sort
from aks_action.model.manifests import Document, ObjectRef
from aks_action.model.plan import Apply, Assessment, Change, Delete, Due, Plan
from aks_action.model.traffic.steps import Patch, Reroute
from aks_action.model.volumes.steps import Renew


class Earlier(IntEnum):
    """The gravest that a plan does to an object before one apply of it."""

    NOTHING = 0
    APPLIED = 1
    PATCHED = 2
    RENEWED = 3
    DELETED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server answered for one apply. result: the object as the dry-run returned it."""

    verdict: Assessment | Refusal
    result: Document | None = None


def earlier(plan: Plan) -> list[Earlier]:
    """For each apply of the plan, in order, what comes before it."""
    worst: dict[ObjectRef, Earlier] = {}
    found: list[Earlier] = []
    for step in plan.steps:
        match step:
            case Apply():
                done = Earlier.APPLIED
                found.append(worst.get(step.ref, Earlier.NOTHING))
            case Patch() | Reroute():
                done = Earlier.PATCHED
            case Renew():
                done = Earlier.RENEWED
            case Delete():
                done = Earlier.DELETED
            case _:
                continue
        if step.ref.name:
            worst[step.ref] = max(done, worst.get(step.ref, Earlier.NOTHING))
    return found


def in_turn(plan: Plan, answers: Sequence[Answer]) -> list[Assessment | Refusal]:
    """The verdicts, each as it is after the plan's own steps before it, or due in its turn.

    answers: for each apply of the plan, in order.
    """
    before: dict[ObjectRef, Answer] = {}
    found: list[Assessment | Refusal] = []
    for apply, answer, done in zip(plan.applies, answers, earlier(plan), strict=True):
        found.append(_after(done, answer, before.get(apply.ref)))
        before[apply.ref] = answer
    return found


def _after(done: Earlier, answer: Answer, before: Answer | None) -> Assessment | Refusal:
    verdict = answer.verdict
    if done is Earlier.DELETED:
        return _when_deleted(verdict)
    if done is Earlier.NOTHING or isinstance(verdict, Refusal) or verdict.due is not None:
        return verdict
    if done is not Earlier.RENEWED and _is_plain(answer):
        if done is Earlier.PATCHED:  # so it has to be written, also where it is what is live now
            return replace(verdict, change=Change.CONFIGURED)
        if before and _is_plain(before) and before.result and answer.result:
            return compare(before.result, answer.result)
    change = Change.CONFIGURED if verdict.change is Change.CREATED else verdict.change
    return replace(verdict, change=change, due=Due.REPEATED)


def _is_plain(answer: Answer) -> bool:
    """Whether a dry-run of today tells what the apply does: to an object that is there, and of
    which no fields are taken over first.
    """
    verdict = answer.verdict
    return (
        isinstance(verdict, Assessment)
        and answer.result is not None
        and verdict.ownership is None
        and verdict.due is None
        and verdict.change in (Change.CONFIGURED, Change.UNCHANGED)
    )


def _when_deleted(verdict: Assessment | Refusal) -> Assessment | Refusal:
    """What cannot change on the object that goes does not matter to the one that comes."""
    if isinstance(verdict, Refusal) and verdict.sort is not Sort.IMMUTABLE:
        return verdict
    return Assessment(change=Change.CREATED, due=Due.DELETED)
