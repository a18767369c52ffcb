"""Taking a Lease: made, taken over where it has run out, or waited for while others hold it.

It has run out when it did not change before our own eyes for as long as it holds, by a clock that
is never set: a runner's clock may be an hour off, and a tenant may write any time into a Lease.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from aks_action.clients.ports import Clock, Cluster
from aks_action.errors import ApiError
from aks_action.model.locking import Holder, holder_of, lease, seconds_of, seems_over, takeover
from aks_action.model.locking import version_of as version
from aks_action.model.manifests import Document, ObjectRef
from aks_action.runtime.feeds import Change, Collection, Feeds, Message, Snapshot

_POLL_SECONDS = 2.0
_TRIES = 10
"""Others may be faster now and then, but not for ever."""


@dataclass(slots=True, kw_only=True)
class Taking:
    """One Lease, as it was seen so far. now: the time of day, which others read in it."""

    cluster: Cluster
    ref: ObjectRef
    holder: Holder
    clock: Clock
    now: Callable[[], datetime]
    _seen: tuple[str, float] = field(default=("", 0.0), init=False)
    _first: str = field(default="", init=False)

    def attempt(self, tries: int = _TRIES) -> Document:
        """The Lease, made or taken over if it can be; else as its holder has it."""
        try:
            return self.cluster.create(lease(self.ref, self.holder, self.now()))
        except ApiError as error:
            if error.status != 409 or tries == 1:
                raise
        found = self.cluster.get(self.ref)
        if found is not None:
            if holder_of(found) == self.holder.identity or not self._is_over(found):
                return found
            try:
                return self.cluster.patch(self.ref, takeover(found, self.holder, self.now()))
            except ApiError as error:
                if error.status not in (404, 409):
                    raise
        return self.attempt(tries - 1)  # it was given back just now, or somebody was faster

    def patience(self, found: Document, until: float) -> float:
        """Until when it is worth waiting for somebody else's Lease. until: at least, on `clock`.

        One that seems to have run out before we came is looked at for as long as it holds: only so
        can it be taken over, however little time there is to wait for others.
        """
        self._look(found)
        if version(found) != self._first or not seems_over(found, self.now()):
            return until
        return max(until, self._seen[1] + seconds_of(found))

    def await_change(self, found: Document, until: float) -> None:
        """Return when another attempt may succeed, or time is up. until: as for `patience`."""
        collection = Collection(
            api_version=self.ref.api_version,
            kind=self.ref.kind,
            namespace=self.ref.namespace,
            field_selector=f"metadata.name={self.ref.name}",
        )
        with Feeds(self.cluster, self.clock) as feeds:
            feeds.open(collection)
            while not self._is_over(found) and self.clock.now() < self.patience(found, until):
                for message in feeds.gather(self.patience(found, until)):
                    now = self._told(message, found)
                    if now is None or holder_of(now) != holder_of(found):
                        return
                    found = now

    def _told(self, message: Message, found: Document) -> Document | None:
        """The Lease after a message; None when it is gone, or cannot be watched."""
        match message:
            case Snapshot():
                return next(iter(message.items), None)
            case Change():
                return None if message.event.type == "DELETED" else message.event.object
            case _:
                if message.final:
                    self.clock.sleep(_POLL_SECONDS)
                return None if message.final else found

    def _is_over(self, found: Document) -> bool:
        """Whether it is nobody's, or unchanged before our eyes for as long as it holds."""
        self._look(found)
        return not holder_of(found) or self.clock.now() - self._seen[1] >= seconds_of(found)

    def _look(self, found: Document) -> None:
        self._first = self._first or version(found)
        if version(found) != self._seen[0]:
            self._seen = version(found), self.clock.now()
