"""Replicas under an autoscaler: who decides the number."""

from typing import Any

import pytest

from aks_action.errors import Source
from aks_action.model.applying.field_ownership import FIELD_MANAGER
from aks_action.model.manifests import Manifest, ManifestSet, ref_of
from aks_action.model.observed import Observed
from aks_action.model.scaling import leave_replicas


def manifest(document: dict[str, Any]) -> Manifest:
    return Manifest(document=document, source=Source(file="web.yml", line=1))


def deployment(replicas: int | None, *owners: tuple[str, str]) -> dict[str, Any]:
    spec = {} if replicas is None else {"replicas": replicas}
    managed = [
        {"manager": who, "operation": how, "fieldsV1": {"f:spec": {"f:replicas": {}}}}
        for who, how in owners
    ]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "prod", "managedFields": managed},
        "spec": {**spec, "paused": False},
    }


def autoscaler(namespace: str = "prod", api_version: str = "apps/v1") -> dict[str, Any]:
    target = {"apiVersion": api_version, "kind": "Deployment", "name": "web"}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web-hpa", "namespace": namespace},
        "spec": {"scaleTargetRef": target, "maxReplicas": 9},
    }


SCALED_OBJECT = {
    "apiVersion": "keda.sh/v1alpha1",
    "kind": "ScaledObject",
    "metadata": {"name": "web-keda", "namespace": "prod"},
    "spec": {"scaleTargetRef": {"name": "web"}},
}
HPA = ("kube-controller-manager", "Update")
OURS = (FIELD_MANAGER, "Apply")
KUBECTL = ("kubectl-client-side-apply", "Update")


def observed(*live: dict[str, Any]) -> Observed:
    return Observed(live={ref_of(each): each for each in live}, types={})


def replicas(manifests: ManifestSet) -> int | None:
    found = next(each for each in manifests if each.kind == "Deployment").document["spec"]
    value: int | None = found.get("replicas")
    return value


@pytest.mark.parametrize("scaler", [autoscaler(), SCALED_OBJECT], ids=["hpa", "keda"])
def test_replicas_that_the_autoscaler_owns_are_not_sent(scaler: dict[str, Any]) -> None:
    given = (manifest(deployment(1)), manifest(scaler))
    found, notes = leave_replicas(given, observed(deployment(7, HPA)))
    assert replicas(found) is None
    (note,) = notes
    assert note == (
        f"Deployment/prod/web: spec.replicas is left to {scaler['kind']} "
        f"{scaler['metadata']['name']} (now 7 instead of the manifest's 1)."
    )


def test_an_autoscaler_in_the_cluster_counts_as_one_in_the_manifests() -> None:
    found, _ = leave_replicas(
        (manifest(deployment(1)),), observed(deployment(7, HPA), autoscaler())
    )
    assert replicas(found) is None


@pytest.mark.parametrize("owner", [OURS, KUBECTL], ids=["ours", "kubectl's"])
@pytest.mark.parametrize("asked", [1, None])
def test_while_the_field_is_ours_the_live_number_is_sent(
    owner: tuple[str, str], asked: int | None
) -> None:
    given = (manifest(deployment(asked)), manifest(autoscaler()))
    found, _ = leave_replicas(given, observed(deployment(7, owner)))
    assert replicas(found) == 7


def test_a_workload_that_is_created_starts_with_the_manifests_number() -> None:
    given = (manifest(deployment(3)), manifest(autoscaler()))
    found, notes = leave_replicas(given, observed())
    assert (replicas(found), notes) == (3, [])


@pytest.mark.parametrize(
    "scaler", [autoscaler(namespace="test"), autoscaler(api_version="x.io/v1")]
)
def test_an_autoscaler_of_another_workload_changes_nothing(scaler: dict[str, Any]) -> None:
    given = (manifest(deployment(1)), manifest(scaler))
    found, notes = leave_replicas(given, observed(deployment(7, HPA)))
    assert (found, notes) == (given, [])


def test_a_workload_that_says_nothing_of_replicas_gets_no_note() -> None:
    given = (manifest(deployment(None)), manifest(autoscaler()))
    _, notes = leave_replicas(given, observed(deployment(7, HPA)))
    assert notes == []
