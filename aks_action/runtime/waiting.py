"""Waiting until everything is healthy: all targets at once, by watches, under one deadline."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from aks_action.clients.ports import Clock, Cluster
from aks_action.errors import ActionError
from aks_action.model.applying.field_ownership import FIELD_MANAGER
from aks_action.model.documents import get_in
from aks_action.model.health import (
    RULES,
    Gravity,
    Health,
    HealthStatus,
    Related,
    Trouble,
    assess,
    makes_configuration,
)
from aks_action.model.health.fleets import PLACEMENTS
from aks_action.model.health.growth import RESIZE_ERRORS
from aks_action.model.health.images import REFUSED
from aks_action.model.health.pods import UNSCHEDULABLE
from aks_action.model.health.proving import seconds_to_prove
from aks_action.model.manifests import Document, Manifest, ObjectRef
from aks_action.runtime import storage_classes
from aks_action.runtime.container_logs import Log, read_log
from aks_action.runtime.feeds import Change, Collection, Feeds, Message, Snapshot
from aks_action.runtime.sightings import Sightings
from aks_action.runtime.steadiness import Steadiness
from aks_action.runtime.wait_result import Waited, WaitResult
from aks_action.runtime.watched_collections import collections_for

__all__ = ["Listener", "WaitResult", "Waited", "wait"]

SETTLE_SECONDS = 1.0
TRIED_AGAIN_SECONDS = 15.0
REMIND_SECONDS = 30.0
_BURST_SECONDS = 0.05
_AUTOSCALER_STATUS = ObjectRef(
    api_version="v1",
    kind="ConfigMap",
    namespace="kube-system",
    name="cluster-autoscaler-status",
)
"""Written by the cluster autoscaler, also by the one that AKS runs."""


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


def wait(
    cluster: Cluster,
    targets: Sequence[Manifest],
    *,
    live: Mapping[ObjectRef, Document],
    deadline: float,
    clock: Clock,
    since: datetime,
    listener: Listener,
    steady: float = 0.0,
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
    steady:   seconds for which the pods of every target have to be ready without a restart.

    Returns at the latest shortly after `deadline`; about a second after the first failed target
    (15 s where only a node is missing), so that others which fail too are named and what heals at
    once is no failure. Call it from the main thread: a
    `Cancelled` that a signal handler raises there leaves at once and closes every watch.
    Raises ApiError or AuthError when a target's kind may not be listed or watched.
    """
    may_appear = any(makes_configuration(ref) for ref in (*live, *(each.ref for each in targets)))
    watch = _Wait(
        cluster=cluster,
        clock=clock,
        deadline=deadline,
        listener=listener,
        targets=targets,
        steadiness=Steadiness(seconds=steady, since=since, began=clock.now()),
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
    listener: Listener
    targets: Sequence[Manifest]
    steadiness: Steadiness
    sightings: Sightings = field(init=False)
    pending: dict[ObjectRef, Manifest] = field(default_factory=dict)
    health: dict[ObjectRef, Health] = field(default_factory=dict)
    seconds: dict[ObjectRef, float] = field(default_factory=dict)
    ready_at: dict[ObjectRef, float] = field(default_factory=dict)
    warned: set[tuple[ObjectRef, str]] = field(default_factory=set)
    logs: defaultdict[ObjectRef, list[Log]] = field(default_factory=lambda: defaultdict(list))
    told: set[tuple[str, Collection]] = field(default_factory=set)
    asked_for_autoscaler: bool = False
    started: float = 0.0
    remind_at: float = 0.0
    over_at: float | None = None

    def begin(
        self, live: Mapping[ObjectRef, Document], *, since: datetime, may_appear: bool
    ) -> None:
        """Judge every target by what is known already."""
        self.started = self.clock.now()
        self.remind_at = self.started + REMIND_SECONDS
        wanted = {each.ref: each for each in self.targets}
        self.sightings = Sightings(
            {ref: get_in(live.get(ref), ("metadata", "generation")) or 0 for ref in wanted},
            Related(
                since=since,
                storage_classes=self._storage_classes(wanted, live),
                may_appear=may_appear,
            ),
        )
        for ref, manifest in wanted.items():
            document = live.get(ref)
            if document is not None:
                self.sightings.remember(document)
            elif _is_healthy_when_present(manifest):
                document = manifest.document
            self.health[ref] = self._assess(ref, document)
            steady = document is None or not self.steadiness.demands(document)
            if self.health[ref].is_ready and steady and not self._is_overtaken(ref, live):
                self.seconds[ref] = 0.0
            else:
                self.pending[ref] = manifest

    def _is_overtaken(self, ref: ObjectRef, live: Mapping[ObjectRef, Document]) -> bool:
        """Whether a placement's status may be of before what this run has written."""
        return ref.group_kind in PLACEMENTS and any(
            self.sightings.facts.is_recent(field.get("time"))
            for each in live.values()
            for field in get_in(each, ("metadata", "managedFields")) or ()
            if field.get("manager") == FIELD_MANAGER
        )

    def _assess(self, ref: ObjectRef, document: Document | None) -> Health:
        if document is None:
            return Health(status=HealthStatus.PROGRESSING, message="it was not seen yet")
        related = self.sightings.related(ref)
        self.listener.see(ref, related)
        return assess(document, related)

    def run(self) -> None:
        with Feeds(self.cluster, self.clock) as feeds:
            for collection in collections_for(self.pending.values()):
                feeds.open(collection)
            while self.pending and not self._is_over():
                touched: set[ObjectRef] = set()
                wake = self.deadline if self.over_at is None else self.over_at
                # Judging once per burst spares the CPU.
                for message in feeds.gather(wake, burst=_BURST_SECONDS):
                    touched |= self._take(message)
                for ref in sorted(touched & self.pending.keys()):
                    self._judge(ref)
                self._settle()
                self._remind()

    def _is_over(self) -> bool:
        """Time is up, or a failure has lasted: what heals in the meantime was none."""
        now = self.clock.now()
        failed = [ref for ref in self.pending if self.health[ref].is_failed]
        if not failed:
            self.over_at = None
        else:
            over_at = now + min(_patience(self.health[ref]) for ref in failed)
            self.over_at = min(over_at, self.over_at or over_at)
        over = self.over_at is not None and now >= self.over_at
        if over or now >= self.deadline:
            for ref in failed:
                self.listener.tell(f"{ref} has failed: {self.health[ref].message}.")
        return over or now >= self.deadline

    def _take(self, message: Message) -> set[ObjectRef]:
        if isinstance(message, Snapshot | Change):
            return self.sightings.take(message)
        kind = message.collection.kind
        needed = {ref.kind for ref in self.pending} | (
            {"Pod"} if self.steadiness.seconds else set()
        )
        if message.final and kind in needed:
            raise message.error
        lead = f"The watch of {kind} was lost and begins anew"
        if message.final:
            lead = f"{kind}s cannot be watched, so causes may stay unnamed"
        if (lead, message.collection) not in self.told:
            self.told.add((lead, message.collection))
            self.listener.tell(f"{lead}: {message.error}")
        if message.final:  # it is empty as far as anybody here can see
            return self.sightings.take(Snapshot(collection=message.collection, items=()))
        return set()

    def _judge(self, ref: ObjectRef) -> None:
        document = self.sightings.document(ref)
        gone = ref in self.sightings.gone
        health = _gone(document) if gone else self._assess(ref, document)
        if self.sightings.facts.autoscaled and any(
            each.code == UNSCHEDULABLE for each in health.troubles
        ):
            self._ask_for_autoscaler()
            health = self._assess(ref, document)
        if health.is_failed and not health.troubles:  # its pods may be gone by now
            health = replace(health, troubles=self.health[ref].troubles)
        self.health[ref] = health
        if document is not None:
            self.steadiness.see(document, self.sightings.related(ref), self.clock.now())
        for trouble in health.troubles:
            if (ref, trouble.message) not in self.warned:
                self._warn(ref, trouble)
        if not health.is_ready:
            self.ready_at.pop(ref, None)
        elif ref not in self.ready_at:
            self.ready_at[ref] = self.clock.now()

    def _settle(self) -> None:
        """Let go of what has been ready for long enough; where pods have to be steady, of all at
        once, and only if they still are when the server is asked again.
        """
        due = [ref for ref in self.ready_at if self._is_due(ref)]
        if self.steadiness.seconds and not (len(due) == len(self.pending) and self._look_again()):
            return
        for ref in due:
            since = self.ready_at.pop(ref)
            del self.pending[ref]
            self.seconds[ref] = since - self.started
            message = self.health[ref].message
            self.listener.tell(f"{ref} is ready after {self.seconds[ref]:.1f} s: {message}.")

    def _is_due(self, ref: ObjectRef) -> bool:
        document, now = self.sightings.document(ref), self.clock.now()
        if document is None or ref not in self.ready_at:
            return ref in self.ready_at
        related = self.sightings.related(ref)
        proven = now >= self.ready_at[ref] + seconds_to_prove(document, related)
        return proven and self.steadiness.left(document, related, now) <= 0

    def _look_again(self) -> bool:
        """Whether all are still due by a LIST of now: the news of a crash may be on its way."""
        for namespace in {ref.namespace for ref in self.pending}:
            pods = Collection(api_version="v1", kind="Pod", namespace=namespace)
            listing = self.cluster.list("v1", "Pod", namespace=namespace)
            self.sightings.take(Snapshot(collection=pods, items=listing.items))
        for ref in self.pending:
            self._judge(ref)
        return all(self._is_due(ref) for ref in self.pending)

    def _ask_for_autoscaler(self) -> None:
        """Find out, once, whether anything adds nodes; who may not look has to assume it."""
        if self.asked_for_autoscaler:
            return
        self.asked_for_autoscaler = True
        try:
            autoscaled = (
                any(api_version.startswith("karpenter.") for api_version, _ in self.cluster.types())
                or self.cluster.get(_AUTOSCALER_STATUS) is not None
            )
        except ActionError:
            return
        self.sightings.facts = replace(self.sightings.facts, autoscaled=autoscaled)

    def _warn(self, ref: ObjectRef, trouble: Trouble) -> None:
        self.warned.add((ref, trouble.message))
        self.listener.warn(self.pending[ref], trouble)
        log = read_log(self.cluster, trouble) if ref.kind == "Job" else None
        if log is not None:
            self.logs[ref].append(log)

    def _remind(self) -> None:
        now = self.clock.now()
        if now < self.remind_at or not self.pending:
            return
        self.remind_at = now + REMIND_SECONDS
        left = max(self.deadline - now, 0)
        self.listener.tell(
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
        # Where they may not be listed, the claim's event tells as much, a moment later.
        return storage_classes.by_name(self.cluster) if unbound else None

    def result(self) -> WaitResult:
        waited = self.clock.now() - self.started
        return WaitResult(
            targets=tuple(
                Waited(
                    manifest=each,
                    health=self._verdict(each.ref),
                    seconds=self.seconds.get(each.ref, waited),
                    related=self.sightings.related(each.ref),
                    seen=self.sightings.document(each.ref),
                    logs=tuple(self.logs[each.ref]),
                )
                for each in self.targets
            )
        )

    def _verdict(self, ref: ObjectRef) -> Health:
        """The health; what was ready but not for long enough when the time was over is not."""
        health = self.health[ref]
        if ref not in self.pending or not (health.is_ready and self.steadiness.seconds):
            return health
        message = (
            f"{health.message}, but not yet for {self.steadiness.seconds:g} s without a restart"
        )
        return replace(health, status=HealthStatus.PROGRESSING, message=message)


def _is_healthy_when_present(manifest: Manifest) -> bool:
    return assess(manifest.document, Related()).is_ready and manifest.ref.group_kind not in RULES


def _patience(health: Health) -> float:
    """How long a failure has to last before it is one: longer for what is tried again.

    Nodes come, pods leave, and a resizer begins anew; and a kubelet that has not seen a new pull
    secret yet pulls as nobody, then 10 s later with it (seen in a new namespace).
    """
    fatal = [each for each in health.troubles if each.gravity > Gravity.HINT]
    may_pass = bool(fatal) and all(
        (each.code in (UNSCHEDULABLE, *RESIZE_ERRORS) and each.gravity is Gravity.POD)
        or REFUSED in each.message
        for each in fatal
    )
    return TRIED_AGAIN_SECONDS if may_pass else SETTLE_SECONDS


def _gone(document: Document | None) -> Health:
    """A target that is no longer there; a finished Job with a TTL goes away by design."""
    if document is not None and get_in(document, ("spec", "ttlSecondsAfterFinished")) is not None:
        return Health(status=HealthStatus.READY, message="it has ended and was cleaned up")
    return Health(status=HealthStatus.FAILED, message="it was deleted while it was waited for")
