"""The hub of a fleet: what it cannot do is not waited for, placements are."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from aks_action import inputs
from aks_action.errors import InputError, Source
from aks_action.model.fleet import for_hub
from aks_action.model.health import HealthStatus, Related, assess
from aks_action.model.health.fleets import HUB_SECONDS
from aks_action.model.health.proving import seconds_to_prove
from aks_action.model.manifests import Document, Manifest
from aks_action.model.plan import Apply, Plan, Stage, Wait
from aks_action.model.provenance import RunContext

CHANGED = dt.datetime(2026, 11, 23, 9, tzinfo=dt.UTC)
FLEET = "Microsoft.ContainerService/fleets"


def manifest(api_version: str, kind: str) -> Manifest:
    document: Document = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "shop"}}
    return Manifest(document=document, source=Source(file="shop.yml"))


DEPLOYMENT = manifest("apps/v1", "Deployment")
PLACEMENT = manifest("placement.kubernetes-fleet.io/v1", "ClusterResourcePlacement")


def test_rollouts_are_not_waited_for_and_placements_are() -> None:
    plan = Plan(
        stages=(
            Stage(name="apply", steps=(Apply(manifest=DEPLOYMENT), Apply(manifest=PLACEMENT))),
            Stage(name="wait", steps=(Wait(manifests=(DEPLOYMENT, PLACEMENT)),)),
        )
    )
    found = for_hub(plan)
    assert found.stages[0] == plan.stages[0]
    assert found.stages[1].steps == (Wait(manifests=(PLACEMENT,)),)
    assert "no Deployment is waited for" in found.notes[0]


def test_a_stage_that_would_only_wait_for_pods_goes_away() -> None:
    wait = Stage(name="wait", steps=(Wait(manifests=(DEPLOYMENT,)),))
    assert for_hub(Plan(stages=(wait,))).stages == ()


def test_a_plan_that_waits_for_nothing_else_stays_as_it_is() -> None:
    plan = Plan(stages=(Stage(name="wait", steps=(Wait(manifests=(PLACEMENT,)),)),))
    assert for_hub(plan) is plan


def placement(*conditions: tuple[str, str], generation: int = 2, **status: Any) -> Document:
    return {
        **PLACEMENT.document,
        "metadata": {"name": "shop", "generation": generation},
        "status": {
            "conditions": [
                {
                    "type": f"ClusterResourcePlacement{kind}",
                    "status": value,
                    "observedGeneration": 2,
                    "reason": "Because",
                    "message": "It is so.",
                }
                for kind, value in conditions
            ],
            **status,
        },
    }


DONE = (("Scheduled", "True"), ("Applied", "True"), ("Available", "True"))


def test_a_placement_is_ready_when_it_is_available_everywhere() -> None:
    assert assess(placement(*DONE), Related()).is_ready


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_placement_is_not_ready_before_each_of_its_conditions(missing: int) -> None:
    conditions = list(DONE)
    conditions[missing] = (conditions[missing][0], "False")
    health = assess(placement(*conditions), Related())
    assert health.status is HealthStatus.PROGRESSING
    assert health.troubles[0].message == "It is so"


def test_conditions_of_an_older_generation_do_not_count() -> None:
    assert not assess(placement(*DONE, generation=3), Related()).is_ready


def test_what_failed_on_which_cluster_is_told() -> None:
    failed = {"kind": "Deployment", "name": "shop", "condition": {"message": "quota exceeded"}}
    statuses = [{"clusterName": "west", "failedPlacements": [failed]}]
    health = assess(placement(DONE[0], placementStatuses=statuses), Related())
    assert health.troubles[0].message == "west: Deployment shop: quota exceeded"


def parse(**values: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in values.items()}
    return inputs.parse({"manifests": "k8s", "resource-type": FLEET, **named}, RunContext())


def test_a_hub_is_a_hub_by_kubeconfig_too() -> None:
    assert parse().cluster.is_hub
    assert not inputs.parse({"manifests": "k8s"}, RunContext()).cluster.is_hub


@pytest.mark.parametrize(
    ("name", "value"), [("strategy", "canary"), ("strategy", "blue-green"), ("admin", "true")]
)
def test_what_a_hub_cannot_do_is_refused(name: str, value: str) -> None:
    with pytest.raises(InputError, match=f"`{name}`"):
        parse(**{name: value})


def since(minutes: int) -> Related:
    """What is known in a run that began so many minutes after the placement changed last."""
    return Related(since=CHANGED + dt.timedelta(minutes=minutes))


@pytest.mark.parametrize(("minutes", "seconds"), [(-1, 0.0), (5, HUB_SECONDS)])
def test_a_status_of_before_this_run_is_believed_when_the_hub_had_time_to_notice(
    minutes: int, seconds: float
) -> None:
    """A changed Deployment reaches the members later than its placement said that all is well."""
    document = placement(("Scheduled", "True"), ("Applied", "True"), ("Available", "True"))
    for each in document["status"]["conditions"]:
        each["lastTransitionTime"] = CHANGED.isoformat()
    assert seconds_to_prove(document, since(minutes)) == seconds
