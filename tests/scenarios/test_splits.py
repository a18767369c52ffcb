"""SMI on a cluster without a mesh: nobody moves traffic, so the TrafficSplits are looked at."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from aks_action.clients.ports import Cluster
from demo.bed import Bed
from tests.scenarios.shop import Shop
from tests.scenarios.support import Step, a_namespace

DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "trafficsplits.split.smi-spec.io"},
    "spec": {
        "group": "split.smi-spec.io",
        "scope": "Namespaced",
        "names": {"kind": "TrafficSplit", "plural": "trafficsplits", "singular": "trafficsplit"},
        "versions": [
            {
                "name": "v1alpha2",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "x-kubernetes-preserve-unknown-fields": True,
                            }
                        },
                    }
                },
            }
        ],
    },
}
pytestmark = [
    pytest.mark.timeout(280),
    pytest.mark.usefixtures("definition"),
]

OF_A_MESH = "services,deployments,trafficsplits"


@pytest.fixture(name="definition")
def _definition(bed: Bed) -> Iterator[None]:
    """TrafficSplits, served while the test that needs them runs."""
    bed.kubectl("apply", "--filename=-", stdin=json.dumps(DEFINITION))
    name = f"customresourcedefinition/{DEFINITION['metadata']['name']}"  # type: ignore[index]
    bed.kubectl("wait", name, "--for=condition=Established", "--timeout=30s")
    yield
    bed.kubectl("delete", name, "--wait=false")


def test_splits_divide_and_switch(
    step: Step, bed: Bed, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    """In one test, since the definition of TrafficSplits is there for one at a time."""
    other, folder = f"{namespace}-b", tmp_path / "blue-green"
    folder.mkdir()
    canary = Shop(step=step, bed=bed, namespace=namespace, method="canary-smi", replicas=1)
    elsewhere = step.elsewhere(folder, namespace=other)
    blue_green = replace(canary, step=elsewhere, namespace=other, method="blue-green-smi", diary=[])
    with a_namespace(bed, cluster, other), ThreadPoolExecutor() as beside:
        switched = beside.submit(_splits_move_everything_at_once_in_blue_green, blue_green)
        _splits_give_a_canary_its_share(canary)
        switched.result()


def _splits_give_a_canary_its_share(canary: Shop) -> None:
    """Its share to the canary by a deploy, everything to the stable by promote and reject."""
    rollout = "web-workflow-rollout"
    canary.begin("v0")
    canary.succeed("deploy", "v1")
    assert weights(canary, rollout) == {"web-stable": 800, "web-baseline": 100, "web-canary": 100}
    assert len(canary.endpoints("web-stable")) == len(canary.endpoints("web-canary")) == 1
    canary.succeed("promote", "v1")
    assert weights(canary, rollout) == {"web-stable": 1000, "web-baseline": 0, "web-canary": 0}
    canary.succeed("deploy", "v2")
    canary.succeed("reject", "v2")
    assert weights(canary, rollout) == {"web-stable": 1000, "web-baseline": 0, "web-canary": 0}
    assert canary.names(OF_A_MESH) == {
        "Deployment/web", "Service/web", "Service/web-stable", f"TrafficSplit/{rollout}",
    }  # fmt: skip


def _splits_move_everything_at_once_in_blue_green(shop: Shop) -> None:
    """All to green by a deploy, all back by promote and reject."""
    shop.begin("v0")
    for action, version, green in (
        ("deploy", "v1", 100), ("promote", "v1", 0), ("deploy", "v2", 100), ("reject", "v2", 0),
    ):  # fmt: skip
        shop.succeed(action, version)
        found = weights(shop, "web-trafficsplit")
        assert found == {"web-stable": 100 - green, "web-green": green}
    assert shop.names(OF_A_MESH) == {
        "Deployment/web", "Service/web", "Service/web-stable", "TrafficSplit/web-trafficsplit",
    }  # fmt: skip


def weights(shop: Shop, name: str) -> dict[str, int]:
    backends = shop.get("trafficsplit", name)["spec"]["backends"]
    return {each["service"]: each["weight"] for each in backends}
