"""The basic strategy: applies in order, barriers, one wait at the end."""

from typing import Any

from aks_action import strategies
from aks_action.errors import Source
from aks_action.model.manifests import Manifest, ManifestSet
from aks_action.model.observed import Observed
from aks_action.model.plan import Apply, Plan, Wait
from aks_action.model.strategy_settings import StrategySettings
from tests.unit.runtime.test_checking import CRD, NAMESPACE, TOY, config_map, deployment
from tests.unit.test_scaling import HPA, autoscaler
from tests.unit.test_scaling import deployment as live_deployment


def manifests(*documents: dict[str, Any]) -> ManifestSet:
    return tuple(
        Manifest(document=each, source=Source(file="all.yml", line=n))
        for n, each in enumerate(documents, start=1)
    )


def plan(given: ManifestSet, *live: dict[str, Any]) -> Plan:
    seen = {each.ref: each.document for each in manifests(*live)}
    return strategies.plan(StrategySettings(), given, Observed(live=seen, types={}))


def names(steps: Any) -> list[str]:
    """Each step in short: `+ApplyName`, or `?Waited,Names`."""
    found = []
    for step in steps:
        if isinstance(step, Apply):
            found.append(f"+{step.ref.name}")
        elif isinstance(step, Wait):
            found.append("?" + ",".join(each.ref.name for each in step.manifests))
    return found


def test_everything_is_applied_once_and_waited_for_at_the_end() -> None:
    given = manifests(deployment(), config_map("a"), config_map("b"))
    made = plan(given)
    assert sorted(apply.ref.name for apply in made.applies) == ["a", "b", "web"]
    assert names(made.stages[-1].steps) == ["?web,a,b"]


def test_what_needs_a_new_namespace_or_definition_comes_after_it_is_ready() -> None:
    inside = {**TOY, "metadata": {"name": "bear", "namespace": "new"}}
    made = plan(manifests(inside, CRD, NAMESPACE))
    assert [sorted(names(stage.steps)) for stage in made.stages] == [
        ["+new", "+toys.example.com"],
        ["?new,toys.example.com"],
        ["+bear"],
        ["?bear,toys.example.com,new"],
    ]


def test_replicas_are_left_to_an_autoscaler_and_that_is_noted() -> None:
    given = manifests(live_deployment(1), autoscaler())
    made = plan(given, live_deployment(7, HPA))
    (web,) = (apply for apply in made.applies if apply.ref.kind == "Deployment")
    assert "replicas" not in web.manifest.document["spec"]
    assert ["left to HorizontalPodAutoscaler" in note for note in made.notes] == [True]


def test_nothing_at_all_is_a_plan_without_writes() -> None:
    assert list(plan(()).applies) == []
