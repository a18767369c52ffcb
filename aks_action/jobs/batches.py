"""A deploy to a cluster that takes many requests at once (`ports.BatchedCluster`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from aks_action.clients.ports import BatchedCluster, Cluster
from aks_action.errors import ActionError
from aks_action.model.manifests import Document, ManifestSet
from aks_action.model.observed import Observed
from aks_action.model.plan import Change, Plan, Wait
from aks_action.runtime.watched_collections import collections_for

T = TypeVar("T")
Tell = Callable[[str], None]

LOOK_SECONDS = 20.0
"""For judging what was read at the end: probes of no kind need some seconds to be believed."""


def decided(
    cluster: Cluster,
    manifests: ManifestSet,
    namespace: str,
    decide: Callable[[Tell], T],
    tell: Tell,
) -> T:
    """What `decide` answers once it has seen everything that it asks for.

    Until then its answers and its errors are made of gaps, and count for nothing.
    """
    if not isinstance(cluster, BatchedCluster):
        return decide(tell)
    cluster.prepare(manifests, namespace)
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


def carry_out(
    cluster: Cluster,
    plan: Plan,
    observed: Observed,
    namespace_patch: tuple[str, Document] | None,
    seconds: float,
) -> bool:
    """Do the plan at once where that is how the cluster works; whether it is."""
    if not isinstance(cluster, BatchedCluster):
        return False
    waited = [each for step in plan.steps if isinstance(step, Wait) for each in step.manifests]
    writes = any(
        each.assessment is None or each.assessment.change is not Change.UNCHANGED
        for each in plan.applies
    )
    cluster.carry_out(
        plan,
        observed,
        collections={
            (each.api_version, each.kind, each.namespace) for each in collections_for(waited)
        },
        namespace_patch=namespace_patch if writes else None,
        seconds=seconds,
    )
    return True
