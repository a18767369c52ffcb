"""Time as a run by run commands has it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class ClusterClock:
    """Stands still while a command is under way, then goes on by what its script took.

    A deadline is about the cluster; that Azure takes half a minute to start a pod for the script
    must not end a wait that nobody has looked at. Implements the port `Clock`.
    """

    def __init__(self) -> None:
        self._behind = 0.0
        self._stopped: float | None = None

    def now(self) -> float:
        stopped = self._stopped
        return time.monotonic() - self._behind if stopped is None else stopped

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds)

    @contextmanager
    def stopped(self) -> Iterator[Callable[[float], None]]:
        """Stop it; yields what takes the seconds that have passed. One at a time."""
        took = 0.0

        def passed(seconds: float) -> None:
            nonlocal took
            took = seconds

        begun = self._stopped = self.now()
        try:
            yield passed
        finally:
            self._behind = time.monotonic() - begun - took
            self._stopped = None
