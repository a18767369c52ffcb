"""The news of a wait: what is told of it, each thing once, and a reminder now and then."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from aks_action.model.health import Health, Related, Trouble
from aks_action.model.manifests import Manifest, ObjectRef
from aks_action.runtime import feeds

REMIND_SECONDS = 30.0


def _look_away(_target: ObjectRef, _related: Related) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Who hears of what a wait sees.

    tell: takes one line of progress at a time; its text may hold text from the cluster.
    warn: takes each trouble once per target, within a second of the cluster knowing; a trouble is
          not a failure yet.
    see:  takes what is known about a target, whenever that may have changed.
    """

    tell: Callable[[str], None]
    warn: Callable[[Manifest, Trouble], None]
    see: Callable[[ObjectRef, Related], None] = _look_away


@dataclass(slots=True, kw_only=True)
class News:
    """Puts into words what happens in one wait, for its listener.

    deadline:  when the wait ends.    remind_at: when to remind next; of the same clock as `now`.
    """

    listener: Listener
    deadline: float
    remind_at: float
    _warned: set[tuple[ObjectRef, str]] = field(default_factory=set)
    _lost: set[tuple[str, feeds.Collection]] = field(default_factory=set)

    def warn(self, target: Manifest, health: Health) -> Iterator[Trouble]:
        """The troubles that are new, each when its listener has heard of it."""
        for trouble in health.troubles:
            if (target.ref, trouble.message) not in self._warned:
                self._warned.add((target.ref, trouble.message))
                self.listener.warn(target, trouble)
                yield trouble

    def lost(self, trouble: feeds.Trouble) -> None:
        """A feed was interrupted, or cannot be had."""
        kind = trouble.collection.kind
        lead = f"The watch of {kind} was lost and begins anew"
        if trouble.final:
            lead = f"{kind}s cannot be watched, so causes may stay unnamed"
        if (lead, trouble.collection) not in self._lost:
            self._lost.add((lead, trouble.collection))
            self.listener.tell(f"{lead}: {trouble.error}")

    def ready(self, ref: ObjectRef, seconds: float, health: Health) -> None:
        self.listener.tell(f"{ref} is ready after {seconds:.1f} s: {health.message}.")

    def failed(self, targets: Mapping[ObjectRef, Health]) -> None:
        """What has failed for good; it ends the wait."""
        for ref, health in targets.items():
            self.listener.tell(f"{ref} has failed: {health.message}.")

    def remind(self, pending: Mapping[ObjectRef, Health], of: int, now: float) -> None:
        """What is still waited for, if it is time to say so again. of: the number of targets."""
        if now < self.remind_at or not pending:
            return
        self.remind_at = now + REMIND_SECONDS
        left = max(self.deadline - now, 0)
        self.listener.tell(
            f"Waiting for {len(pending)} of {of}, {left:.0f} s left: "
            + "; ".join(f"{ref}: {health.message}" for ref, health in pending.items())
        )
