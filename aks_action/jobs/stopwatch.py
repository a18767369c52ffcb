"""How long each phase of a job took, for the report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aks_action.clients.ports import Clock


class Stopwatch:
    """Phases in the order in which they began, each with its seconds, also of one that failed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._phases: list[tuple[str, float]] = []

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        begun = self._clock.now()
        try:
            yield
        finally:
            self._phases.append((name, self._clock.now() - begun))

    @property
    def phases(self) -> tuple[tuple[str, float], ...]:
        return tuple(self._phases)
