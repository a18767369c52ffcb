"""What became of a plan: the records that the executor keeps and the report reads."""

from __future__ import annotations

from dataclasses import dataclass

from aks_action.errors import Source
from aks_action.model.manifests import ObjectRef
from aks_action.model.plan import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one object.

    change:  what was done; with an `error`, what was tried.
    seconds: how long the object took, until it was written or, when waited for, healthy.
    error:   empty on success; else a sentence.
    health:  what its rule said last (`3 of 3 replicas are available`); empty when not waited for.
    """

    ref: ObjectRef
    source: Source | None
    change: Change
    seconds: float = 0.0
    error: str = ""
    health: str = ""

    @property
    def is_written(self) -> bool:
        """Whether it is there, as this run wrote it."""
        return self.change not in (Change.UNCHANGED, Change.DELETED) and not self.error


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Why one object is not healthy, for a person who has to mend it.

    events, logs: text of the cluster, already filtered and cut; never to be interpreted.
    advice:       what to do next, a sentence.
    """

    ref: ObjectRef
    source: Source | None
    reason: str
    events: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()
    advice: str = ""
