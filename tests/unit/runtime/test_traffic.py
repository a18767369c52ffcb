"""Carrying out the steps that move traffic, on an API server in memory."""

from typing import Any

import pytest

from aks_action.clients.clock import TimeLimit
from aks_action.errors import ApiError, ApplyError
from aks_action.model.manifests import ObjectRef, ref_of
from aks_action.model.resources import ResourceType
from aks_action.model.traffic.steps import Patch, Pause, Reroute
from aks_action.model.traffic.weights import Split, whole
from aks_action.runtime.executing.traffic import Traffic, carry_out
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


def shop() -> FakeCluster:
    return FakeCluster("shop", extra_types=[ROUTES])


def around(cluster: FakeCluster, clock: FakeClock, told: list[str] | None = None) -> Traffic:
    tell = (told if told is not None else []).append
    return Traffic(cluster=cluster, limit=TimeLimit(clock, 30), tell=tell)


def service(**selector: str) -> dict[str, Any]:
    metadata = {"name": "web", "namespace": "shop"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": selector},
    }


def route() -> dict[str, Any]:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "parentRefs": [{"name": "gateway"}],
            "rules": [{"backendRefs": [{"name": "web", "port": 80, "weight": 1}]}],
        },
    }


def test_a_patch_is_one_write() -> None:
    cluster = shop()
    cluster.put(service(app="web"))
    step = Patch(ref=SERVICE, body={"spec": {"selector": GREEN}}, why="green is ready")
    written = carry_out(step, around(cluster, FakeClock()))
    assert written is not None
    assert written["spec"]["selector"] == {"app": "web", **GREEN}
    assert len(cluster.writes) == 1


def test_a_patch_that_holds_already_has_written_nothing() -> None:
    cluster = shop()
    known = cluster.put(service(app="web"))
    body = {"spec": {"selector": {"app": "web", "pod-template-hash": None}}}
    patch = Patch(ref=SERVICE, body=body, why=".")
    assert carry_out(patch, around(cluster, FakeClock()), known) is None


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


def test_a_long_pause_tells_every_minute_what_is_left() -> None:
    clock, told = FakeClock(), list[str]()
    carry_out(Pause(seconds=150, why="buffer"), around(shop(), clock, told))
    assert clock.slept == [60, 60, 30]
    assert told == [
        "waiting for 2 min 30 s more (buffer)",
        "waiting for 1 min 30 s more (buffer)",
    ]
