"""Calls are made again by a schedule, as the server asks, until the deadline."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given

from aks_action.clients.retry import Again, Backoff, retry_after, with_retries
from aks_action.errors import RegistryError
from tests.unit.odd_text import odd_text

DATE = "Mon, 23 Nov 2026 10:00:00 GMT"


@dataclass
class FakeClock:
    """A clock that only moves when somebody sleeps."""

    time: float = 100.0
    pauses: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.time += seconds


def answers(*items: object) -> object:
    """A call that answers one item after another."""
    left = list(items)
    return lambda: left.pop(0)


BUSY = Again(error=RegistryError("busy"))


def test_a_first_answer_needs_no_pause() -> None:
    """Nothing is waited for when the call works."""
    clock = FakeClock()
    assert with_retries(answers("fine"), clock=clock, deadline=100.0) == "fine"
    assert clock.pauses == []


def test_the_schedule_is_followed_and_its_last_pause_repeated() -> None:
    """Each failed attempt waits for its own pause."""
    clock, told = FakeClock(), list[str]()
    result = with_retries(
        answers(BUSY, BUSY, BUSY, 7),
        clock=clock,
        deadline=200.0,
        backoff=Backoff(delays=(1.0, 3.0)),
        tell=told.append,
    )
    assert result == 7
    assert clock.pauses == [1.0, 3.0, 3.0]
    assert told[0] == "busy Trying again in 1 s."


def test_the_server_s_wish_goes_before_the_schedule() -> None:
    """Retry-After counts, but a wish of 0 s does not make a busy loop."""
    clock = FakeClock()
    slow, at_once = Again(error=BUSY.error, after=9.0), Again(error=BUSY.error, after=0.0)
    with_retries(answers(slow, at_once, None), clock=clock, deadline=200.0)
    assert clock.pauses == [9.0, 0.2]


def test_no_pause_goes_over_the_deadline() -> None:
    """A pause that would end too late is not begun."""
    clock = FakeClock()
    with pytest.raises(RegistryError, match="busy"):
        with_retries(
            answers(BUSY, Again(error=BUSY.error, after=60.0)), clock=clock, deadline=130.0
        )
    assert clock.pauses == [0.2]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0), ("7", 7.0), (" 12 ", 12.0), ("1.5", 1.5), ("999999999999", 86_400.0),
        ("Mon, 23 Nov 2026 10:00:30 GMT", 30.0), ("Mon, 23 Nov 2026 09:00:00 GMT", 0.0),
        (None, None), ("", None), ("soon", None), ("-1", None), ("nan", None), ("inf", None),
    ],
)  # fmt: skip
def test_both_forms_of_retry_after(value: str | None, seconds: float | None) -> None:
    """Seconds, or a date that is compared with the server's own."""
    assert retry_after(value, date=DATE) == seconds


def test_a_date_without_the_server_s_own_is_compared_with_this_machine() -> None:
    """A date long past means: at once."""
    assert retry_after("Mon, 23 Nov 2020 10:00:00 GMT") == 0.0


@given(value=odd_text(max_size=40), date=odd_text(max_size=40))
def test_garbage_is_no_pause(value: str, date: str) -> None:
    """Whatever a server writes there, the answer is a sane number of seconds or None."""
    seconds = retry_after(value, date=date)
    assert seconds is None or 0.0 <= seconds <= 86_400.0
