"""The report for the job summary: Markdown, in which foreign text stays text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from aks_action.errors import ActionError
from aks_action.model import durations
from aks_action.model.outcomes import Outcome
from aks_action.model.plan import Apply, Change, Delete
from aks_action.model.volumes.steps import Renew
from aks_action.report.deployment import Deployment, outcome_by_ref, restarted, result
from aks_action.report.log import (
    FIELDS_SHOWN,
    HOOK_MARK,
    LINES_SHOWN,
    MARKS,
    RESTART_MARK,
    field_text,
    is_hook,
    outcome_text,
    why,
)
from aks_action.report.markdown import escaped, fence, in_code, in_html


def deployment_summary(deployment: Deployment) -> str:
    """A deploy for the job summary, in Markdown."""
    what = f"{escaped(deployment.version)} to {escaped(deployment.target)}"
    done = "Rolled back:" if deployment.is_back else "Deployed"
    title = f"{done if deployment.executed else 'Plan for'} {what}"
    if deployment.failure:
        title = f"{deployment.failure.title}: {what}"
    parts = [f"## {title}", "", outcome_text(deployment)]
    parts += _failures(deployment)
    parts += [line for each in deployment.aftermath for line in ("", f"↩ {escaped(each)}")]
    parts += _table(deployment)
    parts += _texts(deployment)
    parts += [f"> {escaped(note)}" for note in deployment.plan.notes]
    if deployment.seconds:
        phases = " · ".join(f"{name} {durations.readable(s)}" for name, s in deployment.seconds)
        parts += ["", f"<sub>{phases}</sub>"]
    return "\n".join(parts) + "\n"


def images_summary(images: Mapping[str, str]) -> str:
    """Published images for the job summary: full reference → digest."""
    rows = [f"| `{in_code(ref)}` | `{in_code(digest)}` |" for ref, digest in images.items()]
    return "\n".join(["## Images", "", "| image | digest |", "|---|---|", *rows, ""])


def failure_summary(failure: ActionError) -> str:
    """What ended a step before there was a plan."""
    lines = [f"- ❌ {escaped(str(problem))}" for problem in failure.problems]
    return "\n".join([f"## {failure.title}", "", *lines, ""])


def _failures(deployment: Deployment) -> Iterator[str]:
    for diagnosis in deployment.diagnoses:
        where = f" — `{in_code(str(diagnosis.source))}`" if diagnosis.source else ""
        yield from ("", f"### ❌ {escaped(str(diagnosis.ref))}{where}", "")
        yield escaped(diagnosis.reason)
        if diagnosis.advice:
            yield from ("", f"**To do:** {escaped(diagnosis.advice)}")
        if lines := (*diagnosis.events, *diagnosis.logs):
            yield from ("", "<details><summary>Events and log</summary>", "", *fence(lines), "")
            yield "</details>"
    if deployment.failure and not deployment.diagnoses:
        for problem in deployment.failure.problems:
            if problem.message not in deployment.aftermath:
                yield from ("", f"- ❌ {escaped(str(problem))}")


def _table(deployment: Deployment) -> Iterator[str]:
    rows = [row for row in _rows(deployment) if row]
    if rows:
        yield from ("", "| object | change | what | took |", "|---|---|---|---|", *rows)
    unchanged = len(result(deployment)[str(Change.UNCHANGED)])
    if unchanged:
        yield from ("", f"{unchanged} unchanged.")


def _texts(deployment: Deployment) -> Iterator[str]:
    """What differs in texts of several lines, which no cell of a table can show."""
    for apply in deployment.plan.applies:
        for field in apply.assessment.fields if apply.assessment else ():
            if field.lines:
                lines = field.lines[:LINES_SHOWN]
                yield from (
                    "",
                    f"<details><summary>{in_html(f'{apply.ref} {field.path}')}</summary>",
                )
                yield from ("", *fence(lines, "diff"), "", "</details>")


def _rows(deployment: Deployment) -> Iterator[str]:
    outcomes = outcome_by_ref(deployment)
    done = restarted(deployment)
    for restart in deployment.plan.restarts:
        state = f"{RESTART_MARK} restarted{'' if restart.ref in done else ', not reached'}"
        outcome = outcomes.get(restart.ref)
        took = durations.readable(outcome.seconds) if outcome and outcome.seconds else ""
        reads = escaped(f"it reads {why(restart)}")
        yield f"| {escaped(str(restart.ref))} | {state} | {reads} | {took} |"
    for step in deployment.plan.steps:
        if isinstance(step, Delete):
            yield f"| {escaped(str(step.ref))} | - deleted | {escaped(step.why)} | |"
        if isinstance(step, Renew):
            yield _renewed(step, outcomes.get(step.ref), deployment)
        if not isinstance(step, Apply) or not step.assessment:
            continue
        if step.assessment.change is Change.UNCHANGED:
            continue
        outcome = outcomes.get(step.ref)
        what = "<br>".join(
            f"`{in_code(field_text(f))}`" for f in step.assessment.fields[:FIELDS_SHOWN]
        )
        hook = is_hook(step.ref, deployment.plan)
        mark = HOOK_MARK if hook else MARKS[step.assessment.change]
        state = f"{mark} {step.assessment.change}{', run' if hook else ''}"
        if deployment.executed and not outcome:
            state += ", not reached"
        elif outcome and outcome.error:
            state, what = "❌ failed", escaped(outcome.error)
        elif outcome and outcome.health:
            what = "<br>".join(part for part in (what, escaped(outcome.health)) if part)
        took = durations.readable(outcome.seconds) if outcome and outcome.seconds else ""
        yield f"| {escaped(str(step.ref))} | {state} | {what} | {took} |"


def _renewed(step: Renew, outcome: Outcome | None, deployment: Deployment) -> str:
    state, what = f"{MARKS[Change.RECREATED]} {Change.RECREATED}", escaped(step.why)
    if outcome and outcome.error:
        state, what = "❌ failed", escaped(outcome.error)
    elif deployment.executed and not outcome:
        state += ", not reached"
    elif outcome and outcome.health:
        what = f"{what}<br>{escaped(outcome.health)}"
    took = durations.readable(outcome.seconds) if outcome and outcome.seconds else ""
    return f"| {escaped(str(step.ref))} | {state} | {what} | {took} |"
