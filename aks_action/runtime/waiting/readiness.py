"""Since when targets are ready, and whether that has lasted long enough to be believed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from aks_action.model.health import Health, HealthStatus
from aks_action.model.health.proving import seconds_to_prove
from aks_action.model.manifests import Document, ObjectRef
from aks_action.runtime.waiting.sightings import Sightings
from aks_action.runtime.waiting.steadiness import Steadiness


@dataclass(slots=True, kw_only=True)
class Readiness:
    """What became ready and is still waited for. Every `now` is a time of the same clock.

    since: by target, in the order in which they became ready.
    """

    sightings: Sightings
    steadiness: Steadiness
    since: dict[ObjectRef, float] = field(default_factory=dict)

    @property
    def has_to_be_steady(self) -> bool:
        """Whether pods have to live on without a restart for a time that the user gives."""
        return bool(self.steadiness.seconds)

    def needs_no_proof(self, health: Health, document: Document) -> bool:
        """Whether a target is ready for good by what was known before anything was watched."""
        return health.is_ready and not self.steadiness.demands(document)

    def see(self, ref: ObjectRef, health: Health, now: float) -> None:
        """Take note of a judgement; whatever is not ready begins anew."""
        document = self.sightings.document(ref)
        if document is not None:
            self.steadiness.see(document, self.sightings.related(ref), now)
        if not health.is_ready:
            self.since.pop(ref, None)
        else:
            self.since.setdefault(ref, now)

    def is_proven(self, ref: ObjectRef, now: float) -> bool:
        """Whether a target has been ready for long enough, by its kind and for the user."""
        since, document = self.since.get(ref), self.sightings.document(ref)
        if since is None or document is None:
            return since is not None
        related = self.sightings.related(ref)
        proven = now >= since + seconds_to_prove(document, related)
        return proven and self.steadiness.left(document, related, now) <= 0

    def unproven(self, health: Health) -> Health:
        """The verdict on a target that is still waited for: ready is not steady yet."""
        if not (health.is_ready and self.has_to_be_steady):
            return health
        message = (
            f"{health.message}, but not yet for {self.steadiness.seconds:g} s without a restart"
        )
        return replace(health, status=HealthStatus.PROGRESSING, message=message)
