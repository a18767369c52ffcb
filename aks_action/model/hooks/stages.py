"""A plan that also runs hooks: some before the workloads change, some after all is healthy.

What the first ones read (configuration, claims, roles) is applied before them, everything else
after them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from aks_action.model.hooks import DeletePolicy, Phase
from aks_action.model.hooks import pending as hooks_pending
from aks_action.model.hooks.jobs import HookJob
from aks_action.model.manifests import Document, ManifestSet, ObjectRef
from aks_action.model.ordering import stages as in_order
from aks_action.model.ordering.needs import needs
from aks_action.model.plan import (
    Apply,
    Assessment,
    Change,
    Delete,
    HookRun,
    Plan,
    Stage,
    Step,
    Wait,
)
from aks_action.model.pod_specs import is_workload

Stages = tuple[Stage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A checked plan without the stage of `to_be_checked`, and what came of that, by identity."""

    plan: Plan
    applies: Mapping[ObjectRef, Apply]


def to_be_checked(plan: Plan, jobs: Iterable[HookJob]) -> Plan:
    """The plan with a first stage that is only there to be checked; `checked` takes it out."""
    steps = tuple(Apply(manifest=each.to_check) for each in jobs if not each.is_joined)
    return replace(plan, stages=(Stage(name="Check hooks", steps=steps), *plan.stages))


def checked(plan: Plan, jobs: Iterable[HookJob]) -> Checked:
    """The plan without the checked hooks, and those."""
    first, *rest = plan.stages
    found = (step for step in first.steps if isinstance(step, Apply))
    applies = {
        each.ref: _made_anew(each, apply)
        for each, apply in zip((e for e in jobs if not e.is_joined), found, strict=True)
    }
    return Checked(plan=replace(plan, stages=tuple(rest)), applies=applies)


def _made_anew(job: HookJob, apply: Apply) -> Apply:
    if job.live is None:
        return apply
    manifest = job.as_checked(apply.manifest)
    return Apply(manifest=manifest, assessment=Assessment(change=Change.RECREATED))


def with_hooks(
    plan: Plan,
    jobs: Sequence[HookJob],
    applies: Mapping[ObjectRef, Apply],
    live: Mapping[ObjectRef, Document],
) -> Plan:
    """The checked plan with those hooks that have to run; a note for each that has not.

    applies: the checked applies of the hooks that are not joined.
    """
    due = hooks_pending.due(plan, jobs, live)
    before = [each for each in due if each.hook.phase is Phase.PRE_DEPLOY]
    after = [each for each in due if each.hook.phase is Phase.POST_DEPLOY]
    ahead, rest = _divided(plan.stages, before) if before else ((), plan.stages)
    ahead, rest, told = hooks_pending.remembered(ahead, rest, before, after, live)
    notes = tuple(_note(each, is_due=each in due) for each in jobs)
    return replace(
        plan,
        stages=(*ahead, *_running(before, applies), *rest, *_running(after, applies), *told),
        notes=(*plan.notes, *filter(None, notes)),
        hooks=tuple(HookRun(ref=each.ref, phase=str(each.hook.phase)) for each in due),
    )


def _note(job: HookJob, *, is_due: bool) -> str:
    if not is_due:
        return f"{job.ref} ({job.hook.phase} hook) is not run: nothing changes."
    if job.is_joined:
        return f"{job.ref} still runs, since a run was cut off: its end counts for this one."
    return ""


def _divided(stages: Stages, hooks: Sequence[HookJob]) -> tuple[Stages, Stages]:
    """The stages that make what hooks need, and what is left of the others.

    Workloads are never among the former, whatever a hook's Job names.
    """
    applies: dict[ObjectRef, Apply] = {}
    for stage in stages:
        for step in stage.steps:
            if isinstance(step, Apply):
                applies.setdefault(step.ref, step)
    manifests = (*(each.manifest for each in applies.values()), *(e.manifest for e in hooks))
    needed = {
        ref: applies[ref]
        for ref in _needed(manifests, len(hooks))
        if ref in applies and not is_workload(applies[ref].manifest.document)
    }
    taken = {id(each) for each in needed.values()}
    rest = (
        replace(stage, steps=tuple(each for each in stage.steps if id(each) not in taken))
        for stage in stages
    )
    return tuple(_ahead(needed)), tuple(each for each in rest if each.steps)


def _needed(manifests: ManifestSet, hooks: int) -> list[ObjectRef]:
    """What the last `hooks` of the manifests need to be there, in the order of the manifests."""
    first = len(manifests) - hooks
    before = needs(manifests).leading_to(range(first, len(manifests)))
    return [manifests[node].ref for node in sorted(before) if node < first]


def _ahead(needed: Mapping[ObjectRef, Apply]) -> Iterator[Stage]:
    levels = in_order(tuple(each.manifest for each in needed.values())).levels
    for number, level in enumerate(levels, start=1):
        steps: tuple[Step, ...] = tuple(needed[each.ref] for each in level.manifests)
        yield Stage(name=f"Apply for hooks {number}", steps=steps)
        awaited = tuple(each for each in level.manifests if each.kind == "Namespace")
        if awaited:
            yield Stage(name=f"Wait for hooks {number}", steps=(Wait(manifests=awaited),))


def _running(jobs: Iterable[HookJob], applies: Mapping[ObjectRef, Apply]) -> Iterator[Stage]:
    """The hooks of one phase: lower weights first, equal ones at the same time."""
    ordered = sorted(jobs, key=lambda each: each.hook.weight)
    for _, same in groupby(ordered, key=lambda each: each.hook.weight):
        group = list(same)
        if ending := tuple(_ended(each) for each in group if each.has_to_end):
            yield Stage(name="Wait for hooks of an earlier run", steps=ending)
        made = tuple(applies[each.ref] for each in group if each.ref in applies)
        wait = Wait(manifests=tuple(each.manifest for each in group), logs=True)
        gone = _deletes(group, DeletePolicy.FAILED)
        yield Stage(
            name=f"Run {group[0].hook.phase} hooks",
            steps=(*made, wait),
            undo=Stage(name="Delete hooks that failed", steps=gone) if gone else None,
        )
    if gone := _deletes(ordered, DeletePolicy.SUCCEEDED):
        yield Stage(name="Delete hooks that succeeded", steps=gone)


def _ended(job: HookJob) -> Wait:
    manifest = job.hook.manifest.with_document(job.live or {})
    return Wait(manifests=(manifest,), logs=True, may_fail=True)


def _deletes(jobs: Iterable[HookJob], policy: DeletePolicy) -> tuple[Step, ...]:
    failed = policy is DeletePolicy.FAILED
    return tuple(
        Delete(ref=each.ref, why=str(policy), if_failed=failed)
        for each in jobs
        if policy in each.hook.policies
    )
