"""Feeds: one thread per kind and namespace that lists, watches, and puts what it sees in a queue.

Each thread alternates one LIST with one WATCH of a minute, so that an event that got lost on the
way (Helm 4 waits for ever after one, helm/helm issue 31824) is caught up with by the next LIST.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

from aks_action.clients.ports import Clock, Cluster, WatchEvent
from aks_action.errors import ActionError, ApiError, AuthError, ManifestError
from aks_action.model.manifests import Document
from aks_action.runtime.streams import OpenStreams

WATCH_SECONDS = 60
TICK_SECONDS = 0.1
"""How long a reader sleeps at most when there is no news: it may have been told to stop."""
_LOOK_SECONDS = 0.03
"""What a reader gets to look at a LIST before the WATCH is asked for; no news is lost by it."""
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


class Feeds:
    """Open feeds. Leaving the context closes every watch, also in the middle of a read."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self._messages: SimpleQueue[Message] = SimpleQueue()
        self._cluster = cluster
        self._clock = clock
        self._watches = OpenStreams()

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
        name = f"feed-{collection.kind}-{collection.namespace}"
        # A daemon: a connection that hangs while it is opened must not keep the process alive.
        threading.Thread(target=self._run, args=(collection,), name=name, daemon=True).start()

    def gather(self, until: float, *, burst: float = 0.0) -> Iterator[Message]:
        """The next message and those right behind it; none if a tick passes, or it is too late.

        until: on the clock. burst: seconds that more messages get after the first one.
        """
        try:
            left = min(until - self._clock.now(), TICK_SECONDS)
            yield self._messages.get(timeout=max(left, 0.0))
            if burst:
                self._clock.sleep(burst)
            while True:
                yield self._messages.get_nowait()
        except Empty:
            return

    def _run(self, collection: Collection) -> None:
        failures = 0
        while not self._watches.are_closed():
            started = self._clock.now()
            try:
                self._list_and_watch(collection)
            except Exception as error:  # noqa: BLE001 - a thread's error is told to its reader
                if self._watches.are_closed() or self._is_final(collection, error):
                    return
            lasted = self._clock.now() - started
            failures = failures + 1 if lasted < _QUICK else 0
            self._watches.pause(PAUSES[min(failures, len(PAUSES) - 1)])

    def _list_and_watch(self, collection: Collection) -> None:
        listing = self._cluster.list(
            collection.api_version,
            collection.kind,
            namespace=collection.namespace,
            field_selector=collection.field_selector,
        )
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
            for event in events:
                if self._watches.are_closed():
                    return
                if event.type != "BOOKMARK":
                    self._messages.put(Change(collection=collection, event=event))

    def _is_final(self, collection: Collection, error: Exception) -> bool:
        """Tell the reader of an error, unless it is only an outdated resourceVersion."""
        if isinstance(error, ApiError) and error.status == 410:
            return False
        lasting = isinstance(error, AuthError | ManifestError) or (
            isinstance(error, ApiError) and 400 <= error.status < 500 and error.status != 429
        )
        final = lasting or not isinstance(error, ActionError)
        self._messages.put(Trouble(collection=collection, error=error, final=final))
        return final
