"""Which hooks have to run, also after a run that was cut off or failed before they had succeeded.

As long as there is something to change, the next run finds it. After the last change only a mark
can tell: until the hooks that come after it have succeeded, the object that the plan writes last
carries it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from aks_action.model.applying.effects import changes
from aks_action.model.documents import get_in, set_in
from aks_action.model.hooks.jobs import HookJob
from aks_action.model.manifests import Document, Manifest, ObjectRef
from aks_action.model.plan import Apply, Delete, Plan, Stage, Step
from aks_action.model.traffic.steps import Patch

PENDING = "aks-action/hooks-pending"
"""On an object that was written before hooks that have not succeeded yet: their phases."""

_PATH = ("metadata", "annotations", PENDING)
_FIELDS = {
    (f"metadata.annotations[{PENDING}]", None),
    ("metadata.annotations", None),
}
"""What an apply of such an object changes when it changes nothing else: path and new value."""

Live = Mapping[ObjectRef, Document]
Stages = tuple[Stage, ...]


def due(plan: Plan, jobs: Iterable[HookJob], live: Live) -> list[HookJob]:
    """The hooks that have to run.

    All do in a deploy that changes anything else. In one that changes nothing those do that have
    not succeeded with this content, and those that are pending.
    """
    changed = any(changes(each, live) and not _only_clears(each) for each in plan.steps)
    marks = (get_in(live.get(each.ref), _PATH) for each in plan.applies)
    pending = {phase for mark in marks if isinstance(mark, str) for phase in mark.split(",")}
    return [
        each for each in jobs if changed or not each.is_settled or str(each.hook.phase) in pending
    ]


def _only_clears(step: Step) -> bool:
    """Whether an apply has nothing to do but to take the mark back."""
    fields = step.assessment.fields if isinstance(step, Apply) and step.assessment else ()
    return bool(fields) and all((each.path, each.after) in _FIELDS for each in fields)


def remembered(
    ahead: Stages, rest: Stages, before: list[HookJob], after: list[HookJob], live: Live
) -> tuple[Stages, Stages, Stages]:
    """Both parts of a plan, of which the last write has the mark, and what takes that back.

    before: the hooks between the two parts.     after: those that follow.
    """
    last = _last_write((*ahead, *rest), live)
    is_ahead = any(step is last for stage in ahead for step in stage.steps)
    pending = [*(before if is_ahead else ()), *after]
    if last is None or not pending:
        return ahead, rest, ()
    marked = replace(last, manifest=_marked(last.manifest, pending))
    body = set_in({}, _PATH, None)
    patch = Patch(ref=last.ref, body=body, why="its hooks have succeeded")
    told = Stage(name="Hooks have run", steps=(patch,))
    return _with(ahead, last, marked), _with(rest, last, marked), (told,)


def _last_write(stages: Stages, live: Live) -> Apply | None:
    """The last object that is written to stay."""
    steps = [step for stage in stages for step in stage.steps]
    gone = {each.ref for each in steps if isinstance(each, Delete)}
    written = (
        each
        for each in reversed(steps)
        if isinstance(each, Apply) and each.ref.name and each.ref not in gone
    )
    return next((each for each in written if changes(each, live)), None)


def _with(stages: Stages, old: Step, new: Step) -> Stages:
    return tuple(
        replace(stage, steps=tuple(new if each is old else each for each in stage.steps))
        for stage in stages
    )


def _marked(manifest: Manifest, pending: Iterable[HookJob]) -> Manifest:
    phases = ",".join(sorted({str(each.hook.phase) for each in pending}))
    return manifest.with_document(set_in(manifest.document, _PATH, phases))
