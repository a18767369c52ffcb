"""What happened in the fake cluster, and watches over it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal

from aks_action.clients.ports import WatchEvent
from aks_action.model.manifests import Document, ObjectRef, ref_of
from tests.fakes import selectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One write. `before` is None for an object that was not there."""

    version: int
    event: WatchEvent
    before: Document | None


@dataclass(slots=True)
class History:
    """Every change, the version it made, and the lock that guards the whole cluster."""

    version: int = 100
    oldest: int = 0
    rounds: int = 0
    changes: list[Change] = field(default_factory=list)
    changed: threading.Condition = field(
        default_factory=lambda: threading.Condition(threading.RLock())
    )

    def next_version(self) -> str:
        self.version += 1
        return str(self.version)

    def add(
        self,
        type_: Literal["ADDED", "MODIFIED", "DELETED"],
        document: Document,
        before: Document | None,
    ) -> WatchEvent:
        event = WatchEvent(type=type_, object=document)
        self.changes.append(Change(version=self.version, event=event, before=before))
        self.changed.notify_all()
        return event

    def forget(self) -> None:
        with self.changed:
            self.version += 1
            self.oldest = self.version
            self.changes.clear()
            self.changed.notify_all()

    def end_watches(self) -> None:
        with self.changed:
            self.rounds += 1
            self.changed.notify_all()


class FakeWatch:
    """Changes after a version until closed, ended or out of time (real seconds)."""

    def __init__(
        self,
        history: History,
        collection: ObjectRef,
        *,
        since: int,
        fields: str,
        seconds: float,
        outdated: Callable[[], Exception],
    ) -> None:
        self._history = history
        self._collection = collection
        self._since = since
        self._fields = fields
        self._seconds = seconds
        self._outdated = outdated
        self._round = history.rounds
        self._closed = False

    def __enter__(self) -> Iterator[WatchEvent]:
        if self._since < self._history.oldest:
            raise self._outdated()
        return self._events()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._history.changed:
            self._closed = True
            self._history.changed.notify_all()

    def _events(self) -> Iterator[WatchEvent]:
        while (event := self._next()) is not None:
            yield event

    def _next(self) -> WatchEvent | None:
        with self._history.changed:
            while not (self._closed or self._round != self._history.rounds):
                for change in self._history.changes:
                    if change.version > self._since:
                        self._since = change.version
                        if event := self._seen(change):
                            return event
                if self._since < self._history.oldest:
                    raise self._outdated()
                if not self._history.changed.wait(timeout=self._seconds):
                    return None
        return None

    def _seen(self, change: Change) -> WatchEvent | None:
        """The event as this watch's selector sees it; None when it is not about it."""
        event = change.event
        if not inside(ref_of(event.object), self._collection):
            return None
        now = event.type != "DELETED" and selectors.fields_match(self._fields, event.object)
        was = change.before is not None and selectors.fields_match(self._fields, change.before)
        match was, now:
            case False, True:
                return WatchEvent(type="ADDED", object=event.object)
            case True, True:
                return WatchEvent(type="MODIFIED", object=event.object)
            case True, False:
                return WatchEvent(type="DELETED", object=event.object)
            case _:
                return None


def inside(ref: ObjectRef, collection: ObjectRef) -> bool:
    """Whether an object is in a collection: a ref without a name, of one or all namespaces."""
    same_kind = (ref.api_version, ref.kind) == (collection.api_version, collection.kind)
    return same_kind and collection.namespace in ("", ref.namespace)
