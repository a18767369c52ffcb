"""Waiting until everything is healthy: all targets at once, by watches, under one deadline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from aks_action.clients.ports import Clock, Cluster
from aks_action.errors import ActionError, Problem, RolloutFailed, RolloutTimeout
from aks_action.model.health import Health, Related, Trouble
from aks_action.model.manifests import Document, Manifest, ObjectRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """How the wait for one target ended.

    seconds: until it was healthy, or until the wait ended.
    related: its ReplicaSets, Pods and Events as last seen, for a diagnosis.
    """

    manifest: Manifest
    health: Health
    seconds: float
    document: Document | None = None
    related: Related = Related()  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitResult:
    """Every target in the given order; the wait succeeded when all of them are ready."""

    targets: tuple[Waited, ...]

    @property
    def failed(self) -> tuple[Waited, ...]:
        """Targets that can never become healthy."""
        return tuple(each for each in self.targets if each.health.is_failed)

    @property
    def pending(self) -> tuple[Waited, ...]:
        """Targets that were neither healthy nor failed when the wait ended."""
        return tuple(
            each for each in self.targets if not (each.health.is_ready or each.health.is_failed)
        )

    @property
    def error(self) -> ActionError | None:
        """What to raise: RolloutFailed (exit 7), RolloutTimeout (8), or None when all are ready."""
        guilty = self.failed or self.pending
        kind = RolloutFailed if self.failed else RolloutTimeout
        problems = [
            Problem(
                message=f"{each.manifest.ref}: {each.health.message}", source=each.manifest.source
            )
            for each in guilty
        ]
        return kind(*problems) if problems else None


def wait(
    cluster: Cluster,
    targets: Sequence[Manifest],
    *,
    live: Mapping[ObjectRef, Document],
    deadline: float,
    clock: Clock,
    since: datetime,
    tell: Callable[[str], None],
    warn: Callable[[Manifest, Trouble], None],
) -> WaitResult:
    """Wait until every target is healthy by the rule of its kind, one can never be, or time is up.

    targets:  what to wait for; each has its namespace and its final name (an object made from a
              `generateName` with the name that the server gave it).
    live:     the objects as the server answered to the apply, or as observed where nothing was
              applied. A target that is healthy in it costs no request. An older `generation`
              seen later does not count.
    deadline: a value of `clock.now()`.
    since:    wall-clock time (UTC, aware) at which this run began to write; older crashes,
              events and conditions are not held against it.
    tell:     takes one line of progress at a time; its text may hold text from the cluster.
    warn:     takes each trouble once per target, within a second of the cluster knowing; a
              trouble is not a failure yet.

    Returns at the latest shortly after `deadline`; about a second after the first failed target,
    so that others which fail for the same cause are named too. Call it from the main thread: a
    `Cancelled` that a signal handler raises there leaves at once and closes every watch.
    Raises ApiError or AuthError when a target's kind may not be listed or watched.
    """
    raise NotImplementedError
