"""Waiting until everything is healthy: all targets at once, by watches, under one deadline."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from queue import Empty

from aks_action.clients.ports import Clock, Cluster
from aks_action.errors import ActionError, Problem, RolloutFailed, RolloutTimeout
from aks_action.model.documents import get_in
from aks_action.model.health import (
    RULES,
    WORKLOADS,
    Health,
    HealthStatus,
    Related,
    Trouble,
    assess,
    makes_configuration,
)
from aks_action.model.manifests import Document, Manifest, ObjectRef
from aks_action.runtime.container_logs import Log, read_log
from aks_action.runtime.feeds import Change, Collection, Feeds, Message, Snapshot
from aks_action.runtime.sightings import Sightings

SETTLE_SECONDS = 1.0
REMIND_SECONDS = 30.0
_BURST_SECONDS = 0.05
_TICK_SECONDS = 0.1
_ROUTINE = (
    *("Scheduled", "Pulling", "Pulled", "Created", "Started", "Killing", "SuccessfulAttachVolume"),
    *("SuccessfulCreate", "SuccessfulDelete", "SuccessfulRescale", "ScalingReplicaSet"),
)
USEFUL_EVENTS = ",".join(f"reason!={reason}" for reason in _ROUTINE)
"""A field selector: what the server need not send, since it only says that all goes well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """How the wait for one target ended.

    seconds: until it was healthy, or until the wait ended.
    related: its ReplicaSets, Pods and Events as last seen, for a diagnosis.
    logs:    of a Job's crashed pods, which the Job controller deletes when it gives up.
    """

    manifest: Manifest
    health: Health
    seconds: float
    related: Related = field(default_factory=Related)
    logs: tuple[Log, ...] = ()


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
    may_appear = any(makes_configuration(ref) for ref in (*live, *(each.ref for each in targets)))
    watch = _Wait(
        cluster=cluster, clock=clock, deadline=deadline, tell=tell, warn=warn, targets=targets
    )
    watch.begin(live, since=since, may_appear=may_appear)
    if watch.pending:
        watch.run()
    return watch.result()


@dataclass(slots=True, kw_only=True)
class _Wait:
    """One wait under way: what is left, what is known, and when to speak next."""

    cluster: Cluster
    clock: Clock
    deadline: float
    tell: Callable[[str], None]
    warn: Callable[[Manifest, Trouble], None]
    targets: Sequence[Manifest]
    sightings: Sightings = field(init=False)
    pending: dict[ObjectRef, Manifest] = field(default_factory=dict)
    health: dict[ObjectRef, Health] = field(default_factory=dict)
    seconds: dict[ObjectRef, float] = field(default_factory=dict)
    warned: set[tuple[ObjectRef, str]] = field(default_factory=set)
    logs: defaultdict[ObjectRef, list[Log]] = field(default_factory=lambda: defaultdict(list))
    told: set[tuple[str, Collection]] = field(default_factory=set)
    started: float = 0.0
    remind_at: float = 0.0
    failed_at: float | None = None

    def begin(
        self, live: Mapping[ObjectRef, Document], *, since: datetime, may_appear: bool
    ) -> None:
        """Judge every target by what is known already."""
        self.started = self.clock.now()
        self.remind_at = self.started + REMIND_SECONDS
        wanted = {each.ref: each for each in self.targets}
        self.sightings = Sightings(
            {ref: get_in(live.get(ref), ("metadata", "generation")) or 0 for ref in wanted},
            since=since,
            storage_classes=self._storage_classes(wanted, live),
            may_appear=may_appear,
        )
        for ref, manifest in wanted.items():
            document = live.get(ref)
            if document is not None:
                self.sightings.remember(document)
            elif _is_healthy_when_present(manifest):
                document = manifest.document
            self.health[ref] = self._assess(ref, document)
            if self.health[ref].is_ready:
                self.seconds[ref] = 0.0
            else:
                self.pending[ref] = manifest

    def _assess(self, ref: ObjectRef, document: Document | None) -> Health:
        if document is None:
            return Health(status=HealthStatus.PROGRESSING, message="it was not seen yet")
        return assess(document, self.sightings.related(ref))

    def run(self) -> None:
        with Feeds(self.cluster, self.clock) as feeds:
            for collection in _collections(self.pending.values()):
                feeds.open(collection)
            while self.pending and not self._is_over():
                touched: set[ObjectRef] = set()
                for message in self._gather(feeds):
                    touched |= self._take(message)
                for ref in sorted(touched & self.pending.keys()):
                    self._judge(ref)
                self._remind()

    def _is_over(self) -> bool:
        """Time is up, or something has failed for long enough, or nothing else is left."""
        now = self.clock.now()
        failed = [ref for ref in self.pending if self.health[ref].is_failed]
        if not failed:
            self.failed_at = None
        elif self.failed_at is None:
            self.failed_at = now
        settled = self.failed_at is not None and now >= self.failed_at + SETTLE_SECONDS
        return now >= self.deadline or settled

    def _gather(self, feeds: Feeds) -> Iterator[Message]:
        """The next message and what follows at once: judging once per burst spares the CPU."""
        wake = self.deadline if self.failed_at is None else self.failed_at + SETTLE_SECONDS
        left = min(wake - self.clock.now(), _TICK_SECONDS)
        try:
            yield feeds.messages.get(timeout=max(left, 0.0))
            self.clock.sleep(_BURST_SECONDS)
            while True:
                yield feeds.messages.get_nowait()
        except Empty:
            return

    def _take(self, message: Message) -> set[ObjectRef]:
        if isinstance(message, Snapshot | Change):
            return self.sightings.take(message)
        kind = message.collection.kind
        if message.final and any(ref.kind == kind for ref in self.pending):
            raise message.error
        lead = f"The watch of {kind} was lost and begins anew"
        if message.final:
            lead = f"{kind}s cannot be watched, so causes may stay unnamed"
        if (lead, message.collection) not in self.told:
            self.told.add((lead, message.collection))
            self.tell(f"{lead}: {message.error}")
        return set()

    def _judge(self, ref: ObjectRef) -> None:
        document = self.sightings.document(ref)
        gone = ref in self.sightings.gone
        health = _gone(document) if gone else self._assess(ref, document)
        before = self.health[ref]
        if health.is_failed and not health.troubles:
            health = replace(health, troubles=before.troubles)  # its pods may be gone by now
        self.health[ref] = health
        for trouble in health.troubles:
            if (ref, trouble.message) not in self.warned:
                self._warn(ref, trouble)
        if health.is_ready:
            del self.pending[ref]
            self.seconds[ref] = self.clock.now() - self.started
            self.tell(f"{ref} is ready after {self.seconds[ref]:.1f} s: {health.message}.")
        elif health.is_failed and not before.is_failed:
            self.tell(f"{ref} has failed: {health.message}.")

    def _warn(self, ref: ObjectRef, trouble: Trouble) -> None:
        self.warned.add((ref, trouble.message))
        self.warn(self.pending[ref], trouble)
        log = read_log(self.cluster, trouble) if ref.kind == "Job" else None
        if log is not None:
            self.logs[ref].append(log)

    def _remind(self) -> None:
        now = self.clock.now()
        if now < self.remind_at or not self.pending:
            return
        self.remind_at = now + REMIND_SECONDS
        left = max(self.deadline - now, 0)
        self.tell(
            f"Waiting for {len(self.pending)} of {len(self.health)}, {left:.0f} s left: "
            + "; ".join(f"{ref}: {self.health[ref].message}" for ref in self.pending)
        )

    def _storage_classes(
        self, wanted: Mapping[ObjectRef, Manifest], live: Mapping[ObjectRef, Document]
    ) -> Mapping[str, Document] | None:
        """The StorageClasses, asked for only when a claim is not bound; None when forbidden."""
        unbound = [
            ref
            for ref in wanted
            if ref.group_kind == "PersistentVolumeClaim"
            and get_in(live.get(ref), ("status", "phase")) != "Bound"
        ]
        if not unbound:
            return None
        try:
            listing = self.cluster.list("storage.k8s.io/v1", "StorageClass")
        except ActionError:
            return None  # the claim's event tells as much, a moment later
        return {each["metadata"]["name"]: each for each in listing.items}

    def result(self) -> WaitResult:
        waited = self.clock.now() - self.started
        return WaitResult(
            targets=tuple(
                Waited(
                    manifest=each,
                    health=self.health[each.ref],
                    seconds=self.seconds.get(each.ref, waited),
                    related=self.sightings.related(each.ref),
                    logs=tuple(self.logs[each.ref]),
                )
                for each in self.targets
            )
        )


def _is_healthy_when_present(manifest: Manifest) -> bool:
    return assess(manifest.document, Related()).is_ready and manifest.ref.group_kind not in RULES


def _gone(document: Document | None) -> Health:
    """A target that is no longer there; a finished Job with a TTL goes away by design."""
    if document is not None and get_in(document, ("spec", "ttlSecondsAfterFinished")) is not None:
        return Health(status=HealthStatus.READY, message="it has ended and was cleaned up")
    return Health(status=HealthStatus.FAILED, message="it was deleted while it was waited for")


def _collections(pending: Iterable[Manifest]) -> set[Collection]:
    """What to watch: the targets' kinds, and what tells of their pods and claims.

    A kind with a single target is watched by that target's name.
    """
    names: defaultdict[tuple[str, str, str], set[str]] = defaultdict(set)
    collections: set[Collection] = set()
    for ref in (each.ref for each in pending):
        names[ref.api_version, ref.kind, ref.namespace].add(ref.name)
        if ref.namespace:
            collections.add(
                Collection(
                    api_version="v1",
                    kind="Event",
                    namespace=ref.namespace,
                    field_selector=USEFUL_EVENTS,
                )
            )
        if ref.group_kind in WORKLOADS:
            names["v1", "Pod", ref.namespace].add("")
        if ref.group_kind == "Deployment.apps":
            names["apps/v1", "ReplicaSet", ref.namespace].add("")
    for (api_version, kind, namespace), wanted in names.items():
        only = "".join(wanted) if len(wanted) == 1 else ""
        collections.add(
            Collection(
                api_version=api_version,
                kind=kind,
                namespace=namespace,
                field_selector=f"metadata.name={only}" if only else "",
            )
        )
    return collections
