"""SMI TrafficSplits, with the names, the order of backends and the weights of k8s-deploy."""

from typing import Any

import pytest

from aks_action.model.resources import ResourceType, index
from aks_action.model.traffic.splits import canary_parts, served_version, traffic_split, weights_of

COPIES = {"stable": "web-stable", "baseline": "web-baseline", "canary": "web-canary"}
SERVICE = {"kind": "Service", "metadata": {"name": "web", "namespace": "shop"}}


@pytest.mark.parametrize(
    ("percentage", "stable", "each"), [(0, 1000, 0), (20, 800, 100), (50, 500, 250), (100, 0, 500)]
)
def test_canary_and_baseline_have_half_of_the_percentage_each(
    percentage: int, stable: int, each: int
) -> None:
    parts = canary_parts(percentage, **COPIES)
    assert [(part.service, part.share) for part in parts] == [
        ("web-stable", stable),
        ("web-baseline", each),
        ("web-canary", each),
    ]


def test_bug_14_and_3_a_split_is_in_its_services_namespace_and_has_the_annotations() -> None:
    document = traffic_split(
        "split.smi-spec.io/v1alpha2",
        SERVICE,
        "workflow-rollout",
        canary_parts(20, **COPIES),
        annotations={"team": "a"},
    )
    assert document == {
        "apiVersion": "split.smi-spec.io/v1alpha2",
        "kind": "TrafficSplit",
        "metadata": {
            "name": "web-workflow-rollout",
            "namespace": "shop",
            "annotations": {"team": "a"},
        },
        "spec": {
            "service": "web",
            "backends": [
                {"service": "web-stable", "weight": 800},
                {"service": "web-baseline", "weight": 100},
                {"service": "web-canary", "weight": 100},
            ],
        },
    }


def test_the_first_served_version_by_name_is_used() -> None:
    def served(version: str, kind: str = "TrafficSplit") -> ResourceType:
        return ResourceType(api_version=version, kind=kind, plural="x", namespaced=True)

    smi = "split.smi-spec.io"
    types = index([served(f"{smi}/v1alpha4"), served(f"{smi}/v1alpha2"), served("v1", "Service")])
    assert served_version(types) == "split.smi-spec.io/v1alpha2"
    assert served_version(index([served("v1", "Service")])) is None


@pytest.mark.parametrize(
    ("split", "found"),
    [
        (None, {}),
        ({"spec": {"backends": None}}, {}),
        ({"spec": {"backends": [{"service": "a", "weight": "1000m"}]}}, {"a": 1000}),
        (
            {"spec": {"backends": [{"service": "a", "weight": 5}, {"service": "b"}]}},
            {"a": 5, "b": 0},
        ),
    ],
)
def test_weights_are_read_from_every_version_of_a_split(split: Any, found: dict[str, int]) -> None:
    assert weights_of(split) == found
