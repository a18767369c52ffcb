"""The report: the plan and what became of it, for the log, the job summary and the outputs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aks_action.errors import ActionError
from aks_action.model import durations
from aks_action.model.manifests import ObjectRef
from aks_action.model.outcomes import Diagnosis, Outcome
from aks_action.model.plan import Apply, Change, Delete, FieldChange, Plan, Step, Wait

MARKS = {
    Change.CREATED: "+",
    Change.CONFIGURED: "~",
    Change.UNCHANGED: "=",
    Change.RECREATED: "±",
    Change.DELETED: "-",
}
FIELDS_SHOWN = 12
"""Changed fields that are shown of one object; the rest is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One deploy, finished or not.

    version:  what was deployed.         target: where it went, such as a namespace.
    failure:  what ended it early; None when everything is healthy, or for `plan`.
    executed: False for `plan`.          seconds: wall time by phase, in order.
    """

    version: str
    target: str
    plan: Plan
    outcomes: tuple[Outcome, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    failure: ActionError | None = None
    executed: bool = True
    seconds: tuple[tuple[str, float], ...] = ()


def plan_text(plan: Plan) -> str:
    """The plan for the log: what is to be done, in order, with the fields that change."""
    lines = [f"Plan: {_counted(_planned(plan))}"]
    # Where traffic moves, what happens together is as important as what happens.
    staged = any(not isinstance(step, Apply | Wait) for step in plan.steps)
    for stage in plan.stages:
        steps = [line for step in stage.steps for line in _step_lines(step)]
        if staged and steps:
            lines.append(f" {stage.name}")
        lines += steps
    lines += [f"Note: {note}" for note in plan.notes]
    return "\n".join(lines)


def _step_lines(step: Step) -> Iterator[str]:
    if isinstance(step, Delete):
        yield f"  - {step.ref}  ({step.why})"
    elif not isinstance(step, Apply | Wait):
        yield f"  > {step}"
    if not isinstance(step, Apply) or step.assessment is None:
        return
    assessment = step.assessment
    if assessment.change is Change.UNCHANGED:
        return
    unchecked = "" if assessment.checked else ", checked once its namespace or CRD exists"
    yield (
        f"  {MARKS[assessment.change]} {step.ref}  {assessment.change}{unchecked}"
        f"  ({step.manifest.source})"
    )
    for field in assessment.fields[:FIELDS_SHOWN]:
        yield f"      {field_text(field)}"
    if len(assessment.fields) > FIELDS_SHOWN:
        yield f"      and {len(assessment.fields) - FIELDS_SHOWN} more fields"
    for taken in assessment.taken:
        yield f"      {taken.path}: taken over from field manager {taken.manager!r}"


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


def result(deployment: Deployment) -> dict[str, Any]:
    """The output `result`: counts, and the objects by what became of them.

    Shape: `{"counts": {"created": 1, …}, "created": ["Deployment/shop/web"], …, "failed": […]}`.
    """
    lists: dict[str, list[str]] = {str(change): [] for change in Change}
    lists["failed"] = []
    for name, ref in _done(deployment):
        lists[name].append(str(ref))
    for diagnosis in deployment.diagnoses:
        if str(diagnosis.ref) not in lists["failed"]:
            lists["failed"].append(str(diagnosis.ref))
    return {"counts": {name: len(refs) for name, refs in lists.items()}, **lists}


def _done(deployment: Deployment) -> Iterator[tuple[str, ObjectRef]]:
    if deployment.executed:
        for outcome in deployment.outcomes:
            yield ("failed" if outcome.error else str(outcome.change)), outcome.ref
    else:
        for change, ref in _planned(deployment.plan):
            yield str(change), ref


def _planned(plan: Plan) -> Iterator[tuple[Change, ObjectRef]]:
    for step in plan.steps:
        if isinstance(step, Apply) and step.assessment:
            yield step.assessment.change, step.ref
        elif isinstance(step, Delete):
            yield Change.DELETED, step.ref


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


def deployment_summary(deployment: Deployment) -> str:
    """A deploy for the job summary, in Markdown."""
    what = f"{escaped(deployment.version)} to {escaped(deployment.target)}"
    title = f"{'Deployed' if deployment.executed else 'Plan for'} {what}"
    if deployment.failure:
        title = f"{deployment.failure.title}: {what}"
    parts = [f"## {title}", "", outcome_text(deployment)]
    parts += _failures(deployment)
    parts += _table(deployment)
    parts += [f"> {escaped(note)}" for note in deployment.plan.notes]
    if deployment.seconds:
        phases = " · ".join(f"{name} {durations.readable(s)}" for name, s in deployment.seconds)
        parts += ["", f"<sub>{phases}</sub>"]
    return "\n".join(parts) + "\n"


def images_summary(images: Mapping[str, str]) -> str:
    """Published images for the job summary: full reference → digest."""
    rows = [f"| `{_code(ref)}` | `{_code(digest)}` |" for ref, digest in images.items()]
    return "\n".join(["## Images", "", "| image | digest |", "|---|---|", *rows, ""])


def failure_summary(failure: ActionError) -> str:
    """What ended a step before there was a plan."""
    lines = [f"- ❌ {escaped(str(problem))}" for problem in failure.problems]
    return "\n".join([f"## {failure.title}", "", *lines, ""])


def _failures(deployment: Deployment) -> Iterator[str]:
    for diagnosis in deployment.diagnoses:
        where = f" — `{_code(str(diagnosis.source))}`" if diagnosis.source else ""
        yield from ("", f"### ❌ {escaped(str(diagnosis.ref))}{where}", "")
        yield escaped(diagnosis.reason)
        if diagnosis.advice:
            yield from ("", f"**To do:** {escaped(diagnosis.advice)}")
        if lines := (*diagnosis.events, *diagnosis.logs):
            yield from ("", "<details><summary>Events and log</summary>", "", *_fence(lines), "")
            yield "</details>"
    if deployment.failure and not deployment.diagnoses:
        for problem in deployment.failure.problems:
            yield from ("", f"- ❌ {escaped(str(problem))}")


def _table(deployment: Deployment) -> Iterator[str]:
    rows = [row for row in _rows(deployment) if row]
    if rows:
        yield from ("", "| object | change | what | took |", "|---|---|---|---|", *rows)
    unchanged = len(result(deployment)[str(Change.UNCHANGED)])
    if unchanged:
        yield from ("", f"{unchanged} unchanged.")


def _rows(deployment: Deployment) -> Iterator[str]:
    outcomes = {outcome.ref: outcome for outcome in deployment.outcomes}
    for step in deployment.plan.steps:
        if isinstance(step, Delete):
            yield f"| {escaped(str(step.ref))} | - deleted | {escaped(step.why)} | |"
        if not isinstance(step, Apply) or not step.assessment:
            continue
        if step.assessment.change is Change.UNCHANGED:
            continue
        outcome = outcomes.get(step.ref)
        what = "<br>".join(
            f"`{_code(field_text(f))}`" for f in step.assessment.fields[:FIELDS_SHOWN]
        )
        state = f"{MARKS[step.assessment.change]} {step.assessment.change}"
        if deployment.executed and not outcome:
            state += ", not reached"
        elif outcome and outcome.error:
            state, what = "❌ failed", escaped(outcome.error)
        elif outcome and outcome.health:
            what = "<br>".join(part for part in (what, escaped(outcome.health)) if part)
        took = durations.readable(outcome.seconds) if outcome and outcome.seconds else ""
        yield f"| {escaped(str(step.ref))} | {state} | {what} | {took} |"


_ESCAPES = str.maketrans(
    {
        "\\": "\\\\", "`": "\\`", "*": "\\*", "_": "\\_", "[": "\\[", "]": "\\]",
        "<": "&lt;", ">": "&gt;", "|": "\\|", "#": "\\#", "@": "&#64;", "\n": " ", "\r": " ",
    }
)  # fmt: skip


def escaped(text: str) -> str:
    """Text as text in Markdown: no markup, no mention, no HTML, one line."""
    return text.translate(_ESCAPES)


def _code(text: str) -> str:
    """Text for a code span in a table: a span cannot hold its own delimiter or the column's."""
    return text.replace("`", "ʼ").replace("|", "¦").replace("\n", " ").replace("\r", " ")


def _fence(lines: Sequence[str]) -> list[str]:
    """A code block whose fence is longer than any run of backticks inside it."""
    fence = "```"
    while any(fence in line for line in lines):
        fence += "`"
    return [f"{fence}text", *lines, fence]
