"""Judging the targets of a wait: the health of each, by all that was seen of it so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from aks_action.clients.ports import Cluster
from aks_action.model.applying.field_ownership import FIELD_MANAGER
from aks_action.model.documents import get_in
from aks_action.model.health import (
    RULES,
    Health,
    HealthStatus,
    Related,
    assess,
    makes_configuration,
)
from aks_action.model.health.fleets import PLACEMENTS
from aks_action.model.health.pods import CANNOT_MOUNT, UNSCHEDULABLE
from aks_action.model.manifests import Document, Manifest, ObjectRef
from aks_action.model.volumes.mounts import CLAIM, Mounted, mounted
from aks_action.runtime.observing import storage_classes
from aks_action.runtime.waiting import absent, autoscalers
from aks_action.runtime.waiting.sightings import Sightings


def judge_of(
    targets: Sequence[Manifest],
    *,
    live: Mapping[ObjectRef, Document],
    since: datetime,
    cluster: Cluster,
    see: Callable[[ObjectRef, Related], None],
) -> Judge:
    """A judge that has seen nothing yet, and knows what holds for every target.

    The StorageClasses are asked for only where a claim is not bound.
    """
    refs = [each.ref for each in targets]
    unbound = any(
        ref.group_kind == CLAIM and get_in(live.get(ref), ("status", "phase")) != "Bound"
        for ref in refs
    )
    facts = Related(
        since=since,
        # Where they may not be listed, the claim's event tells as much, a moment later.
        storage_classes=storage_classes.by_name(cluster) if unbound else None,
        may_appear=any(map(makes_configuration, (*live, *refs))),
    )
    floors = {ref: get_in(live.get(ref), ("metadata", "generation")) or 0 for ref in refs}
    return Judge(cluster=cluster, sightings=Sightings(floors, facts), see=see)


@dataclass(slots=True, kw_only=True)
class Judge:
    """Judges by sightings, and remembers how each target was judged last.

    see:    takes what is known about a target, whenever that may have changed.
    health: by target, filled by every judgement.
    """

    cluster: Cluster
    sightings: Sightings
    see: Callable[[ObjectRef, Related], None]
    health: dict[ObjectRef, Health] = field(default_factory=dict)
    _knows_autoscalers: bool = False
    _looked_for: frozenset[Mounted] = frozenset()

    def judge_first(self, target: Manifest, live: Document | None) -> Health:
        """The health by what is known without a request. live: None where that is nothing."""
        if live is not None:
            self.sightings.remember(live)
        elif _is_healthy_when_present(target):
            live = target.document
        self.health[target.ref] = health = self._assess(target.ref, live)
        return health

    def judge(self, ref: ObjectRef) -> Health:
        """The health by what was seen, and by what a hint of it is worth asking for.

        Autoscalers once, where only a node is missing; what a volume takes from ConfigMaps and
        Secrets, where an event says that it cannot be mounted.
        """
        document = self.sightings.document(ref)
        gone = ref in self.sightings.gone
        health = _gone(document) if gone else self._assess(ref, document)
        if self.sightings.facts.autoscaled and _lacks_node(health):
            self._ask_for_autoscalers()
            health = self._assess(ref, document)
        if not gone and self._ask_for_what_is_mounted(ref, health):
            health = self._assess(ref, document)
        if health.is_failed and not health.troubles:  # its pods may be gone by now
            health = replace(health, troubles=self.health[ref].troubles)
        self.health[ref] = health
        return health

    def is_overtaken(self, ref: ObjectRef, live: Mapping[ObjectRef, Document]) -> bool:
        """Whether a placement's status may be of before what this run has written."""
        return ref.group_kind in PLACEMENTS and any(
            self.sightings.facts.is_recent(entry.get("time"))
            for each in live.values()
            for entry in get_in(each, ("metadata", "managedFields")) or ()
            if entry.get("manager") == FIELD_MANAGER
        )

    def _assess(self, ref: ObjectRef, document: Document | None) -> Health:
        if document is None:
            return Health(status=HealthStatus.PROGRESSING, message="it was not seen yet")
        related = self.sightings.related(ref)
        self.see(ref, related)
        return assess(document, related)

    def _ask_for_what_is_mounted(self, ref: ObjectRef, health: Health) -> bool:
        """Look for what pods mount that cannot; whether anything new is known to be absent."""
        if health.is_failed or all(each.code != CANNOT_MOUNT for each in health.troubles):
            return False
        pods = self.sightings.related(ref).pods or filter(None, [self.sightings.document(ref)])
        wanted = frozenset[Mounted]().union(*map(mounted, pods)) - self._looked_for
        self._looked_for |= wanted
        found = absent.of(self.cluster, wanted)
        facts = self.sightings.facts
        self.sightings.facts = replace(facts, absent=facts.absent | found)
        return bool(found)

    def _ask_for_autoscalers(self) -> None:
        if not self._knows_autoscalers:
            self._knows_autoscalers = True
            autoscaled = autoscalers.may_add_nodes(self.cluster)
            self.sightings.facts = replace(self.sightings.facts, autoscaled=autoscaled)


def _is_healthy_when_present(manifest: Manifest) -> bool:
    return assess(manifest.document, Related()).is_ready and manifest.ref.group_kind not in RULES


def _lacks_node(health: Health) -> bool:
    return any(each.code == UNSCHEDULABLE for each in health.troubles)


def _gone(document: Document | None) -> Health:
    """A target that is no longer there; a finished Job with a TTL goes away by design."""
    if document is not None and get_in(document, ("spec", "ttlSecondsAfterFinished")) is not None:
        return Health(status=HealthStatus.READY, message="it has ended and was cleaned up")
    return Health(status=HealthStatus.FAILED, message="it was deleted while it was waited for")
