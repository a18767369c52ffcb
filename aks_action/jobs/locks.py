"""The locks of one deploy: one Lease in each namespace that it writes into."""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from aks_action import report
from aks_action.clients.clock import TimeLimit
from aks_action.clients.ports import BatchedCluster, Cluster
from aks_action.jobs.decision import Decision
from aks_action.model.locking import Holder, lease_ref, namespaces
from aks_action.model.manifests import ObjectRef
from aks_action.model.provenance import RunContext
from aks_action.model.settings import Settings
from aks_action.runtime.locking import Lock
from aks_action.workflow import Workflow


class Locks:
    """Taken when there is something to write; leaving the context gives all of them back.

    With `release-name` other releases in the same namespace are none of its business.
    """

    def __init__(
        self,
        cluster: Cluster,
        settings: Settings,
        tell: Callable[[str], None],
        limit: TimeLimit,
    ) -> None:
        self._cluster = cluster
        self._limit = limit
        self._holder = holder(settings.run)
        self._release = settings.deploy.release.name
        self._seconds = settings.deploy.lock_seconds
        self._tell = tell
        self._clock = limit.clock
        self._mutex = threading.Lock()
        self._locks: dict[str, Lock] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        going = [threading.Thread(target=each.release) for each in self._locks.values()]
        for each in going:
            each.start()
        for each in going:
            each.join()

    def take(self, namespaces: Iterable[str]) -> bool:
        """Hold the locks of these; whether another run had to be waited for. Raises Locked."""
        if isinstance(self._cluster, BatchedCluster):  # a request costs half a minute there
            return False
        waited = [self._take(each) for each in namespaces]
        return any(waited)

    def guard(self, ref: ObjectRef) -> None:
        """Before each write: raises Conflict when its lock was lost.

        A namespace that comes in this run gets its lock with the first write into it.
        """
        if ref.namespace:
            self.take([ref.namespace])
            if lock := self._locks.get(ref.namespace):
                lock.check()

    def _take(self, namespace: str) -> bool:
        if namespace in self._locks:
            return False
        with self._mutex:
            if namespace in self._locks:
                return False
            lock = Lock(
                self._cluster,
                lease_ref(namespace, self._release),
                self._holder,
                limit=self._limit,
                tell=self._tell,
            )
            began = self._clock.now()
            waited = lock.take(self._seconds)
            self._seconds = max(self._seconds - (self._clock.now() - began), 0.0)
            self._locks[namespace] = lock
            return waited


def settled(
    decision: Decision, decided: Callable[..., Decision], locks: Locks, workflow: Workflow
) -> Decision:
    """The decision under its locks; made anew where the world has moved meanwhile.

    decided: decides again, see `decision.decide`. Without anything to write no lock is taken.
    """
    while True:
        besides = (*decision.release.places(decision.plan), *decision.unfinished)
        waited = locks.take(namespaces(decision.plan, decision.observed.live, besides))
        if not waited and not decision.unfinished:
            return decision
        with workflow.group("Plan, made anew"):
            decision = decided(finish=True)
            workflow.write(report.plan_text(decision.plan))


def holder(run: RunContext) -> Holder:
    """Who this process is to others; two jobs of one run are two holders."""
    unique = secrets.token_hex(4)
    if not run.run_id:
        host = socket.gethostname()
        return Holder(identity=f"{host}/{unique}", run=f"a run on {host}")
    attempt = f"{run.run_id}.{run.run_attempt or 1}"
    identity = f"{run.repository}/{attempt}/{run.job or 'job'}/{unique}"
    return Holder(identity=identity, run=run.url, actor=run.actor)
