"""Waiting until traffic has moved, against an API server in memory."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from aks_action.clients.clock import TimeLimit
from aks_action.clients.ports import WatchEvent
from aks_action.errors import ApiError, RolloutFailed, RolloutTimeout
from aks_action.model.manifests import ObjectRef, ref_of
from aks_action.model.resources import ResourceType
from aks_action.model.traffic.steps import WaitAccepted, WaitEndpoints, WaitPods
from aks_action.model.volumes.mounts import claim_ref
from aks_action.model.volumes.steps import WaitUnused
from aks_action.runtime.waiting.traffic import TrafficWait, wait
from tests.fakes.clock import HurriedClock
from tests.fakes.cluster import FakeCluster

ROUTES = ResourceType(
    api_version="gateway.networking.k8s.io/v1",
    kind="HTTPRoute",
    plural="httproutes",
    namespaced=True,
)
SERVICE = ObjectRef(api_version="v1", kind="Service", name="web", namespace="shop")
GREEN = {"color": "green"}
PODS = WaitPods(namespace="shop", labels=GREEN, why="they are to be behind web")


class Scene:
    """A cluster in which things happen one after the other, each when the last has been told."""

    def __init__(self) -> None:
        self.cluster = FakeCluster("shop", extra_types=[ROUTES])
        self.told: list[str] = []
        self.acts: list[Callable[[], object]] = []

    def wait(self, *steps: TrafficWait, seconds: float = 600.0) -> None:
        clock = HurriedClock(speed=40.0)
        wait(steps, self.cluster, TimeLimit(clock, seconds), self.tell)

    def tell(self, line: str) -> None:
        self.told.append(line)
        if self.acts:
            self.acts.pop(0)()

    def requests(self) -> list[tuple[str, str]]:
        return sorted((each.verb, each.ref.kind) for each in self.cluster.requests)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def pod(name: str, *, ready: bool = True, **labels: str) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "labels": labels},
        "status": {"conditions": conditions},
    }


def endpoint_slice(*pods: str, service: str = "web") -> dict[str, Any]:
    listed = [{"targetRef": {"name": each}, "conditions": {"ready": True}} for each in pods]
    labels = {"kubernetes.io/service-name": service}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": f"{service}-1", "namespace": "shop", "labels": labels},
        "endpoints": listed,
    }


def route(name: str = "web", status: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"parentRefs": [{"name": "gateway"}]},
        **({"status": status} if status else {}),
    }


def answered(status: str, reason: str = "Accepted") -> dict[str, Any]:
    conditions = [
        {"type": kind, "status": status, "reason": reason, "message": "so it is"}
        for kind in ("Accepted", "ResolvedRefs")
    ]
    return {"parents": [{"parentRef": {"name": "gateway"}, "conditions": conditions}]}


def test_endpoints_are_waited_for_until_only_the_right_pods_are_there(scene: Scene) -> None:
    put = scene.cluster.put
    put(pod("blue", color="None"))
    put(pod("green", **GREEN))
    put(endpoint_slice("blue"))
    scene.acts = [
        lambda: put(endpoint_slice("blue", "green")),
        lambda: put(endpoint_slice("green")),
    ]
    scene.wait(WaitEndpoints(service=SERVICE, ready=GREEN, only=GREEN))
    assert [line.rpartition(": it ")[2].split(" (")[0] for line in scene.told] == [
        "has no ready endpoint yet",
        "still has endpoints of other pods: blue",
    ]


def test_what_is_there_already_costs_one_list_however_many_wait_for_it(scene: Scene) -> None:
    """No WATCH is asked for when a LIST has told all."""
    steps: list[TrafficWait] = []
    for number in range(10):
        scene.cluster.put(pod(f"green-{number}", app=f"app-{number}", **GREEN))
        scene.cluster.put(endpoint_slice(f"green-{number}", service=f"app-{number}"))
        service = ObjectRef(
            api_version="v1", kind="Service", name=f"app-{number}", namespace="shop"
        )
        steps.append(WaitEndpoints(service=service, ready=GREEN, only=GREEN))
        steps.append(WaitPods(namespace="shop", labels={"app": f"app-{number}"}, why="."))
    scene.wait(*steps)
    assert scene.requests() == [("list", "EndpointSlice"), ("list", "Pod")]
    assert not scene.told


def test_news_come_by_one_watch_of_each_kind(scene: Scene) -> None:
    scene.acts = [lambda: None, lambda: scene.cluster.put(pod("green", **GREEN))]

    def slice_follows(cluster: FakeCluster, event: WatchEvent) -> None:
        if event.object["kind"] == "Pod":
            cluster.put(endpoint_slice("green"))

    scene.cluster.controllers.append(slice_follows)
    scene.wait(PODS, WaitEndpoints(service=SERVICE, ready=GREEN))
    assert scene.requests() == [
        (verb, kind) for verb in ("list", "watch") for kind in ("EndpointSlice", "Pod")
    ]


def test_pods_are_waited_for_until_one_is_ready(scene: Scene) -> None:
    scene.cluster.put(pod("blue", color="None"))
    scene.cluster.put(pod("green", ready=False, **GREEN))
    scene.acts = [lambda: scene.cluster.put(pod("green", **GREEN))]
    scene.wait(PODS)
    (line,) = scene.told
    assert line.startswith("waiting until pods with color=green are ready  (")
    assert line.endswith(": none of 1 pods with these labels is ready")


def test_pods_that_are_told_to_end_are_not_waited_for_any_more(scene: Scene) -> None:
    going = pod("going", **GREEN)
    going["metadata"]["deletionTimestamp"] = "2026-05-01T12:00:00Z"
    scene.cluster.put(going)
    scene.cluster.put(pod("blue", color="None"))
    scene.cluster.put(pod("green", **GREEN))
    scene.acts = [lambda: scene.cluster.remove(ref_of(pod("green")))]
    step = replace(PODS, going=True)
    scene.wait(step)
    assert scene.told == [f"waiting {step}: 1 of them are not yet"]


def test_an_endpoint_that_goes_away_is_noticed(scene: Scene) -> None:
    scene.cluster.put(pod("green", **GREEN))
    scene.cluster.put(endpoint_slice("green"))
    scene.acts = [lambda: scene.cluster.remove(ref_of(endpoint_slice()))]
    scene.wait(WaitEndpoints(service=SERVICE, none=GREEN))
    assert len(scene.told) == 1


def test_a_wait_that_the_deadline_ends_says_all_that_is_missing(scene: Scene) -> None:
    with pytest.raises(RolloutTimeout) as caught:
        scene.wait(PODS, WaitEndpoints(service=SERVICE, ready=GREEN), seconds=5.0)
    sentences = [problem.message for problem in caught.value.problems]
    assert "none of 0 pods" in sentences[0]
    assert "no ready endpoint yet" in sentences[1]
    assert sentences[1].endswith("The time limit is over.")


def test_what_may_not_be_looked_at_is_an_error(scene: Scene) -> None:
    scene.cluster.forbid("list", "EndpointSlice", namespace="shop")
    with pytest.raises(ApiError, match="endpointslices"):
        scene.wait(WaitEndpoints(service=SERVICE, ready=GREEN))


def test_a_connection_that_is_lost_for_a_moment_does_not_matter(scene: Scene) -> None:
    scene.cluster.put(pod("green", **GREEN))
    scene.cluster.inject("list", kind="Pod", code=500, times=2)
    scene.wait(PODS)


def test_a_route_is_waited_for_until_its_gateway_has_accepted_it(scene: Scene) -> None:
    scene.cluster.put(route())
    accept = answered("True")
    scene.acts = [lambda: scene.cluster.set_status(ref_of(route()), accept)]
    scene.wait(WaitAccepted(ref=ref_of(route())))
    assert len(scene.told) == 1


def test_several_routes_are_waited_for_together(scene: Scene) -> None:
    routes = [route(name, answered("True")) for name in ("one", "two")]
    for each in routes:
        scene.cluster.put(each)
    scene.wait(*(WaitAccepted(ref=ref_of(each)) for each in routes))
    assert scene.requests() == [("list", "HTTPRoute")]


def test_a_route_that_its_gateway_refuses_fails_at_once(scene: Scene) -> None:
    scene.cluster.put(route(status=answered("False", "UnsupportedValue")))
    with pytest.raises(RolloutFailed, match=r"HTTPRoute/shop/web: .*so it is"):
        scene.wait(WaitAccepted(ref=ref_of(route())))


def test_a_route_that_goes_away_is_told(scene: Scene) -> None:
    with pytest.raises(RolloutTimeout, match="it is gone"):
        scene.wait(WaitAccepted(ref=ref_of(route())), seconds=3.0)


def test_a_claim_is_in_use_while_a_stopped_pod_names_it(scene: Scene) -> None:
    """A pod that has ended does not use it, and whose nobody has stopped is not waited for."""
    volumes = {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]}
    old = {**pod("old", app="web"), "spec": volumes}
    scene.cluster.put({**old, "status": {"phase": "Running"}})
    ended = {**pod("ended", app="web"), "spec": volumes, "status": {"phase": "Succeeded"}}
    scene.cluster.put(ended)
    scene.cluster.put({**pod("other", app="other"), "spec": volumes})
    scene.acts = [lambda: scene.cluster.remove(ref_of(old))]
    claim = claim_ref("data", "shop")
    step = WaitUnused(claim=claim, selectors=({"matchLabels": {"app": "web"}},))
    scene.wait(step)
    assert scene.told == [f"waiting {step}: 1 of them still there"]
