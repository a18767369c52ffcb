"""Calls that are made again: a schedule as data, what the server asks for, one deadline.

There is no jitter: one run is one client, and a schedule that is known can be tested.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TypeVar

from aks_action.clients.ports import Clock
from aks_action.model import durations

T = TypeVar("T")

_LONGEST_WAIT = 86_400.0
_LONG_WISH = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Seconds to let pass before each further attempt; the last one is repeated."""

    delays: tuple[float, ...] = (0.2, 0.5, 1.0, 2.0, 4.0)

    def delay(self, attempt: int, after: float | None = None) -> float:
        """The pause after failed attempt number `attempt` (from 1).

        `after` is what the server asked for. It is taken as it is, but never as less than the
        schedule's first pause: a server that says 0 would be called in a busy loop.
        """
        if after is not None:
            return max(after, self.delays[0])
        return self.delays[min(attempt, len(self.delays)) - 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What a call answers when it is worth another attempt.

    error: raised when there is no time for one.   after: seconds the server asked to wait.
    """

    error: Exception
    after: float | None = None


def with_retries(
    call: Callable[[], T | Again],
    *,
    clock: Clock,
    deadline: float,
    backoff: Backoff = Backoff(),
    tell: Callable[[str], None] = lambda _: None,
) -> T:
    """Call until it answers something else than `Again`.

    deadline: on `clock`. A pause that would end after it is not begun: the error is raised at
    once, since waiting would only delay the bad news. `tell` hears about each pause.
    """
    attempt = 0
    while True:
        answer = call()
        if not isinstance(answer, Again):
            return answer
        attempt += 1
        pause = backoff.delay(attempt, answer.after)
        if clock.now() + pause > deadline:
            raise answer.error
        tell(f"{answer.error} Trying again in {pause:g} s.")
        clock.sleep(pause)


def retry_after(value: str | None, *, date: str | None = None) -> float | None:
    """Seconds that a `Retry-After` header asks for (RFC 9110, 10.2.3); None when it says nothing.

    value: seconds or an HTTP date.  date: the `Date` header of the same answer: two times of one
    clock, so that a wrong clock here does no harm; without it this machine's time is taken.
    """
    text = (value or "").strip()
    if re.fullmatch(r"[0-9]{1,12}(?:\.[0-9]{1,6})?", text):
        return min(float(text), _LONGEST_WAIT)
    then = _http_date(text)
    if then is None:
        return None
    seconds = (then - (_http_date(date) or datetime.now(UTC))).total_seconds()
    return min(max(math.ceil(seconds), 0.0), _LONGEST_WAIT)


def long_wish(seconds: float | None) -> str:
    """What is told of a wish that is longer than anybody waits for; nothing of others."""
    if seconds is None or seconds <= _LONG_WISH:
        return ""
    then = datetime.now(UTC) + timedelta(seconds=seconds)
    return f"It asks to be left alone for {durations.readable(seconds)}, until {then:%H:%M} UTC"


def _http_date(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text or "")
    except (ValueError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
