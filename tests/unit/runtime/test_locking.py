"""Who holds the lock of a namespace, who waits for it, and who takes it over."""

import math
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aks_action.clients.clock import SystemClock, TimeLimit
from aks_action.errors import ApplyError, Conflict, Locked
from aks_action.inputs import parse
from aks_action.jobs.locks import Locks, holder
from aks_action.model.documents import get_in, set_in
from aks_action.model.locking import (
    LEASE_SECONDS,
    Holder,
    holder_of,
    lease,
    lease_ref,
    namespaces,
    seconds_of,
    seems_over,
    who,
)
from aks_action.model.manifests import Document
from aks_action.model.plan import Apply, Assessment, Change, Delete, Plan, Stage
from aks_action.model.provenance import RunContext
from aks_action.runtime.locking import TRUST_SECONDS, Lock
from tests.fakes.clock import FakeClock, HurriedClock
from tests.fakes.cluster import FakeCluster
from tests.unit.configuration.words import applied, config_map, manifest

NOON = datetime(2026, 5, 1, 12, 0, 5, tzinfo=UTC)
REF = lease_ref("shop")
ALICE = Holder(identity="alice", run="https://github.test/shop/actions/runs/1", actor="alice")
BOB = Holder(identity="bob", run="https://github.test/shop/actions/runs/2", actor="bob")


class Scene:
    """A cluster, and locks on its namespace `shop`."""

    def __init__(self) -> None:
        self.cluster = FakeCluster("shop")
        self.told: list[str] = []
        self.time = NOON

    def lock(self, who: Holder = BOB, clock: Any = None, seconds: float = math.inf) -> Lock:
        limit = TimeLimit(clock or HurriedClock(50), seconds)
        return Lock(
            self.cluster, REF, who, limit=limit, tell=self.told.append, now=lambda: self.time
        )

    @property
    def live(self) -> Document | None:
        return self.cluster.get(REF)

    def when_watched(self, act: Callable[[], object]) -> None:
        """Act once, from another thread, when somebody waits."""

        def run() -> None:
            for _ in range(2000):
                if any(each.verb == "watch" for each in self.cluster.requests):
                    act()
                    return
                threading.Event().wait(0.002)

        threading.Thread(target=run, daemon=True).start()


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_taking_and_giving_back_cost_one_request_each_and_leave_nothing(scene: Scene) -> None:
    lock = scene.lock()
    assert not lock.take(60)
    lock.check()
    assert holder_of(scene.live or {}) == "bob"
    lock.release()
    verbs = [each.verb for each in scene.cluster.requests if each.verb != "get"]
    assert verbs == ["create", "delete"]
    assert scene.live is None


def test_who_waits_says_for_whom_and_goes_on_at_its_end(scene: Scene) -> None:
    first = scene.lock(ALICE)
    first.take(60)
    scene.when_watched(first.release)
    assert scene.lock().take(60)
    assert scene.told[0].startswith(
        "Another run deploys to namespace shop: https://github.test/shop/actions/runs/1 (alice), "
        "since 12:00:05 UTC. Waiting for its end, up to "
    )
    assert scene.told[1].startswith("It is this run's turn, after ")
    assert holder_of(scene.live or {}) == "bob"


@pytest.mark.parametrize("seconds", [0.0, 3.0])
def test_who_has_waited_for_long_enough_fails_and_has_written_nothing(
    scene: Scene, seconds: float
) -> None:
    scene.lock(ALICE).take(60)
    with pytest.raises(Locked, match=r"runs/1 \(alice\), since.*Nothing was written") as caught:
        scene.lock().take(seconds)
    assert caught.value.exit_code == 8
    assert ("did not end within 3.0 s" in str(caught.value)) == bool(seconds)
    assert holder_of(scene.live or {}) == "alice"


def test_the_time_of_a_run_that_was_waited_for_is_no_time_of_ones_own(scene: Scene) -> None:
    """The requests for the lock are: one that hangs is over with the step."""
    scene.cluster.create(lease(REF, ALICE, NOON))
    clock = HurriedClock(100)
    lock = scene.lock(clock=clock, seconds=60)
    ends = lock._limit.until
    assert lock.take(600)
    assert 15 <= lock._limit.until - ends < 45


def test_a_lease_that_is_not_renewed_any_more_is_taken_over(scene: Scene) -> None:
    """By how long it stays as it is: the clock of who holds it may be wrong."""
    scene.cluster.create(lease(REF, ALICE, NOON + timedelta(hours=5)))
    clock = HurriedClock(100)
    began = clock.now()
    assert scene.lock(clock=clock).take(60)
    assert clock.now() - began >= 15
    assert holder_of(scene.live or {}) == "bob"


@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_a_lease_of_long_ago_is_taken_over_once_it_was_seen_not_to_be_renewed(
    scene: Scene, seconds: float
) -> None:
    """Also by who does not wait for others: a run that died would lock him out for ever."""
    scene.cluster.create(lease(REF, ALICE, NOON - timedelta(minutes=5)))
    clock = HurriedClock(100)
    began = clock.now()
    assert scene.lock(clock=clock).take(seconds)
    assert clock.now() - began >= LEASE_SECONDS
    assert holder_of(scene.live or {}) == "bob"


STRANGE = "9999-12-31T23:59:59.999999Z"


@pytest.mark.parametrize(
    "spec",
    [
        {"renewTime": STRANGE, "acquireTime": STRANGE, "leaseDurationSeconds": 15},
        {"renewTime": "0001-01-01T00:00:00.000000Z", "leaseDurationSeconds": 15},
        {"renewTime": "0001-01-01T00:00:00+14:00", "leaseDurationSeconds": -1},
        {"renewTime": "9999-12-31T23:59:59-12:00", "leaseDurationSeconds": 2**31 - 1},
        {"renewTime": STRANGE, "leaseDurationSeconds": "fifteen"},
        {"renewTime": ["noon"], "acquireTime": {}, "leaseDurationSeconds": {"a": 1}},
        {"renewTime": 7, "leaseDurationSeconds": 1e400},
        {},
    ],
)
def test_a_strange_lease_is_dead_when_it_did_not_change_before_our_eyes(
    scene: Scene, spec: dict[str, Any]
) -> None:
    found = lease(REF, ALICE, NOON)
    scene.cluster.create({**found, "spec": {"holderIdentity": "somebody", **spec}})
    clock = HurriedClock(100)
    began = clock.now()
    assert scene.lock(clock=clock).take(90)
    assert clock.now() - began >= 15
    assert holder_of(scene.live or {}) == "bob"


def test_a_lease_holds_for_what_it_claims_if_that_makes_sense_and_not_for_years() -> None:
    claims = [0, -5, 1, 15, 30, 2**31 - 1, True, "30", None]
    spec = [{"spec": {"leaseDurationSeconds": claim}} for claim in claims]
    assert [seconds_of(each) for each in spec] == [15, 15, 1, 15, 30, 60, 15, 15, 15]


@pytest.mark.parametrize("hour", [9, 12, 20])
@pytest.mark.parametrize("seconds", [0.0, 25.0])
def test_one_that_is_renewed_is_waited_for_whatever_the_clock_of_its_holder(
    scene: Scene, hour: int, seconds: float
) -> None:
    scene.cluster.create(lease(REF, ALICE, NOON.replace(hour=hour)))

    def renew(stopped: threading.Event) -> None:
        for number in range(1000):
            if stopped.wait(0.05):
                return
            renewed = {"renewTime": f"2026-05-01T{hour:02}:00:{number % 60:02}.000000Z"}
            scene.cluster.patch(REF, {"spec": renewed})

    stopped = threading.Event()
    threading.Thread(target=renew, args=(stopped,), daemon=True).start()
    clock = HurriedClock(100)
    began = clock.now()
    with pytest.raises(Locked):
        scene.lock(clock=clock).take(seconds)
    stopped.set()
    assert clock.now() - began >= seconds
    assert holder_of(scene.live or {}) == "alice"


def test_of_two_that_take_over_one_does(scene: Scene) -> None:
    """The resourceVersion is the fence."""
    scene.cluster.create(lease(REF, ALICE, NOON - timedelta(minutes=5)))
    original = scene.cluster.patch

    def patch(ref: Any, body: Document) -> Document:
        scene.cluster.patch = original  # type: ignore[method-assign]
        original(ref, {"spec": {"holderIdentity": "carol", "renewTime": None}})
        original(ref, {"spec": {"renewTime": "2026-05-01T12:00:05.000000Z"}})
        return original(ref, body)

    scene.cluster.patch = patch  # type: ignore[method-assign]
    with pytest.raises(Locked):
        scene.lock(clock=HurriedClock(100)).take(0)
    assert holder_of(scene.live or {}) == "carol"


def test_a_lease_that_can_neither_be_made_nor_found_is_an_error(scene: Scene) -> None:
    scene.cluster.inject("create", kind="Lease", code=409, times=100)
    with pytest.raises(ApplyError):
        scene.lock().take(60)


def test_giving_back_deletes_nobody_elses(scene: Scene) -> None:
    lock = scene.lock(ALICE, clock=FakeClock())
    lock.take(60)
    scene.cluster.delete(REF)
    scene.cluster.create(lease(REF, BOB, NOON))
    lock.release()
    assert holder_of(scene.live or {}) == "bob"


def test_a_holder_that_was_taken_over_writes_nothing_more(scene: Scene) -> None:
    """It finds out before its next write, as soon as it cannot count on its lease any more."""
    clock = FakeClock()
    lock = scene.lock(ALICE, clock=clock)
    lock.take(60)
    scene.cluster.patch(REF, {"spec": {"holderIdentity": "bob"}})
    lock.check()
    clock.advance(TRUST_SECONDS)
    with pytest.raises(Conflict, match="has gone to another"):
        lock.check()
    lock.release()
    assert holder_of(scene.live or {}) == "bob"


def test_one_that_somebody_labelled_is_still_ours(scene: Scene) -> None:
    clock = FakeClock()
    lock = scene.lock(ALICE, clock=clock)
    lock.take(60)
    scene.cluster.patch(REF, {"metadata": {"labels": {"a": "b"}}})
    clock.advance(TRUST_SECONDS)
    lock.check()
    scene.cluster.patch(REF, {"metadata": {"labels": {"a": "c"}}})
    lock.release()
    assert scene.live is None


def test_who_may_not_write_leases_goes_on_without_and_says_so(scene: Scene) -> None:
    scene.cluster.forbid("create", "Lease")
    lock = scene.lock()
    assert not lock.take(60)
    lock.check()
    lock.release()
    (told,) = scene.told
    assert told.startswith("Runs at the same time are not kept apart: ci may not create leases")
    assert len(scene.cluster.requests) == 1


def test_a_server_that_fails_is_an_error(scene: Scene) -> None:
    scene.cluster.inject("create", kind="Lease", code=500)
    with pytest.raises(ApplyError):
        scene.lock().take(60)


def test_who_may_not_watch_looks_again_and_again(scene: Scene) -> None:
    first = scene.lock(ALICE)
    first.take(60)
    scene.cluster.forbid("list", "Lease")
    threading.Timer(0.1, first.release).start()
    assert scene.lock().take(600)


def test_an_answer_that_was_lost_has_taken_it_all_the_same(scene: Scene) -> None:
    scene.cluster.create(lease(REF, BOB, NOON))
    assert not scene.lock().take(0)


def test_a_lease_that_was_given_up_is_free(scene: Scene) -> None:
    scene.cluster.create(set_in(lease(REF, ALICE, NOON), ("spec", "holderIdentity"), ""))
    assert not scene.lock().take(0)
    assert holder_of(scene.live or {}) == "bob"


def test_clocks_may_differ_by_a_minute_before_a_lease_seems_over() -> None:
    assert not seems_over(lease(REF, ALICE, NOON), NOON + timedelta(seconds=60))
    assert seems_over(lease(REF, ALICE, NOON), NOON + timedelta(seconds=80))


def test_the_holder_of_a_strange_lease_is_named_by_what_there_is() -> None:
    assert who({"spec": {"holderIdentity": "somebody"}}) == "somebody"
    strange = {"metadata": {"annotations": ["x"]}, "spec": {"acquireTime": STRANGE}}
    assert who(strange) == "a run without a name, since 23:59:59 UTC"
    long = {"metadata": {"annotations": {"aks-action/run": "a\nb" + "x" * 10_000}}}
    assert who(long).startswith("a bxxx")
    assert len(who(long)) == 200


def test_locks_are_taken_where_something_is_written_in_one_order() -> None:
    """Two runs with the same two namespaces must not hold one each."""
    here, there = (
        set_in(config_map(), ("metadata", "namespace"), name) for name in ("here", "there")
    )
    fresh = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fresh"}}
    inside = set_in(config_map(), ("metadata", "namespace"), "fresh")
    new = Assessment(change=Change.CREATED)
    steps = (
        Delete(ref=manifest(there).ref, why="test"),
        applied(here, Change.CONFIGURED, "data"),
        applied(config_map()),
        *(Apply(manifest=manifest(each), assessment=new) for each in (fresh, inside)),
    )
    plan = Plan(stages=(Stage(name="s", steps=steps),))
    assert namespaces(plan, {}) == ("here", "there")
    assert namespaces(plan, {}, ["records", "fresh"]) == ("here", "records", "there")


def test_releases_of_two_names_have_a_lock_each() -> None:
    names = {lease_ref("shop", release).name for release in ("", "web", "api")}
    assert names == {"aks-action", "aks-action.web", "aks-action.api"}


def test_a_namespace_gets_its_lock_with_the_first_write_into_it_and_all_are_given_back() -> None:
    cluster = FakeCluster("one", "two")
    ref = manifest(set_in(config_map(), ("metadata", "namespace"), "two")).ref
    settings = parse({"manifests": "k8s", "lock-timeout": "0"}, RunContext())
    with Locks(cluster, settings, print, TimeLimit(SystemClock())) as locks:
        locks.take(["one"])
        locks.guard(ref)
        locks.guard(ref)
        locks.guard(manifest({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}).ref)
        assert [each.verb for each in cluster.requests] == ["create", "create"]
    assert [each.verb for each in cluster.requests] == ["create", "create", "delete", "delete"]


def test_two_jobs_of_one_run_are_two_holders_with_one_link() -> None:
    run = RunContext(repository="o/r", run_id="7", run_attempt="2", job="deploy", actor="alice")
    one, other = holder(run), holder(run)
    assert one.identity != other.identity
    assert one.run == other.run == "https://github.com/o/r/actions/runs/7"
    assert holder(RunContext()).run.startswith("a run on ")


def test_times_are_those_that_a_lease_takes() -> None:
    """Kubernetes refuses a MicroTime without its six digits."""
    made = lease(REF, ALICE, NOON)
    assert get_in(made, ("spec", "renewTime")) == "2026-05-01T12:00:05.000000Z"
