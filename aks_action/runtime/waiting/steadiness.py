"""For how long pods have lived as they do now: by what we saw, or by the cluster's own times."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from aks_action.model.health import Related
from aks_action.model.health.records import SKEW
from aks_action.model.health.steadiness import Life, has_lives, lives
from aks_action.model.manifests import Document


@dataclass(slots=True, kw_only=True)
class Steadiness:
    """What one wait demands of pods besides being ready, and since when it has seen each of them.

    seconds: for how long pods have to be ready without a restart; 0: nothing is demanded.
    since:   a wall-clock time (UTC, aware) that lies before `began`.
    began:   when the wait began, as the clock of `now` has it.
    """

    seconds: float
    since: datetime
    began: float
    _seen: dict[Life, float] = field(default_factory=dict)

    def demands(self, document: Document) -> bool:
        return bool(self.seconds) and has_lives(document)

    def see(self, document: Document, related: Related, now: float) -> None:
        """Take note of a target's pods: whoever is new, or not as before, begins to count now."""
        for life in lives(document, related) or ():
            self._seen.setdefault(life, now)

    def left(self, document: Document, related: Related, now: float) -> float:
        """Seconds for which a target's pods have to go on as they are; 0 or less: no more."""
        if not self.demands(document):
            return 0.0
        found = lives(document, related)
        if found is None:
            return self.seconds
        return max(self._needed(life, now) for life in found)

    def _needed(self, life: Life, now: float) -> float:
        """By our own clock; or by the cluster's, which may differ by some seconds."""
        lasted = now - self._seen.get(life, now)
        if life.began is not None:
            by_its_own = (self.since - SKEW - life.began).total_seconds() + now - self.began
            lasted = max(lasted, by_its_own)
        return life.seconds_needed(self.seconds) - lasted
