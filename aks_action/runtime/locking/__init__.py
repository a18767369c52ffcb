"""Holding a Lease: taken before the first write, renewed meanwhile, given back at the end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from aks_action.clients.clock import TimeLimit
from aks_action.clients.ports import Cluster
from aks_action.errors import ActionError, ApiError, Locked, LockLost
from aks_action.model import durations
from aks_action.model.locking import Holder, holder_of, renewal, version_of, who
from aks_action.model.manifests import Document, ObjectRef
from aks_action.runtime.locking.taking import Taking

RENEW_SECONDS = 5.0
TRUST_SECONDS = 10.0
"""For how long a holder counts on its lease after it asked for it: less than it holds."""
RELEASE_SECONDS = 1.5
"""A run that is cancelled has five seconds for everything."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Lock:
    """One Lease. Safe to use from several threads.

    limit: of this run; the time of those it waits for comes on top.
    tell:  takes a line about who is waited for, and about what could not be done.
    now:   the time of day.
    """

    def __init__(
        self,
        cluster: Cluster,
        ref: ObjectRef,
        holder: Holder,
        *,
        limit: TimeLimit,
        tell: Callable[[str], None],
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._cluster = cluster
        self._ref = ref
        self._holder = holder
        self._limit, self._clock = limit, limit.clock
        self._tell = tell
        self._now = now
        self._taking = Taking(cluster=cluster, ref=ref, holder=holder, clock=limit.clock, now=now)
        self._mutex = threading.RLock()
        self._ended = threading.Event()
        self._version = ""
        self._trusted_until = 0.0
        self._lost_to = ""

    def take(self, seconds: float) -> bool:
        """Hold it from now on; whether somebody else had to be waited for.

        seconds: to wait; 0: only to see that one is dead which seems so. Raises Locked when that is
        over. Who may not write Leases goes on without one, which is told.
        """
        began = self._clock.now()
        waited_for = ""
        while (found := self._attempt()) is not None:
            left = self._taking.patience(found, began + seconds) - self._clock.now()
            if left <= 0:
                raise Locked(_sentence(self._ref, found, seconds))
            if waited_for != holder_of(found):
                waited_for = holder_of(found)
                patience = f"Waiting for its end, up to {durations.readable(left)}."
                self._tell(f"{_held(self._ref, found)} {patience}")
            with self._limit.besides(left):  # others have their time
                self._taking.await_change(found, began + seconds)
        if waited_for:
            waited = durations.readable(self._clock.now() - began)
            self._tell(f"It is this run's turn, after {waited}.")
        if self._version:
            name = f"lock-{self._ref.namespace}"
            threading.Thread(target=self._keep, name=name, daemon=True).start()
        return bool(waited_for)

    def check(self) -> None:
        """Before each write. Raises Conflict if somebody else holds it by now."""
        if self._version and self._clock.now() >= self._trusted_until:
            self._renew()
        if self._lost_to:
            raise LockLost(
                "This run was not heard of for too long, and its lock on namespace "
                f"{self._ref.namespace} has gone to another: {self._lost_to}. It writes nothing "
                "more. Run it again."
            )

    def release(self) -> None:
        """Give it back, within `RELEASE_SECONDS`; what takes longer is left to run out."""
        self._ended.set()
        thread = threading.Thread(target=self._give_back, name="unlock", daemon=True)
        thread.start()
        thread.join(RELEASE_SECONDS)

    def _attempt(self) -> Document | None:
        """Try once; returns the Lease of somebody else that is in the way."""
        asked = self._clock.now()
        try:
            found = self._taking.attempt()
        except ApiError as error:
            if error.status not in (403, 404, 405):
                raise
            self._tell(f"Runs at the same time are not kept apart: {error}")
            return None
        if holder_of(found) != self._holder.identity:
            return found
        self._note(found, asked)
        return None

    def _note(self, found: Document, asked: float) -> None:
        with self._mutex:
            self._version = version_of(found)
            self._trusted_until = asked + TRUST_SECONDS

    def _keep(self) -> None:
        while not self._ended.wait(RENEW_SECONDS) and not self._lost_to:
            with suppress(ActionError):  # it is tried again, and `check` tells what is wrong
                self._renew()

    def _renew(self) -> None:
        asked = self._clock.now()

        def renew() -> None:
            patch = renewal(self._version, self._now())
            self._note(self._cluster.patch(self._ref, patch), asked)

        self._as_holder(renew)

    def _give_back(self) -> None:
        def delete() -> None:
            self._cluster.delete(self._ref, resource_version=self._version)

        with suppress(ActionError):
            self._as_holder(delete)

    def _as_holder(self, act: Callable[[], None]) -> None:
        """Write it, and once more if somebody else wrote it and left it to us."""
        with self._mutex:
            for _ in range(2):
                if not self._version:
                    return
                try:
                    act()
                except ApiError as error:
                    if error.status not in (404, 409):
                        raise
                    self._look_again()
                else:
                    return

    def _look_again(self) -> None:
        found = self._cluster.get(self._ref)
        if found is not None and holder_of(found) == self._holder.identity:
            self._version = version_of(found)
        else:
            self._version = ""
            self._lost_to = who(found) if found else "a run that has ended"


def _held(ref: ObjectRef, found: Document) -> str:
    return f"Another run deploys to namespace {ref.namespace}: {who(found)}."


def _sentence(ref: ObjectRef, found: Document, seconds: float) -> str:
    waited = f" It did not end within {durations.readable(seconds)} (`lock-timeout`)."
    return (
        f"{_held(ref, found)}{waited if seconds else ''} Nothing was written. Run this again when "
        "it has ended, or let it wait for longer with `lock-timeout`."
    )
