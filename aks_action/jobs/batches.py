"""A deploy to a cluster that takes many requests at once (`ports.BatchedCluster`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from aks_action.clients.clock import TimeLimit
from aks_action.clients.ports import Batch, BatchedCluster, Cluster
from aks_action.errors import ActionError
from aks_action.model.manifests import Document, ManifestSet, ObjectRef
from aks_action.model.plan import Stage
from aks_action.model.resources import ResourceTypes
from aks_action.runtime.checking import ApplyRules
from aks_action.runtime.executing import batching

T = TypeVar("T")
Tell = Callable[[str], None]
Begin = Callable[[Sequence[Stage], Mapping[ObjectRef, Document]], None]


def decided(
    cluster: Cluster,
    manifests: ManifestSet,
    decide: Callable[[Tell], T],
    tell: Tell,
) -> T:
    """What `decide` answers once it has seen everything that it asks for.

    Until then its answers and its errors are made of gaps, and count for nothing.
    """
    if not isinstance(cluster, BatchedCluster):
        return decide(tell)
    cluster.prepare(manifests)
    notes = _Notes(tell)
    while True:
        notes.kept.clear()
        try:
            result = decide(notes.add)
        except ActionError:
            if not cluster.flush():
                raise
            continue
        if not cluster.flush():
            notes.release()
            return result


@dataclass(slots=True)
class _Notes:
    """Lines that are kept back while they may be made of gaps; later ones are told at once."""

    tell: Tell
    kept: list[str] = field(default_factory=list)
    released: bool = False

    def add(self, text: str) -> None:
        if self.released:
            self.tell(text)
        else:
            self.kept.append(text)

    def release(self) -> None:
        self.released = True
        for text in self.kept:
            self.tell(text)


def begin(
    cluster: Cluster,
    types: ResourceTypes,
    rules: ApplyRules,
    finish: Callable[[Cluster], object],
    limit: TimeLimit,
) -> Begin:
    """What tells the cluster which stages begin, where it has to know.

    finish: see `ports.Batch`.    limit: that of `limit_of`.
    """
    if not isinstance(cluster, BatchedCluster):
        return lambda _stages, _live: None

    def begun(stages: Sequence[Stage], live: Mapping[ObjectRef, Document]) -> None:
        clock = cluster.clock
        live = dict(live)  # the executor's own changes while the batch is prepared
        cluster.begin(
            Batch(
                stages=tuple(stages),
                live=live,
                types=types,
                deadline=limit.until,
                check=lambda stage, other: batching.check(stage, other, live, rules),
                write=lambda step, other: batching.write(step, other, live, clock),
                look=batching.look,
                finish=finish,
            )
        )

    return begun


def limit_of(cluster: Cluster, step: TimeLimit, seconds: float) -> TimeLimit:
    """How much time a run has: that of the step, or as many seconds of the cluster's own clock."""
    return TimeLimit(cluster.clock, seconds) if isinstance(cluster, BatchedCluster) else step
