"""The way back: from a plan, what was there before it and what became of it, to another plan.

Objects that existed get back what the run has changed in them, configuration before what reads
it. When all of that is healthy, objects that the run has created go, the last one first; those
that act on others (policies, quotas, autoscalers, webhooks) go before anything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aks_action.model.configuration.restart_search import RESTARTED_AT_PATH
from aks_action.model.documents import get_in, set_in
from aks_action.model.health import Related, assess
from aks_action.model.manifests import Document, Manifest, ObjectRef
from aks_action.model.plan import (
    Apply,
    Assessment,
    Change,
    Delete,
    Plan,
    Restore,
    Stage,
    Step,
    Wait,
)
from aks_action.model.pod_specs import is_workload
from aks_action.model.release_settings import GUARDED_KINDS
from aks_action.model.traffic.steps import Patch
from aks_action.model.undoing.merge_patches import merged, reverse
from aks_action.model.undoing.restoring import as_before, made_again
from aks_action.model.undoing.runs import Run
from aks_action.model.volumes.kept_sizes import as_large
from aks_action.model.volumes.marks import UNMARKED

_ACT_ON_OTHERS = frozenset(
    {
        *("NetworkPolicy", "ResourceQuota", "LimitRange", "PodDisruptionBudget"),
        *("HorizontalPodAutoscaler", "VerticalPodAutoscaler", "ScaledObject"),
        *("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"),
    }
)
_WHY = "this run created it"


def undone(run: Run) -> Plan:
    """The plan of the way back; its notes say what cannot go back, or stays on purpose."""
    notes: list[str] = [*_hooks_told(run)]
    restored = [back for ref in run.written if (back := _restored(run, ref, notes)) is not None]
    created = [gone for ref in run.written if (gone := _deleted(run, ref, notes)) is not None]
    workloads = [each for each in restored if is_workload(run.before[each.ref])]
    early = [each for each in created if each.ref.kind in _ACT_ON_OTHERS]
    late = [each for each in created if each.ref.kind not in _ACT_ON_OTHERS]
    waited = tuple(_waited(run, [*(each.ref for each in workloads), *_restarted(run)], notes))
    stages = (
        Stage(name="Delete what acts on others", steps=tuple(early)),
        Stage(
            name="Put configuration back",
            steps=tuple(each for each in restored if each not in workloads),
        ),
        Stage(name="Take patches back", steps=tuple(_patches(run))),
        Stage(name="Put workloads back", steps=tuple(workloads)),
        Stage(name="Wait until healthy", steps=(Wait(manifests=waited),) if waited else ()),
        *_in_reverse(run, late),
    )
    return Plan(stages=tuple(each for each in stages if each.steps), notes=tuple(notes))


def _hooks_told(run: Run) -> Iterator[str]:
    hooks = {each.ref for each in run.plan.hooks}
    for ref in dict.fromkeys(each.ref for each in run.outcomes):
        if ref in hooks:
            yield f"{ref} stays: what a hook has done cannot be taken back."


def _restored(run: Run, ref: ObjectRef, notes: list[str]) -> Restore | Apply | None:
    """What puts an object back that was there before."""
    before, now = run.before.get(ref), run.now.get(ref)
    if before is None:
        return None
    # A StatefulSet that was made anew around its pods is the one that they belong to.
    is_same = ref in run.renewed or _uid(now) == _uid(before)
    source = run.source(ref)
    if now is not None and is_same:
        if ref not in run.applied:
            return None  # it was patched alone
        wanted = as_before(before, run.applied[ref].document, now)
        kept = as_large(wanted, now)
        if kept is not wanted:
            notes.append(f"{ref} stays as large as it is: volumes do not shrink.")
        return Restore(manifest=Manifest(document=kept, source=source), before=before)
    if ref.group_kind == "Job.batch":
        notes.append(f"{ref} was run anew and stays: what it has done cannot be taken back.")
        return None
    if ref.kind in GUARDED_KINDS:
        notes.append(f"{ref} was deleted, and what was in it cannot be brought back.")
        return None
    manifest = Manifest(document=made_again(before), source=source)
    change = Change.CREATED if now is None else Change.RECREATED
    return Apply(manifest=manifest, assessment=Assessment(change=change))


def _uid(document: Document | None) -> object:
    return get_in(document, ("metadata", "uid"))


def _deleted(run: Run, ref: ObjectRef, notes: list[str]) -> Delete | None:
    """What removes an object that the run has created: this very one."""
    now = run.now.get(ref)
    if now is None or run.written[ref].change is not Change.CREATED or ref in run.before:
        return None
    if ref.kind in GUARDED_KINDS:
        notes.append(f"{ref} was created by this run and stays, with all that is in it by now.")
        return None
    return Delete(ref=ref, why=_WHY, uid=str(now["metadata"].get("uid", "")))


def _patches(run: Run) -> Iterator[Patch]:
    """The inverse of what was patched; one restart more where the time before is not known.

    What says of a StatefulSet that its volumes grow stays true.
    """
    bodies: dict[ObjectRef, Document] = {}
    for step in run.plan.steps:
        if not isinstance(step, Patch) or step.body == UNMARKED:
            continue
        if step.ref in run.written and step.ref in run.now:
            bodies[step.ref] = merged(bodies.get(step.ref, {}), step.body)
    for ref, body in bodies.items():
        if ref in run.before:
            yield Patch(ref=ref, body=reverse(body, run.before[ref]), why="as it was")
        elif ref in set(_restarted(run)):
            again = set_in({}, RESTARTED_AT_PATH, run.at)
            yield Patch(ref=ref, body=again, why="restart: its configuration is as it was")


def _restarted(run: Run) -> list[ObjectRef]:
    return [each.ref for each in run.plan.restarts if each.ref in run.written]


def _waited(run: Run, refs: Iterable[ObjectRef], notes: list[str]) -> Iterator[Manifest]:
    """What to wait for: what was healthy before."""
    waits = (step for step in run.plan.steps if isinstance(step, Wait))
    known = {each.ref: each for step in waits for each in step.manifests}
    for ref in dict.fromkeys(refs):
        before = run.before.get(ref)
        if before is None:
            if ref in known:
                yield known[ref]
        elif assess(before, Related()).is_ready:
            yield Manifest(document=before, source=run.source(ref))
        else:
            notes.append(f"{ref} is not waited for: it was not healthy before this run.")


def _in_reverse(run: Run, deletes: Iterable[Delete]) -> Iterator[Stage]:
    """Stages in the reverse of the order in which their objects were applied."""
    places = {
        step.ref: place
        for place, stage in enumerate(run.plan.stages)
        for step in stage.steps
        if isinstance(step, Apply)
    }
    by_place: dict[int, list[Step]] = {}
    for each in deletes:
        by_place.setdefault(places.get(each.ref, len(run.plan.stages)), []).append(each)
    for place in sorted(by_place, reverse=True):
        yield Stage(name="Delete what this run created", steps=tuple(by_place[place]))
