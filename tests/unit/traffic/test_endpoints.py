"""Whether a Service's EndpointSlices list what traffic may go to, and nothing else."""

from typing import Any

import pytest

from aks_action.model.manifests import ObjectRef
from aks_action.model.traffic.endpoints import endpoints, is_ready, missing
from aks_action.model.traffic.steps import WaitEndpoints

SERVICE = ObjectRef(api_version="v1", kind="Service", name="web", namespace="shop")
GREEN, BLUE = {"color": "green"}, {"color": "None"}
PODS = [
    {"metadata": {"name": "green", "labels": {"app": "web", **GREEN}}},
    {"metadata": {"name": "blue", "labels": {"app": "web", **BLUE}}},
]


def listed(**ready: bool | None) -> list[dict[str, Any]]:
    """EndpointSlices with one endpoint for each pod, and whether it is ready."""
    return [
        {
            "endpoints": [
                {"targetRef": {"name": pod}, "conditions": {"ready": state}}
                for pod, state in ready.items()
            ]
        },
        {"endpoints": None},
    ]


@pytest.mark.parametrize(
    ("demand", "slices", "reason"),
    [
        ({"ready": GREEN}, listed(green=True, blue=True), ""),
        ({"ready": GREEN}, listed(green=None), ""),
        ({"ready": GREEN}, listed(green=False, blue=True), "no ready endpoint"),
        ({"ready": GREEN}, listed(), "no ready endpoint"),
        ({"only": GREEN}, listed(green=True, blue=False), "other pods: blue"),
        ({"only": GREEN}, listed(green=True, deleted=False), "other pods: deleted"),
        ({"only": GREEN}, listed(green=True), ""),
        ({"none": BLUE}, listed(green=True, blue=False), "to go: blue"),
        ({"none": BLUE}, listed(green=True), ""),
        ({}, listed(), ""),
    ],
)
def test_what_is_missing_is_named(
    demand: dict[str, Any], slices: list[dict[str, Any]], reason: str
) -> None:
    step = WaitEndpoints(service=SERVICE, **demand)
    found = missing(step, tuple(endpoints(slices, PODS)))
    assert reason in found
    assert bool(found) == bool(reason)


def test_a_pod_counts_as_ready_only_while_it_stays() -> None:
    pod: dict[str, Any] = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    assert is_ready({"metadata": {}, **pod})
    assert not is_ready({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, **pod})
    assert not is_ready({"metadata": {}})
