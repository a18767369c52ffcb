"""Taking a Lease: made, taken over where it has run out, or waited for while others hold it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from aks_action.clients.ports import Clock, Cluster
from aks_action.errors import ApiError
from aks_action.model.locking import Holder, holder_of, is_over, lease, seconds_of, takeover
from aks_action.model.locking import version_of as version
from aks_action.model.manifests import Document, ObjectRef
from aks_action.runtime.feeds import Change, Collection, Feeds, Message, Snapshot

_POLL_SECONDS = 2.0


@dataclass(slots=True, kw_only=True)
class Taking:
    """One Lease, as it was seen so far. now: the time of day, which others read in it."""

    cluster: Cluster
    ref: ObjectRef
    holder: Holder
    clock: Clock
    now: Callable[[], datetime]
    _seen: tuple[str, float] = field(default=("", 0.0), init=False)

    def attempt(self) -> Document:
        """The Lease, made or taken over if it can be; else as its holder has it."""
        while True:
            try:
                return self.cluster.create(lease(self.ref, self.holder, self.now()))
            except ApiError as error:
                if error.status != 409:
                    raise
            found = self.cluster.get(self.ref)
            if found is None:  # it was given back in this very moment
                continue
            if holder_of(found) == self.holder.identity or not self._is_over(found):
                return found
            try:
                return self.cluster.patch(self.ref, takeover(found, self.holder, self.now()))
            except ApiError as error:
                if error.status not in (404, 409):  # somebody was faster
                    raise

    def await_change(self, found: Document, until: float) -> None:
        """Return when another attempt may succeed, or time is up. until: on `clock`."""
        collection = Collection(
            api_version=self.ref.api_version,
            kind=self.ref.kind,
            namespace=self.ref.namespace,
            field_selector=f"metadata.name={self.ref.name}",
        )
        with Feeds(self.cluster, self.clock) as feeds:
            feeds.open(collection)
            while not self._is_over(found) and self.clock.now() < until:
                for message in feeds.gather(until):
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
        """Whether it has run out: by its own times, or unchanged before our eyes for so long."""
        if version(found) != self._seen[0]:
            self._seen = version(found), self.clock.now()
        unchanged = self.clock.now() - self._seen[1]
        return is_over(found, self.now()) or unchanged >= seconds_of(found)
