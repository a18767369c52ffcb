"""A clock that tests move."""

from __future__ import annotations

import time


class FakeClock:
    """Time passes by `sleep` and `advance` alone, and by `step` whenever it is read."""

    def __init__(self, *, now: float = 1000.0, step: float = 0.0) -> None:
        self.time = now
        self.step = step
        self.slept: list[float] = []

    def now(self) -> float:
        self.time += self.step
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += max(seconds, 0.0)

    def advance(self, seconds: float) -> None:
        self.time += seconds


class HurriedClock:
    """Real time, `speed` times as fast: for code that other threads feed."""

    def __init__(self, speed: float = 30.0) -> None:
        self.speed = speed

    def now(self) -> float:
        return time.monotonic() * self.speed

    def sleep(self, seconds: float) -> None:
        time.sleep(max(seconds, 0.0) / self.speed)
