"""Following the logs of what is waited for: each line is told as its container writes it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, NamedTuple, Self

from aks_action.clients.ports import Clock, Cluster
from aks_action.errors import ActionError, ApiError, AuthError
from aks_action.model.documents import get_in
from aks_action.model.health import Related
from aks_action.model.health.records import controller_of, uid_of
from aks_action.model.manifests import Document, Manifest, ObjectRef, ref_of
from aks_action.runtime.streams import OpenStreams

LONGEST_LINE = 4000
"""Characters of one line that are told."""
DRAIN_SECONDS = 5.0
"""For the last lines of containers that have ended."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_STATUSES = ("initContainerStatuses", "containerStatuses")
_JOB_LABEL = "job-name"
"""On a Job's pods, in every version of Kubernetes."""


class _Run(NamedTuple):
    """One run of one container of a pod."""

    pod: ObjectRef
    container: str
    restarts: int


class LogFollower:
    """Reads logs in threads of its own; leaving the context ends all of them.

    tell: takes a line, `name | text`, from several threads.
    """

    def __init__(self, cluster: Cluster, clock: Clock, tell: Callable[[str], None]) -> None:
        self._cluster = cluster
        self._clock = clock
        self._tell = tell
        self._streams = OpenStreams()
        self._threads: dict[_Run, threading.Thread] = {}
        self._denied = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._streams.close()

    def see(self, target: ObjectRef, related: Related) -> None:
        """Begin to follow every container of a target's pods that was started meanwhile."""
        for pod in related.pods:
            ref = ref_of(pod)
            alone = len(_containers(pod)) == 1
            for name, restarts in _started(pod):
                run = _Run(ref, name, restarts)
                if run not in self._threads:
                    prefix = target.name if alone else f"{target.name}/{name}"
                    self._begin(run, prefix)

    def drain(self, jobs: Iterable[Manifest]) -> None:
        """Let what these Jobs have written come in; also of pods that no watch has told of."""
        for job in jobs:
            with suppress(ActionError):
                self.see(job.ref, Related(pods=tuple(self._pods_of(job.ref))))
        until = self._clock.now() + DRAIN_SECONDS
        for thread in list(self._threads.values()):
            thread.join(max(until - self._clock.now(), 0.0))

    def _pods_of(self, job: ObjectRef) -> Iterator[Document]:
        live = self._cluster.get(job)
        label = f"{_JOB_LABEL}={job.name}"
        listing = self._cluster.list("v1", "Pod", namespace=job.namespace, label_selector=label)
        return (each for each in listing.items if live and controller_of(each) == uid_of(live))

    def _begin(self, run: _Run, prefix: str) -> None:
        name = f"log-{run.pod.name}-{run.container}"
        # A daemon: a connection that hangs while it is opened must not keep the process alive.
        thread = threading.Thread(target=self._follow, args=(run, prefix), name=name, daemon=True)
        self._threads[run] = thread
        thread.start()

    def _follow(self, run: _Run, prefix: str) -> None:
        """Read on after every break of the connection, from the line that was told last."""
        seen, pause = "", _FIRST_PAUSE
        while not self._streams.are_closed():
            try:
                for line in self._lines(run, seen):
                    time, _, text = line.partition(" ")
                    if _nanoseconds(time) > _nanoseconds(seen):
                        seen = time
                        self._tell(f"{prefix} | {text[:LONGEST_LINE]}")
                if self._has_ended(run):
                    return
            except ActionError as error:
                if self._is_final(error):
                    return
            self._streams.pause(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _lines(self, run: _Run, seen: str) -> Iterator[str]:
        stream = self._cluster.follow_log(run.pod, container=run.container, since=seen)
        with self._streams.reading(stream) as lines:
            yield from lines

    def _has_ended(self, run: _Run) -> bool:
        pod = self._cluster.get(run.pod)
        return pod is None or run not in {
            _Run(run.pod, name, restarts) for name, restarts in _started(pod, running=True)
        }

    def _is_final(self, error: ActionError) -> bool:
        """Whether asking again is in vain. That logs may not be read is told once."""
        if error.exit_code == AuthError.exit_code:
            if not self._denied:
                self._denied = True
                self._tell(f"Logs cannot be followed: {error}")
            return True
        return isinstance(error, ApiError) and error.status == 404


def _containers(pod: Document) -> list[Any]:
    lists = (get_in(pod, ("spec", name)) or () for name in ("initContainers", "containers"))
    return [each for found in lists for each in found]


def _started(pod: Document, *, running: bool = False) -> Iterator[tuple[str, int]]:
    """Name and restarts of every container that has begun to run; running: and has not ended."""
    states = ("running",) if running else ("running", "terminated")
    for kind in _STATUSES:
        for status in get_in(pod, ("status", kind)) or ():
            if any((status.get("state") or {}).get(state) for state in states):
                yield str(status.get("name")), int(status.get("restartCount") or 0)


def _nanoseconds(time: str) -> tuple[str, str]:
    """An RFC 3339 time in UTC, to be compared: its seconds, and the fraction in full length."""
    seconds, _, fraction = time.removesuffix("Z").partition(".")
    return seconds, fraction.ljust(9, "0")
