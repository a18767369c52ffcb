"""Watches that stay open and bring nothing, and what there is to say when time is up."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aks_action.clients.clock import TimeLimit
from aks_action.clients.ports import Listing, WatchEvent
from aks_action.errors import ApplyError, RolloutTimeout
from aks_action.model.manifests import ref_of
from aks_action.model.traffic.steps import WaitPods
from aks_action.runtime.waiting import traffic
from tests.fakes.clock import HurriedClock
from tests.fakes.cluster import FakeCluster
from tests.unit.runtime.test_waiting import Scene

GREEN = {"color": "green"}
BOOKMARK = WatchEvent(type="BOOKMARK", object={"metadata": {"resourceVersion": "9"}})


class Deaf(FakeCluster):
    """Its watches are open, and say nothing of changes."""

    bookmarks = False
    away: Callable[[], bool] = staticmethod(lambda: False)

    def watch(self, api_version: str, kind: str, **_given: Any) -> Any:
        return Silence(bookmarks=self.bookmarks)

    def list(self, api_version: str, kind: str, **given: Any) -> Listing:
        if self.away():
            raise ApplyError("it cannot be reached since 12:00:00 UTC.")
        return super().list(api_version, kind, **given)

    @property
    def looked(self) -> Counter[str]:
        return Counter(each.ref.kind for each in self.requests if each.verb == "list")


class Silence:
    """An open watch. bookmarks: it says that it lives."""

    def __init__(self, *, bookmarks: bool) -> None:
        self._bookmarks = bookmarks
        self._closed = threading.Event()

    def __enter__(self) -> Iterator[WatchEvent]:
        return self._events()

    def _events(self) -> Iterator[WatchEvent]:
        while not self._closed.wait(0.005):
            if self._bookmarks:
                yield BOOKMARK

    def __exit__(self, *_: object) -> None:
        self._closed.set()


@pytest.fixture(name="deaf")
def _deaf() -> Scene:
    scene = Scene()
    scene.cluster.__class__ = Deaf
    scene.deployment()
    return scene


def later(seconds: float, clock: HurriedClock, act: Callable[[], object]) -> None:
    """Act after so many seconds of the clock."""
    timer = threading.Timer(seconds / clock.speed, act)
    timer.daemon = True
    timer.start()


@pytest.mark.parametrize("bookmarks", [False, True])
def test_what_a_silent_watch_does_not_tell_is_found_by_a_list_within_15_seconds(
    deaf: Scene, *, bookmarks: bool
) -> None:
    """Bookmarks are no sign that changes come through."""
    assert isinstance(deaf.cluster, Deaf)
    deaf.cluster.bookmarks = bookmarks
    clock = HurriedClock(speed=20.0)
    later(6, clock, lambda: deaf.finish(*deaf.live.values()))
    began = clock.now()
    assert deaf.wait(600, clock).error is None
    assert 14 < clock.now() - began < 25


def test_a_watch_that_was_found_deaf_is_asked_for_every_15_seconds(deaf: Scene) -> None:
    assert isinstance(deaf.cluster, Deaf)
    (live,) = deaf.live.values()
    clock = HurriedClock(speed=40.0)
    later(6, clock, lambda: deaf.cluster.set_status(ref_of(live), {"replicas": 1}))
    later(40, clock, lambda: deaf.finish(live))
    began = clock.now()
    assert deaf.wait(600, clock).error is None
    assert 40 <= clock.now() - began < 40 + 15 + 10


def test_where_nothing_happens_the_lists_become_rarer(deaf: Scene) -> None:
    """After 15 and 45 s, besides the first and the last: as long as they bring no news."""
    assert isinstance(deaf.cluster, Deaf)
    assert isinstance(deaf.wait(100, HurriedClock(speed=80.0)).error, RolloutTimeout)
    assert deaf.cluster.looked["Deployment"] == 4


def test_before_time_is_up_one_looks_again(deaf: Scene) -> None:
    """The watch was silent, and the time too short for it to be noticed."""
    clock = HurriedClock(speed=20.0)
    later(6, clock, lambda: deaf.finish(*deaf.live.values()))
    assert deaf.wait(12, clock).error is None
    assert "is ready after" in deaf.said[-1]


def test_that_the_server_is_away_when_time_is_up_is_no_verdict_on_what_was_deployed(
    deaf: Scene,
) -> None:
    assert isinstance(deaf.cluster, Deaf)
    clock = HurriedClock(speed=20.0)
    ends = clock.now() + 12
    deaf.cluster.away = lambda: clock.now() > ends - 6
    error = deaf.wait(12, clock).error
    assert type(error) is ApplyError
    first, last = error.problems
    assert "whether it is healthy is not known" in first.message
    assert first.source is not None
    assert last.message == "it cannot be reached since 12:00:00 UTC."


def test_before_a_wait_for_traffic_is_over_one_looks_again() -> None:
    cluster = FakeCluster("shop")
    cluster.__class__ = Deaf
    clock = HurriedClock(speed=20.0)
    step = WaitPods(namespace="shop", labels=GREEN, why="they are to be behind web")
    ready = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "a", "namespace": "shop", "labels": GREEN},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }
    later(6, clock, lambda: cluster.put(ready))
    traffic.wait([step], cluster, TimeLimit(clock, 12), lambda _: None)


def test_that_the_server_is_away_is_told_of_a_wait_for_traffic() -> None:
    cluster = FakeCluster("shop")
    cluster.__class__ = Deaf
    assert isinstance(cluster, Deaf)
    cluster.away = lambda: True
    step = WaitPods(namespace="shop", labels=GREEN, why="they are to be behind web")
    with pytest.raises(ApplyError, match=r"not known\. it cannot be reached since") as caught:
        traffic.wait([step], cluster, TimeLimit(HurriedClock(speed=20.0), 6), lambda _: None)
    assert type(caught.value) is ApplyError
