"""Carrying out the steps that move traffic, on an API server in memory."""

from collections.abc import Callable
from typing import Any

import pytest

from aks_action.errors import ApiError, ApplyError, RolloutFailed, RolloutTimeout
from aks_action.model.manifests import ObjectRef, ref_of
from aks_action.model.resources import ResourceType
from aks_action.model.traffic_steps import (
    Patch,
    Pause,
    Reroute,
    WaitAccepted,
    WaitEndpoints,
    WaitPods,
)
from aks_action.model.weights import Split, whole
from aks_action.runtime.traffic import Traffic, carry_out, carry_out_waits
from tests.fakes.clock import FakeClock
from tests.fakes.cluster import FakeCluster

SERVICE = ObjectRef(api_version="v1", kind="Service", name="web", namespace="shop")
ROUTES = ResourceType(
    api_version="gateway.networking.k8s.io/v1",
    kind="HTTPRoute",
    plural="httproutes",
    namespaced=True,
)
SPLIT = Split(namespace="shop", family=frozenset({"web", "web-green"}), parts=whole("web-green"))
GREEN = {"color": "green"}


class ActingClock(FakeClock):
    """Time in which something happens: `acts` are called one after the other, at each sleep."""

    def __init__(self, *acts: Callable[[], object]) -> None:
        super().__init__()
        self.acts = list(acts)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self.acts:
            self.acts.pop(0)()


def shop() -> FakeCluster:
    return FakeCluster("shop", extra_types=[ROUTES])


def around(cluster: FakeCluster, clock: FakeClock, told: list[str] | None = None) -> Traffic:
    tell = (told if told is not None else []).append
    return Traffic(cluster=cluster, clock=clock, deadline=clock.time + 30, tell=tell)


def service(**selector: str) -> dict[str, Any]:
    metadata = {"name": "web", "namespace": "shop"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": selector},
    }


def pod(name: str, *, ready: bool = True, **labels: str) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "labels": labels},
        "status": {"conditions": conditions},
    }


def endpoint_slice(*pods: str) -> dict[str, Any]:
    listed = [{"targetRef": {"name": each}, "conditions": {"ready": True}} for each in pods]
    labels = {"kubernetes.io/service-name": "web"}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "web-1", "namespace": "shop", "labels": labels},
        "endpoints": listed,
    }


def route(status: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "parentRefs": [{"name": "gateway"}],
            "rules": [{"backendRefs": [{"name": "web", "port": 80, "weight": 1}]}],
        },
        **({"status": status} if status else {}),
    }


def answered(status: str, reason: str = "Accepted") -> dict[str, Any]:
    conditions = [
        {"type": kind, "status": status, "reason": reason, "message": "so it is"}
        for kind in ("Accepted", "ResolvedRefs")
    ]
    return {"parents": [{"parentRef": {"name": "gateway"}, "conditions": conditions}]}


def test_a_patch_is_one_write() -> None:
    cluster = shop()
    cluster.put(service(app="web"))
    step = Patch(ref=SERVICE, body={"spec": {"selector": GREEN}}, why="green is ready")
    written = carry_out(step, around(cluster, FakeClock()))
    assert written is not None
    assert written["spec"]["selector"] == {"app": "web", **GREEN}
    assert len(cluster.writes) == 1


def test_a_patch_that_holds_already_writes_nothing() -> None:
    cluster = shop()
    cluster.put(service(app="web"))
    body = {"spec": {"selector": {"app": "web", "pod-template-hash": None}}}
    assert carry_out(Patch(ref=SERVICE, body=body, why="."), around(cluster, FakeClock())) is None
    assert not cluster.writes


def test_a_patch_of_something_that_is_gone_says_so() -> None:
    step = Patch(ref=SERVICE, body={}, why="green is ready")
    with pytest.raises(ApplyError, match="Service/shop/web is gone"):
        carry_out(step, around(shop(), FakeClock()))


def test_a_route_is_divided_by_one_write_and_not_again() -> None:
    cluster = shop()
    cluster.put(route())
    step = Reroute(ref=ref_of(route()), splits=(SPLIT,))
    written = carry_out(step, around(cluster, FakeClock()))
    assert written is not None
    refs = written["spec"]["rules"][0]["backendRefs"]
    assert refs == [{"name": "web-green", "port": 80, "weight": 1}]
    assert carry_out(step, around(cluster, FakeClock())) is None
    assert len(cluster.writes) == 1


def test_a_route_that_somebody_else_changed_meanwhile_is_read_and_divided_again() -> None:
    cluster = shop()
    cluster.put(route())
    cluster.inject("patch", kind="HTTPRoute", code=409, reason="Conflict", times=2)
    step = Reroute(ref=ref_of(route()), splits=(SPLIT,))
    assert carry_out(step, around(cluster, FakeClock())) is not None


def test_a_route_that_may_not_be_written_is_an_error() -> None:
    cluster = shop()
    cluster.put(route())
    cluster.forbid("patch", "HTTPRoute", namespace="shop")
    with pytest.raises(ApiError, match="patch"):
        carry_out(Reroute(ref=ref_of(route()), splits=(SPLIT,)), around(cluster, FakeClock()))


def test_a_route_that_is_gone_needs_nothing() -> None:
    step = Reroute(ref=ref_of(route()), splits=(SPLIT,))
    assert carry_out(step, around(shop(), FakeClock())) is None


def test_endpoints_are_waited_for_until_only_the_right_pods_are_there() -> None:
    cluster = shop()
    cluster.put(pod("blue", color="None"))
    cluster.put(pod("green", **GREEN))
    cluster.put(endpoint_slice("blue"))
    clock = ActingClock(
        lambda: cluster.put(endpoint_slice("blue", "green")),
        lambda: cluster.put(endpoint_slice("green")),
    )
    told: list[str] = []
    step = WaitEndpoints(service=SERVICE, ready=GREEN, only=GREEN)
    carry_out(step, around(cluster, clock, told))
    assert [line.rpartition(": it ")[2].split(" (")[0] for line in told] == [
        "has no ready endpoint yet",
        "still has endpoints of other pods: blue",
    ]


def test_a_wait_that_the_deadline_ends_says_what_is_missing() -> None:
    step = WaitEndpoints(service=SERVICE, ready=GREEN)
    with pytest.raises(RolloutTimeout, match="no ready endpoint yet"):
        carry_out(step, around(shop(), FakeClock()))


def test_pods_are_waited_for_until_one_is_ready() -> None:
    cluster = shop()
    cluster.put(pod("blue", color="None"))
    cluster.put(pod("green", ready=False, **GREEN))
    clock = ActingClock(lambda: cluster.put(pod("green", **GREEN)))
    carry_out(WaitPods(namespace="shop", labels=GREEN, why="."), around(cluster, clock))
    assert len(clock.slept) == 1


def test_pods_that_crash_after_their_start_are_not_steady() -> None:
    cluster = shop()

    def restarted(count: int) -> dict[str, Any]:
        living = pod("green", **GREEN)
        return {
            **living,
            "status": {**living["status"], "containerStatuses": [{"restartCount": count}]},
        }

    cluster.put(restarted(0))
    clock = ActingClock(
        lambda: None,
        lambda: cluster.put(pod("green", ready=False, **GREEN)),
        lambda: cluster.put(restarted(1)),
        lambda: cluster.put(restarted(2)),
    )
    step = WaitPods(namespace="shop", labels=GREEN, why=".", steady=3)
    carry_out(step, around(cluster, clock))
    assert sum(clock.slept) == 5.0


def test_pods_of_many_workloads_are_watched_at_the_same_time() -> None:
    """Ten services take the three seconds of one."""
    cluster, clock = shop(), FakeClock()
    steps = []
    for number in range(10):
        labels = {**GREEN, "app": f"app-{number}"}
        cluster.put(pod(f"green-{number}", **labels))
        steps.append(WaitPods(namespace="shop", labels=labels, why=".", steady=3))
    carry_out_waits(steps, around(cluster, clock))
    assert sum(clock.slept) == 3.0


def test_pods_that_crash_again_and_again_fail_at_once() -> None:
    """Not when the time limit is over; the container and its exit code are named."""
    cluster = shop()
    cluster.put(pod("green", **GREEN))
    crashing = pod("green", ready=False, **GREEN)
    crashing["status"]["containerStatuses"] = [
        {
            "name": "web",
            "restartCount": 2,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 3}},
        }
    ]
    clock = ActingClock(lambda: cluster.put(crashing))
    step = WaitPods(namespace="shop", labels=GREEN, why=".", steady=3)
    with pytest.raises(RolloutFailed, match=r"container web of Pod/shop/green .* ended with 3"):
        carry_out(step, around(cluster, clock))
    assert len(clock.slept) == 1


def test_pods_that_never_come_to_rest_end_with_the_deadline() -> None:
    cluster = shop()
    cluster.put(pod("green", **GREEN))
    flapping = [
        lambda ready=ready: cluster.put(pod("green", ready=ready, **GREEN))
        for _ in range(40)
        for ready in (False, True)
    ]
    step = WaitPods(namespace="shop", labels=GREEN, why=".", steady=3)
    with pytest.raises(RolloutTimeout, match="again and again"):
        carry_out(step, around(cluster, ActingClock(*flapping)))


def test_a_route_is_waited_for_until_its_gateway_has_accepted_it() -> None:
    cluster = shop()
    cluster.put(route())
    ref = ref_of(route())
    clock = ActingClock(lambda: cluster.set_status(ref, answered("True")))
    carry_out(WaitAccepted(ref=ref), around(cluster, clock))
    assert len(clock.slept) == 1


def test_a_route_that_its_gateway_refuses_fails_at_once() -> None:
    cluster = shop()
    cluster.put(route(answered("False", "UnsupportedValue")))
    with pytest.raises(RolloutFailed, match=r"HTTPRoute/shop/web: .*so it is"):
        carry_out(WaitAccepted(ref=ref_of(route())), around(cluster, FakeClock()))


def test_a_long_pause_tells_every_minute_what_is_left() -> None:
    clock, told = FakeClock(), list[str]()
    carry_out(Pause(seconds=150, why="buffer"), around(shop(), clock, told))
    assert clock.slept == [60, 60, 30]
    assert told == [
        "waiting for 2 min 30 s more (buffer)",
        "waiting for 1 min 30 s more (buffer)",
    ]
