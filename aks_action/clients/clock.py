"""The clock of the machine, and how much of its time a step may take."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from aks_action.clients.ports import Clock

T = TypeVar("T")

CLOSING_SECONDS = 6.0
"""What a step gets after its end to say why it failed, to remember that, and to give locks back."""
_SHORTEST_STEP = 5.0
_SHORTEST_REQUEST = 2.0
"""Seconds that a request gets which begins right before the end."""


class SystemClock:
    """Monotonic seconds: never set back, whatever happens to the wall clock."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds)


def limit_of_step(seconds: float) -> TimeLimit:
    """From now on. Who asks for less than a few seconds still wants something to be done."""
    return TimeLimit(SystemClock(), max(seconds, _SHORTEST_STEP))


def within(seconds: float, call: Callable[[], T]) -> T:
    """What a library answers that cannot be given a time limit; it is left behind when it is over.

    Raises TimeoutError, and what the call raises.
    """
    pool = ThreadPoolExecutor(1)
    try:
        return pool.submit(call).result(seconds)
    finally:
        pool.shutdown(wait=False)


class TimeLimit:
    """When all that a step asks and waits for has to be over. Safe to use from several threads.

    until: a value of `clock.now()`.    seconds: from now on; none: for ever.
    """

    def __init__(self, clock: Clock, seconds: float = math.inf) -> None:
        self.clock = clock
        self._seconds = seconds
        self.renew()

    def renew(self) -> None:
        """Begin anew, for what has as much time once more."""
        self.until = self.clock.now() + self._seconds

    @property
    def is_over(self) -> bool:
        return self.clock.now() >= self.until

    def left(self) -> float:
        """Seconds that a request may take which begins now; 0: it must not begin.

        One that began in time has to end in time. What closes the step comes after its end.
        """
        now = self.clock.now()
        closing = max(self.until + CLOSING_SECONDS - now, 0.0)
        if now >= self.until:
            return closing
        return max(self.until - now, min(_SHORTEST_REQUEST, closing))

    @contextmanager
    def besides(self, seconds: float) -> Iterator[None]:
        """Do not count the time that passes within, up to so many seconds."""
        begun = self.clock.now()
        self.until += seconds
        try:
            yield
        finally:
            self.until -= max(begun + seconds - self.clock.now(), 0.0)
