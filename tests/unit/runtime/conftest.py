"""Feeds that hurry as `HurriedClock` does: their own pauses are on no clock."""

import pytest

from aks_action.runtime import feeds

SPEED = 20


@pytest.fixture(autouse=True)
def _hurried_feeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "TICK_SECONDS", feeds.TICK_SECONDS / SPEED)
    monkeypatch.setattr(feeds, "PAUSES", tuple(each / SPEED for each in feeds.PAUSES))
