"""The journal: what a run has written so far, true at any moment and whatever ends the run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from aks_action.errors import Source
from aks_action.model.manifests import ObjectRef
from aks_action.model.outcomes import Outcome
from aks_action.model.plan import Change
from aks_action.runtime.waiting.result import Waited, WaitResult

_UNKNOWN = "Whether the server carried it out is not known."


@dataclass(frozen=True, slots=True, kw_only=True)
class _UnderWay:
    outcome: Outcome
    since: float
    state: str = ""


class Journal:
    """Filled by the executor from several threads; read by the report, also after an error.

    now: monotonic seconds, as `Clock.now`.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.RLock()  # a signal handler may read while its thread writes
        self._under_way: dict[int, _UnderWay] = {}
        self._ended: list[Outcome] = []
        self._waits: list[WaitResult] = []
        self._next = 0

    def begin(self, ref: ObjectRef, source: Source | None, change: Change) -> int:
        """Before the first request that writes an object; returns the entry's number."""
        with self._lock:
            self._next += 1
            outcome = Outcome(ref=ref, source=source, change=change)
            self._under_way[self._next] = _UnderWay(outcome=outcome, since=self._now())
            return self._next

    def reached(self, entry: int, state: str) -> None:
        """How far an object is that takes several requests: what is true if the run ends here."""
        with self._lock:
            self._under_way[entry] = replace(self._under_way[entry], state=state)

    def end(self, entry: int, *, ref: ObjectRef | None = None, error: str = "") -> None:
        """The object is written, or refused. `ref` where the server gave the name."""
        with self._lock:
            under_way = self._under_way.pop(entry)
            seconds = self._now() - under_way.since
            error = f"{error} {under_way.state}".strip() if error else ""
            outcome = replace(under_way.outcome, seconds=seconds, error=error)
            self._ended.append(replace(outcome, ref=ref) if ref else outcome)

    def drop(self, entry: int) -> None:
        """There was nothing to write after all."""
        with self._lock:
            del self._under_way[entry]

    def skip(self, ref: ObjectRef, source: Source | None) -> None:
        """An object for which there was nothing to do."""
        with self._lock:
            self._ended.append(Outcome(ref=ref, source=source, change=Change.UNCHANGED))

    def waited(self, result: WaitResult) -> None:
        """What a wait ended with; the outcomes take their health and their time from it."""
        with self._lock:
            self._waits.append(result)

    @property
    def waits(self) -> tuple[WaitResult, ...]:
        """Every wait that has ended, in order."""
        with self._lock:
            return tuple(self._waits)

    @property
    def has_written(self) -> bool:
        """Whether anything was, or may have been, changed in the cluster."""
        return any(each.change is not Change.UNCHANGED for each in self.outcomes)

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What became of each object so far; one that is under way has an error that says so."""
        with self._lock:
            pending = [
                replace(
                    each.outcome,
                    seconds=self._now() - each.since,
                    error=f"The run ended while this was under way. {each.state or _UNKNOWN}",
                )
                for each in self._under_way.values()
            ]
            waits: dict[ObjectRef, list[Waited]] = {}
            for each in (each for result in self._waits for each in result.targets):
                waits.setdefault(each.manifest.ref, []).append(each)
            return tuple(_with_health(each, waits.get(each.ref)) for each in self._ended + pending)


def _with_health(outcome: Outcome, waits: list[Waited] | None) -> Outcome:
    if not waits or outcome.error:
        return outcome
    health = waits[-1].health
    return replace(
        outcome,
        seconds=outcome.seconds + sum(each.seconds for each in waits),
        health=health.message,
        error="" if health.is_ready else health.message,
    )
