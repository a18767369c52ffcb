"""Waiting until everything is healthy: all targets at once, by watches, under one deadline."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from aks_action.clients.ports import Clock, Cluster
from aks_action.model.health import Health
from aks_action.model.manifests import Document, Manifest, ObjectRef
from aks_action.runtime.container_logs import Log, read_log
from aks_action.runtime.feeds import Collection, Feeds, Message, Snapshot, Trouble
from aks_action.runtime.waiting.judging import Judge, judge_of
from aks_action.runtime.waiting.news import REMIND_SECONDS, Listener, News
from aks_action.runtime.waiting.patience import Patience
from aks_action.runtime.waiting.readiness import Readiness
from aks_action.runtime.waiting.result import Waited, WaitResult
from aks_action.runtime.waiting.sightings import Sightings
from aks_action.runtime.waiting.steadiness import Steadiness
from aks_action.runtime.waiting.watched_collections import collections_for

__all__ = ["Listener", "WaitResult", "wait"]

_BURST_SECONDS = 0.05  # judging once per burst spares the CPU


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
    began = clock.now()
    judge = judge_of(targets, live=live, since=since, cluster=cluster, see=listener.see)
    watch = _Wait(
        cluster=cluster,
        clock=clock,
        began=began,
        targets=targets,
        sightings=judge.sightings,
        judge=judge,
        readiness=Readiness(
            sightings=judge.sightings,
            steadiness=Steadiness(seconds=steady, since=since, began=began),
        ),
        patience=Patience(deadline=deadline),
        news=News(listener=listener, deadline=deadline, remind_at=began + REMIND_SECONDS),
    )
    watch.begin(live)
    if watch.pending:
        watch.run()
    return watch.result()


@dataclass(slots=True, kw_only=True)
class _Wait:
    """One wait under way.

    pending: the targets that are left.    seconds: until each of the others was ready.
    logs:    of crashed pods of Jobs, read while they are there.
    lost:    why, in the end, it could not be seen how the targets are; empty where it could.
    """

    cluster: Cluster
    clock: Clock
    began: float
    targets: Sequence[Manifest]
    sightings: Sightings
    judge: Judge
    readiness: Readiness
    patience: Patience
    news: News
    pending: dict[ObjectRef, Manifest] = field(default_factory=dict)
    seconds: dict[ObjectRef, float] = field(default_factory=dict)
    logs: defaultdict[ObjectRef, list[Log]] = field(default_factory=lambda: defaultdict(list))
    lost: str = ""

    def begin(self, live: Mapping[ObjectRef, Document]) -> None:
        """Judge every target by what is known already."""
        for ref, target in {each.ref: each for each in self.targets}.items():
            health = self.judge.judge_first(target, live.get(ref))
            proven = self.readiness.needs_no_proof(health, live.get(ref) or target.document)
            if proven and not self.judge.is_overtaken(ref, live):
                self.seconds[ref] = 0.0
            else:
                self.pending[ref] = target

    def run(self) -> None:
        with Feeds(self.cluster, self.clock) as feeds:
            for collection in collections_for(self.pending.values()):
                feeds.open(collection)
            while self.pending and not self._is_over():
                touched: set[ObjectRef] = set()
                for message in feeds.gather(self.patience.until, burst=_BURST_SECONDS):
                    touched |= self._take(message)
                for ref in sorted(touched & self.pending.keys()):
                    self._judge(ref)
                self._settle()
                self.news.remind(self._left, len(self.judge.health), self.clock.now())
            if not any(each.is_failed for each in self._left.values()):
                self._look_for_the_last_time(feeds)

    def _look_for_the_last_time(self, feeds: Feeds) -> None:
        """Before time is up: a watch may have been silent, or its news still be on the way."""
        if not self.pending:
            return
        for message in feeds.look_again():
            if not isinstance(message, Trouble):
                self.sightings.take(message)
            elif message.collection.kind in self._kinds and not message.final:
                self.lost = str(message.error)
        for ref in self.pending:
            self._judge(ref)
        ready = [ref for ref in self.pending if self._verdict(ref).is_ready]
        for ref in ready:
            self._let_go(ref)

    @property
    def _kinds(self) -> set[str]:
        """What has to be seen for a verdict."""
        kinds = {ref.kind for ref in self.pending}
        return kinds | {"Pod"} if self.readiness.has_to_be_steady else kinds

    @property
    def _left(self) -> dict[ObjectRef, Health]:
        return {ref: self.judge.health[ref] for ref in self.pending}

    def _is_over(self) -> bool:
        failed = {ref: each for ref, each in self._left.items() if each.is_failed}
        if over := self.patience.is_over(failed.values(), self.clock.now()):
            self.news.failed(failed)
        return over

    def _take(self, message: Message) -> set[ObjectRef]:
        """Take a message in; returns the targets whose health it may change."""
        if not isinstance(message, Trouble):
            return self.sightings.take(message)
        if message.final and message.collection.kind in self._kinds:
            raise message.error
        self.news.lost(message)
        if message.final:  # it is empty as far as anybody here can see
            return self.sightings.take(Snapshot(collection=message.collection, items=()))
        return set()

    def _judge(self, ref: ObjectRef) -> None:
        health = self.judge.judge(ref)
        self.readiness.see(ref, health, self.clock.now())
        for trouble in self.news.warn(self.pending[ref], health):
            if ref.kind == "Job" and (log := read_log(self.cluster, trouble)):
                self.logs[ref].append(log)

    def _settle(self) -> None:
        """Let go of what has been ready for long enough; where pods have to be steady, of all at
        once, and only if they still are when the server is asked again.
        """
        proven = [ref for ref in self.readiness.since if self._is_proven(ref)]
        if self.readiness.has_to_be_steady and not (
            len(proven) == len(self.pending) and self._look_again()
        ):
            return
        for ref in proven:
            self._let_go(ref)

    def _let_go(self, ref: ObjectRef) -> None:
        del self.pending[ref]
        self.seconds[ref] = self.readiness.since.pop(ref) - self.began
        self.news.ready(ref, self.seconds[ref], self.judge.health[ref])

    def _is_proven(self, ref: ObjectRef) -> bool:
        return self.readiness.is_proven(ref, self.clock.now())

    def _look_again(self) -> bool:
        """Whether all are still proven by a LIST of now: the news of a crash may be on its way."""
        for namespace in {ref.namespace for ref in self.pending}:
            pods = Collection(api_version="v1", kind="Pod", namespace=namespace)
            listing = self.cluster.list("v1", "Pod", namespace=namespace)
            self.sightings.take(Snapshot(collection=pods, items=listing.items))
        for ref in self.pending:
            self._judge(ref)
        return all(map(self._is_proven, self.pending))

    def result(self) -> WaitResult:
        waited = self.clock.now() - self.began
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
            ),
            lost=self.lost,
        )

    def _verdict(self, ref: ObjectRef) -> Health:
        health = self.judge.health[ref]
        return self.readiness.unproven(health) if ref in self.pending else health
