"""Feeds: one thread per kind and namespace that lists, watches, and puts what it sees in a queue.

Each thread alternates one LIST with one WATCH of a minute, so that an event that got lost on the
way (Helm 4 waits for ever after one, helm/helm issue 31824) is caught up with by the next LIST.

A connection may also stay open and bring nothing, or nothing but bookmarks. So a watch that says
nothing for 15 s is followed by the next LIST at once. Where that has no news, because there are
none, the next silence may be twice as long: a slow start costs two LISTs more in its first minute,
and what reports changes costs none.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from concurrent import futures
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

from aks_action.clients.ports import Clock, Cluster, Listing, WatchEvent
from aks_action.errors import ActionError, ApiError, ApplyError, AuthError, ManifestError
from aks_action.model.documents import get_in
from aks_action.model.health.records import uid_of
from aks_action.model.manifests import Document
from aks_action.runtime import parallel
from aks_action.runtime.streams import OpenStreams

WATCH_SECONDS = 60
TICK_SECONDS = 0.1
"""How long a reader sleeps at most when there is no news: it may have been told to stop."""
_LOOK_SECONDS = 0.03
"""What a reader gets to look at a LIST before the WATCH is asked for; no news is lost by it."""
SILENCE_SECONDS = 15.0
"""For how long a watch may bring no change before it is asked for by a LIST."""
LAST_LOOK_SECONDS = 4.0
"""For the LISTs before time is up."""
PAUSES = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds after the first, second, … LIST or WATCH in a row that ended within `_QUICK` seconds."""
_QUICK = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """The objects of a kind in one namespace (empty: cluster-scoped), all or by a selector."""

    api_version: str
    kind: str
    namespace: str = ""
    field_selector: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything that a collection holds now."""

    collection: Collection
    items: tuple[Document, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change in a collection."""

    collection: Collection
    event: WatchEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A feed's request failed. `final`: it will not try again."""

    collection: Collection
    error: Exception
    final: bool


Message = Snapshot | Change | Trouble


@dataclass(slots=True, kw_only=True, eq=False)
class _Feed:
    """One collection's feed, and how much can be heard of it.

    watch:    that is being read.     heard: when it began, or brought a change.
    silence:  for how long it may bring none.
    versions: of the objects, by their uids, as far as the feed has told.
    is_deaf:  a LIST has told what a watch had not.
    """

    collection: Collection
    watch: AbstractContextManager[Iterator[WatchEvent]] | None = None
    heard: float = 0.0
    silence: float = SILENCE_SECONDS
    versions: dict[str, str] = field(default_factory=dict)
    was_silent: bool = False
    is_deaf: bool = False

    def see(self, items: Iterable[Document]) -> None:
        """Take a LIST, and learn from it what the silence before it was worth."""
        versions = {uid_of(each): _version(each) for each in items}
        if self.was_silent:
            self.is_deaf = self.is_deaf or versions != self.versions
            longer = min(2 * self.silence, WATCH_SECONDS)
            self.silence = SILENCE_SECONDS if self.is_deaf else longer
        self.was_silent = False
        self.versions = versions

    def hear(self, event: WatchEvent, now: float) -> None:
        """Take a change that the watch has brought."""
        self.heard, self.silence = now, SILENCE_SECONDS
        if event.type == "DELETED":
            self.versions.pop(uid_of(event.object), None)
        else:
            self.versions[uid_of(event.object)] = _version(event.object)

    def end_silence(self, now: float) -> None:
        """Close a watch that has said nothing for too long; its thread goes on with a LIST."""
        watch = self.watch
        if watch is not None and now - self.heard >= self.silence:
            self.watch, self.was_silent = None, True
            with suppress(Exception):  # a stream that breaks while it is closed is closed
                watch.__exit__(None, None, None)


class Feeds:
    """Open feeds. Leaving the context closes every watch, also in the middle of a read."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self._messages: SimpleQueue[Message] = SimpleQueue()
        self._cluster = cluster
        self._clock = clock
        self._watches = OpenStreams()
        self._feeds: list[_Feed] = []
        self._answered = clock.now()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watches.close()

    def open(self, collection: Collection) -> None:
        """Begin to feed a collection's objects into `messages`."""
        feed = _Feed(collection=collection)
        self._feeds.append(feed)
        name = f"feed-{collection.kind}-{collection.namespace}"
        # A daemon: a connection that hangs while it is opened must not keep the process alive.
        threading.Thread(target=self._run, args=(feed,), name=name, daemon=True).start()

    def gather(self, until: float, *, burst: float = 0.0) -> Iterator[Message]:
        """The next message and those right behind it; none if a tick passes, or it is too late.

        until: on the clock. burst: seconds that more messages get after the first one.
        """
        for feed in self._feeds:
            feed.end_silence(self._clock.now())
        try:
            left = min(until - self._clock.now(), TICK_SECONDS)
            yield self._messages.get(timeout=max(left, 0.0))
            if burst:
                self._clock.sleep(burst)
            while True:
                yield self._messages.get_nowait()
        except Empty:
            return

    def look_again(self) -> list[Snapshot | Trouble]:
        """What a LIST of every collection tells now, whatever its watch has told.

        For whoever is about to say that time is up: news may have got lost on the way.
        """
        with parallel.workers() as pool:
            asked = {pool.submit(self._looked, each.collection): each for each in self._feeds}
            done, _ = futures.wait(asked, timeout=LAST_LOOK_SECONDS)
        then = datetime.now(UTC) - timedelta(seconds=self._clock.now() - self._answered)
        late = ApplyError(
            f"The API server at {self._cluster.host} cannot be reached since {then:%H:%M:%S} UTC."
        )
        return [
            future.result()
            if future in done
            else Trouble(collection=feed.collection, error=late, final=False)
            for future, feed in asked.items()
        ]

    def _looked(self, collection: Collection) -> Snapshot | Trouble:
        try:
            return Snapshot(collection=collection, items=self._listing(collection).items)
        except ActionError as error:
            return Trouble(collection=collection, error=error, final=_is_lasting(error))

    def _run(self, feed: _Feed) -> None:
        failures = 0
        while not self._watches.are_closed():
            started = self._clock.now()
            try:
                self._list_and_watch(feed)
            except Exception as error:  # noqa: BLE001 - a thread's error is told to its reader
                if self._watches.are_closed() or self._is_final(feed.collection, error):
                    return
            lasted = self._clock.now() - started
            failures = failures + 1 if lasted < _QUICK else 0
            self._watches.pause(PAUSES[min(failures, len(PAUSES) - 1)])

    def _listing(self, collection: Collection) -> Listing:
        return self._cluster.list(
            collection.api_version,
            collection.kind,
            namespace=collection.namespace,
            field_selector=collection.field_selector,
        )

    def _list_and_watch(self, feed: _Feed) -> None:
        collection = feed.collection
        listing = self._listing(collection)
        self._answered = self._clock.now()
        feed.see(listing.items)
        self._messages.put(Snapshot(collection=collection, items=listing.items))
        if self._watches.pause(_LOOK_SECONDS):
            return  # its reader has seen enough: nothing has to be watched
        watch = self._cluster.watch(
            collection.api_version,
            collection.kind,
            namespace=collection.namespace,
            resource_version=listing.resource_version,
            timeout_seconds=WATCH_SECONDS,
            field_selector=collection.field_selector,
        )
        with self._watches.reading(watch) as events:
            feed.heard, feed.watch = self._clock.now(), watch
            for event in events:
                if self._watches.are_closed():
                    return
                self._answered = self._clock.now()
                if event.type != "BOOKMARK":
                    feed.hear(event, self._answered)
                    self._messages.put(Change(collection=collection, event=event))
        feed.watch = None

    def _is_final(self, collection: Collection, error: Exception) -> bool:
        """Tell the reader of an error, unless it is only an outdated resourceVersion."""
        if isinstance(error, ApiError) and error.status == 410:
            return False
        final = _is_lasting(error)
        self._messages.put(Trouble(collection=collection, error=error, final=final))
        return final


def _is_lasting(error: Exception) -> bool:
    """Whether asking again is in vain."""
    if isinstance(error, AuthError | ManifestError):
        return True
    if isinstance(error, ApiError):
        return 400 <= error.status < 500 and error.status != 429
    return not isinstance(error, ActionError)


def _version(document: Document) -> str:
    return str(get_in(document, ("metadata", "resourceVersion"), ""))
