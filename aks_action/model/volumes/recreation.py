"""Making a claim anew: its workloads stop, another claim takes its place, and they start with it.

The old claim and its volume stay as they are. Stopping comes first, so that no pod writes into
the old volume while another one has begun with the new.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from aks_action.model.bounded import whole_number
from aks_action.model.documents import get_in, set_in
from aks_action.model.manifests import Document, ManifestSet, ObjectRef, ref_of
from aks_action.model.plan import Plan, Stage, Step, Wait
from aks_action.model.references import references
from aks_action.model.references.renames import core_ref
from aks_action.model.traffic.steps import Patch
from aks_action.model.volumes.marks import REPLACED_BY, REPLICAS_BEFORE, is_stopped
from aks_action.model.volumes.mounts import CLAIM
from aks_action.model.volumes.steps import WaitUnused

STOPPABLE = ("Deployment", "StatefulSet", "ReplicaSet")

_REPLICAS = ("spec", "replicas")
_BEFORE = ("metadata", "annotations", REPLICAS_BEFORE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recreation:
    """A claim that is made anew.   plain: as the manifests call it.   reasons: why, as clauses."""

    plain: ObjectRef
    old: ObjectRef
    new: ObjectRef
    volume: str
    reasons: tuple[str, ...]

    @property
    def note(self) -> str:
        volume = f" and its volume {self.volume}" if self.volume else ""
        return (
            f"{self.new} takes the place of {self.old}, and begins empty: "
            f"{'; '.join(self.reasons)}. {self.old}{volume} are kept with all that is in them; "
            "delete the claim yourself when nobody needs it any more."
        )


def uses(document: Document, claim: ObjectRef) -> bool:
    """Whether an object's pods name a claim."""
    return any(each.kind == CLAIM and core_ref(each) == claim for each in references(document))


def with_recreations(
    plan: Plan,
    found: Sequence[Recreation],
    manifests: ManifestSet,
    live: Mapping[ObjectRef, Document],
) -> Plan:
    """The plan with its workloads stopped first and started again before its last wait.

    manifests: as they are to be applied. A workload that an earlier run has stopped is started,
    too, even where nothing is made anew any more.
    """
    workloads = [
        live[each.ref] for each in manifests if each.kind in STOPPABLE and each.ref in live
    ]
    stopping = [each for each in workloads if any(uses(each, one.old) for one in found)]
    stages = (
        Stage(name="Stop what uses old claims", steps=tuple(_stops(found, stopping))),
        Stage(name="Wait until stopped", steps=tuple(_waits(found, stopping))),
    )
    starting = [each for each in workloads if is_stopped(each) or each in stopping]
    wanted = {each.ref: each.document for each in manifests}
    started = Stage(
        name="Start what was stopped",
        steps=tuple(_start(plan, each, wanted[ref_of(each)]) for each in starting),
    )
    begun = tuple(each for each in stages if each.steps)
    return replace(
        plan,
        stages=(*begun, *(_before_last_wait(plan.stages, started) if starting else plan.stages)),
        notes=(*plan.notes, *(each.note for each in found)),
    )


def _stops(found: Iterable[Recreation], stopping: Iterable[Document]) -> Iterator[Step]:
    for each in found:
        body = {"metadata": {"annotations": {REPLACED_BY: each.new.name}}}
        yield Patch(ref=each.old, body=body, why=f"{each.new.name} takes its place")
    for document in stopping:
        if replicas := _replicas(document):
            stopped = set_in(set_in({}, _BEFORE, str(replicas)), _REPLICAS, 0)
            yield Patch(ref=ref_of(document), body=stopped, why="stopped: its claim is made anew")


def _waits(found: Iterable[Recreation], stopping: Sequence[Document]) -> Iterator[Step]:
    for each in found:
        users = [document for document in stopping if uses(document, each.old)]
        if users:
            selectors = tuple(get_in(document, ("spec", "selector")) for document in users)
            yield WaitUnused(claim=each.old, selectors=selectors)


def _start(plan: Plan, live: Document, wanted: Document) -> Patch:
    """The number of replicas that was there before, where the manifest leaves it to others."""
    body = set_in({}, _BEFORE, None)
    applied = [each.manifest.document for each in plan.applies if each.ref == ref_of(live)]
    stated = get_in(applied[-1], _REPLICAS) if applied else None
    if not stated and get_in(wanted, _REPLICAS) != 0:
        body = set_in(body, _REPLICAS, _replicas_before(live))
    return Patch(ref=ref_of(live), body=body, why="started again")


def _replicas_before(live: Document) -> int:
    """As the annotation has it, which others can write, too."""
    kept = whole_number(get_in(live, _BEFORE))
    return _replicas(live) if kept is None else kept


def _replicas(document: Document) -> int:
    return int(get_in(document, _REPLICAS, 1))


def _before_last_wait(stages: Sequence[Stage], more: Stage) -> Iterator[Stage]:
    last = stages[-1:]
    waits = all(isinstance(step, Wait) for each in last for step in each.steps)
    yield from stages[:-1]
    yield from (more, *last) if waits else (*last, more)
