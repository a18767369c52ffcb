"""Killed after any write: the same action run again, or a reject, ends as if nothing had happened,
and at no moment is traffic sent to nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from aks_action.errors import Conflict
from aks_action.model.manifests import Document, ObjectRef
from aks_action.model.plan import Plan
from aks_action.model.strategy_settings import (
    RouteMethod,
    SplitMethod,
    StrategyAction,
    StrategySettings,
)
from aks_action.strategies import blue_green, canary
from tests.unit.strategies.simulation import Simulation
from tests.unit.strategies.words import (
    at_once,
    config,
    deployment,
    ingress,
    manifests,
    route,
    service,
)

Plans = Callable[[Simulation, str, str], Plan]
"""What an action (second) with an image tag (third) would do to what is live."""

CASES = [
    *(f"canary-{method}" for method in SplitMethod),
    *(f"blue-green-{method}" for method in RouteMethod),
]
BEGINNINGS = ["basic", "promoted"]


@dataclass(frozen=True)
class Case:
    name: str
    extra: tuple[Document, ...]

    def plan(self, simulation: Simulation, action: str, tag: str) -> Plan:
        image = f"web:{tag}"
        given = manifests(config(), service(), deployment(image=image), *self.extra)
        strategy, _, method = self.name.rpartition("-")
        chosen: dict[str, Any] = (
            {"split_method": SplitMethod(method), "percentage": 20}
            if strategy == "canary"
            else {"route_method": RouteMethod(method)}
        )
        settings = StrategySettings(action=StrategyAction(action), **chosen)
        decide = canary.plan if strategy == "canary" else blue_green.plan
        return decide(settings, given, simulation.observed(), at_once)

    def begin(self, beginning: str) -> Simulation:
        """The app at version 1, deployed by `basic`, or promoted by the strategy itself."""
        live = (config(), service(), deployment(image="web:1"), *self.extra)
        simulation = Simulation(*live)
        if beginning == "promoted":
            for action in ("deploy", "promote"):
                simulation.carry_out(self.plan(simulation, action, "1"), _serves)
        return simulation


def case(name: str) -> Case:
    extra = {"gateway": (route(("web", 1)),), "ingress": (ingress(),)}
    return Case(name=name, extra=extra.get(name.rpartition("-")[2], ()))


def _serves(simulation: Simulation) -> None:
    """Every Service that gets traffic has pods."""
    assert simulation.behind("web"), "the plain Service selects nothing"
    for name, weight in simulation.routed():
        assert not weight or simulation.behind(name), f"the route sends traffic to {name}"
    for ref, each in simulation.live.items():
        if ref.kind == "TrafficSplit":
            for backend in each["spec"]["backends"]:
                assert not backend["weight"] or simulation.behind(backend["service"])
        if ref.kind == "Ingress":
            assert simulation.behind(each["spec"]["defaultBackend"]["service"]["name"])


def _before(name: str, beginning: str, action: str) -> Simulation:
    """Where an action starts: version 2 is out already for promote and reject."""
    return _undisturbed(name, beginning, action)[0].copy()


def _cuts(name: str, beginning: str, action: str) -> list[Simulation]:
    """The state after each write of an action, as a kill leaves it."""
    return [each.copy() for each in _undisturbed(name, beginning, action)[:-1]]


@cache
def _undisturbed(name: str, beginning: str, action: str) -> list[Simulation]:
    """Every state from the beginning of an action to its end; the tests get copies."""
    given = case(name)
    simulation = given.begin(beginning)
    if action != "deploy":
        simulation.carry_out(given.plan(simulation, "deploy", "2"), _serves)
    states = [simulation.copy()]

    def note(now: Simulation) -> None:
        _serves(now)
        states.append(now.copy())

    simulation.carry_out(given.plan(simulation, action, "2"), note)
    return states


@pytest.mark.parametrize("action", list(StrategyAction))
@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.parametrize("name", CASES)
def test_the_same_action_again_ends_as_an_undisturbed_run(
    name: str, beginning: str, action: str
) -> None:
    given = case(name)
    end = _undisturbed(name, beginning, action)[-1].state()
    for simulation in _cuts(name, beginning, action):
        simulation.carry_out(given.plan(simulation, action, "2"), _serves)
        assert simulation.state() == end


@pytest.mark.parametrize("action", list(StrategyAction))
@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.parametrize("name", CASES)
def test_a_reject_after_the_kill_leaves_one_stable_that_serves(
    name: str, beginning: str, action: str
) -> None:
    given = case(name)
    for simulation in _cuts(name, beginning, action):
        simulation.carry_out(given.plan(simulation, "reject", "2"), _serves)
        _serves(simulation)
        assert _deployments(simulation) == {"web"}
        assert not any(
            get.startswith(("web-canary", "web-baseline", "web-green"))
            for get in _names(simulation, "Service")
        )


@pytest.mark.parametrize("action", ["deploy", "reject"])
@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.parametrize("name", CASES)
def test_a_promote_after_the_kill_is_refused_or_serves_all_the_time(
    name: str, beginning: str, action: str
) -> None:
    given = case(name)
    for simulation in _cuts(name, beginning, action):
        try:
            plan = given.plan(simulation, "promote", "2")
        except Conflict:
            continue
        simulation.carry_out(plan, _serves)
        assert _deployments(simulation) == {"web"}
        assert _image(simulation, "web") == "web:2"


@pytest.mark.parametrize("action", ["promote", "reject"])
@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.parametrize("name", CASES)
def test_a_new_deploy_after_the_kill_ends_as_one_from_the_beginning(
    name: str, beginning: str, action: str
) -> None:
    given = case(name)
    for simulation in _cuts(name, beginning, action):
        simulation.carry_out(given.plan(simulation, "deploy", "3"), _serves)
        out = "web-canary" if name.startswith("canary") else "web-green"
        assert _image(simulation, out) == "web:3"


@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.parametrize("name", CASES)
def test_promote_and_reject_end_with_the_new_and_the_old_version(name: str, beginning: str) -> None:
    given = case(name)
    for action, image in (("promote", "web:2"), ("reject", "web:1")):
        simulation = _before(name, beginning, action)
        simulation.carry_out(given.plan(simulation, action, "2"), _serves)
        assert _deployments(simulation) == {"web"}
        assert _image(simulation, "web") == image
        assert simulation.behind("web") == {"web"}


@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.parametrize("name", ["blue-green-service", "blue-green-ingress", "blue-green-gateway"])
def test_green_gets_no_traffic_before_the_switch(name: str, beginning: str) -> None:
    """With smi the plain Service selects both colours by design: the mesh splits its traffic."""
    front = {"gateway": "HTTPRoute", "ingress": "Ingress", "service": "Service"}
    for simulation in _cuts(name, beginning, "deploy"):
        kind = front[name.rpartition("-")[2]]
        ref = next(ref for ref in simulation.live if ref.kind == kind and ref.name == "web")
        if "green" not in str(simulation.live[ref]["spec"]):
            on_green = "web-green" in simulation.behind("web")
            assert not on_green


@pytest.mark.parametrize("name", CASES)
def test_an_app_that_was_never_live_is_deployed_and_promoted(name: str) -> None:
    given = case(name)
    simulation = Simulation()
    simulation.carry_out(given.plan(simulation, "deploy", "1"), lambda _: None)
    simulation.carry_out(given.plan(simulation, "promote", "1"), lambda _: None)
    _serves(simulation)
    assert len(_deployments(simulation)) == 1


@pytest.mark.parametrize("name", CASES)
def test_the_only_version_of_an_app_is_not_rejected_away(name: str) -> None:
    given = case(name)
    simulation = Simulation()
    simulation.carry_out(given.plan(simulation, "deploy", "1"), lambda _: None)
    with pytest.raises(Conflict):
        given.plan(simulation, "reject", "1")


def _deployments(simulation: Simulation) -> set[str]:
    return set(_names(simulation, "Deployment"))


def _names(simulation: Simulation, kind: str) -> list[str]:
    return [ref.name for ref in simulation.live if ref.kind == kind]


def _image(simulation: Simulation, name: str) -> str:
    ref = ObjectRef(api_version="apps/v1", kind="Deployment", name=name, namespace="shop")
    containers = simulation.live[ref]["spec"]["template"]["spec"]["containers"]
    return str(containers[0]["image"])
