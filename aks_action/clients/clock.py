"""The clock of the machine."""

from __future__ import annotations

import time


class SystemClock:
    """Monotonic seconds: never set back, whatever happens to the wall clock."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds)
