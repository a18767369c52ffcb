"""The report for the log: lines of plain text."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from aks_action.model import durations
from aks_action.model.manifests import ObjectRef
from aks_action.model.outcomes import Diagnosis
from aks_action.model.plan import Apply, Change, Delete, FieldChange, Plan, Restart, Step, Wait
from aks_action.model.traffic.steps import Patch
from aks_action.model.volumes.steps import Renew
from aks_action.report.deployment import Deployment, planned, result

MARKS = {
    Change.CREATED: "+",
    Change.CONFIGURED: "~",
    Change.UNCHANGED: "=",
    Change.RECREATED: "±",
    Change.DELETED: "-",
}
RESTART_MARK = "↻"
HOOK_MARK = "▶"
LINES_SHOWN = 60
"""Lines that are shown of what differs in one text."""
FIELDS_SHOWN = 12
"""Changed fields that are shown of one object; the rest is counted."""


def plan_text(plan: Plan) -> str:
    """The plan for the log: what is to be done, in order, with the fields that change."""
    restarted = f", {len(plan.restarts)} restarted" if plan.restarts else ""
    lines = [f"Plan: {_counted(planned(plan))}{restarted}"]
    # Where traffic moves, what happens together is as important as what happens.
    staged = bool(plan.hooks) or any(not isinstance(step, Apply | Wait) for step in plan.steps)
    for stage in plan.stages:
        steps = [line for step in stage.steps for line in _step_lines(step, plan)]
        if staged and steps:
            lines.append(f" {stage.name}")
        lines += steps
    lines += [f"Note: {note}" for note in plan.notes]
    return "\n".join(lines)


def _step_lines(step: Step, plan: Plan) -> Iterator[str]:
    match step:
        case Delete():
            yield f"  - {step.ref}  ({step.why})"
        case Patch() if restart := _restart_of(step.ref, plan):
            yield f"  {RESTART_MARK} {step.ref}  restarted  (it reads {why(restart)})"
        case Wait():
            if step.may_fail:
                yield from (f"  > until {each.ref} has ended" for each in step.manifests)
            elif step.steady:
                yield f"  > {step}"
        case Renew():
            yield f"  {MARKS[Change.RECREATED]} {step.ref}  {Change.RECREATED}  ({step.why})"
        case Apply():
            yield from _apply_lines(step, is_hook=is_hook(step.ref, plan))
        case _:
            yield f"  > {step}"


def _apply_lines(step: Apply, *, is_hook: bool) -> Iterator[str]:
    assessment = step.assessment
    if assessment is None or assessment.change is Change.UNCHANGED:
        return
    mark = HOOK_MARK if is_hook else MARKS[assessment.change]
    what = f"{assessment.change}{', run to its end' if is_hook else ''}"
    unchecked = f", {assessment.due}" if assessment.due else ""
    yield f"  {mark} {step.ref}  {what}{unchecked}  ({step.manifest.source})"
    for field in assessment.fields[:FIELDS_SHOWN]:
        yield from (f"      {line}" for line in field_lines(field))
    if len(assessment.fields) > FIELDS_SHOWN:
        yield f"      and {len(assessment.fields) - FIELDS_SHOWN} more fields"
    for taken in assessment.taken:
        yield f"      {taken.path}: taken over from field manager {taken.manager!r}"


def _restart_of(ref: ObjectRef, plan: Plan) -> Restart | None:
    return next((each for each in plan.restarts if each.ref == ref), None)


def is_hook(ref: ObjectRef, plan: Plan) -> bool:
    return any(each.ref == ref for each in plan.hooks)


def why(restart: Restart) -> str:
    """The configuration for which a workload is restarted."""
    return ", ".join(str(ref) for ref in restart.because)


def field_lines(field: FieldChange) -> Iterator[str]:
    """One field as lines: a text of several lines as what differs in it."""
    if not field.lines:
        yield field_text(field)
        return
    yield f"{field.path}:"
    yield from (f"  {line}" for line in field.lines[:LINES_SHOWN])
    if len(field.lines) > LINES_SHOWN:
        yield f"  and {len(field.lines) - LINES_SHOWN} more lines"


def field_text(field: FieldChange) -> str:
    """`path: before → after`, `path: + after` or `path: - before`."""
    if field.before is None:
        return f"{field.path}: + {_value(field.after)}"
    if field.after is None:
        return f"{field.path}: - {_value(field.before)}"
    return f"{field.path}: {_value(field.before)} → {_value(field.after)}"


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    text = text.replace("\n", "⏎")
    return text if len(text) <= 120 else text[:117] + "…"


def _counted(changes: Iterable[tuple[Change, ObjectRef]]) -> str:
    counts = Counter(change for change, _ in changes)
    named = (f"{counts[change]} {change}" for change in Change if counts[change])
    return ", ".join(named) or "nothing"


def outcome_text(deployment: Deployment) -> str:
    """One line that says how it ended."""
    counts = result(deployment)["counts"]
    parts = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing"
    took = durations.readable(sum(seconds for _, seconds in deployment.seconds))
    return f"{parts} in {took}"


def diagnosis_text(diagnosis: Diagnosis) -> str:
    """A failure for the log: what, where, why, the events and logs that show it, what to do."""
    where = f" ({diagnosis.source})" if diagnosis.source else ""
    lines = [f"{diagnosis.ref}{where}: {diagnosis.reason}"]
    lines += [f"  event  {line}" for line in diagnosis.events]
    lines += [f"  log    {line}" for line in diagnosis.logs]
    if diagnosis.advice:
        lines.append(f"  to do  {diagnosis.advice}")
    return "\n".join(lines)
