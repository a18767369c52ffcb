"""What is read of the cluster, and by how many requests."""

from typing import Any

import pytest

from aks_action.errors import AuthError, RolloutFailed, Source
from aks_action.model.documents import set_in
from aks_action.model.manifests import Manifest, ref_of
from aks_action.model.observed import Observed
from aks_action.model.resources import ResourceType
from aks_action.runtime.executing.namespace_annotation import check_stay, read, write
from aks_action.runtime.observing import observe
from tests.fakes.cluster import FakeCluster
from tests.unit.runtime.test_checking import CRD, NAMESPACE, TOY, config_map, deployment

SCALED_OBJECTS = ResourceType(
    api_version="keda.sh/v1alpha1", kind="ScaledObject", plural="scaledobjects", namespaced=True
)
HPA = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "web", "namespace": "prod"},
    "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}},
}


def manifests(*documents: dict[str, Any]) -> tuple[Manifest, ...]:
    return tuple(
        Manifest(document=each, source=Source(file="all.yml", line=n))
        for n, each in enumerate(documents, start=1)
    )


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster("prod", "test", extra_types=[SCALED_OBJECTS])


def seen(cluster: FakeCluster, given: tuple[Manifest, ...], namespace: str) -> Observed:
    _, observed = observe(cluster, given, namespace)
    return observed


def lists(cluster: FakeCluster) -> list[tuple[str, str]]:
    return sorted((r.ref.kind, r.ref.namespace) for r in cluster.requests if r.verb == "list")


def test_one_list_per_kind_and_namespace(cluster: FakeCluster) -> None:
    documents = [config_map(f"c{n}") for n in range(9)]
    documents += [config_map(namespace="test"), set_in(NAMESPACE, ("metadata", "name"), "prod")]
    for each in documents:
        cluster.apply(each)
    cluster.requests.clear()
    observed = seen(cluster, manifests(*documents), "")
    assert set(observed.live) == {ref_of(each) for each in documents}
    assert lists(cluster) == [("ConfigMap", "prod"), ("ConfigMap", "test"), ("Namespace", "")]
    assert {r.verb for r in cluster.requests} == {"types", "list"}


def test_only_the_manifests_own_objects_are_kept(cluster: FakeCluster) -> None:
    cluster.apply(config_map("mine"))
    cluster.apply(config_map("other"))
    observed = seen(cluster, manifests(config_map("mine")), "")
    assert [ref.name for ref in observed.live] == ["mine"]


def test_autoscalers_are_read_where_something_can_be_scaled(cluster: FakeCluster) -> None:
    cluster.put(HPA)
    observed = seen(cluster, manifests(deployment(), config_map(namespace="test")), "")
    assert ref_of(HPA) in observed.live
    assert ("HorizontalPodAutoscaler", "prod") in lists(cluster)
    assert ("ScaledObject", "prod") in lists(cluster)
    assert ("HorizontalPodAutoscaler", "test") not in lists(cluster)


def test_autoscalers_that_may_not_be_read_are_done_without(cluster: FakeCluster) -> None:
    cluster.forbid("list", "HorizontalPodAutoscaler")
    observed = seen(cluster, manifests(deployment()), "")
    assert observed.live == {}


def test_a_kind_that_the_run_defines_is_known_and_not_asked_for(cluster: FakeCluster) -> None:
    observed = seen(cluster, manifests(CRD, TOY), "")
    assert ("example.com/v1", "Toy") in observed.types
    assert lists(cluster) == [("CustomResourceDefinition", "")]


def test_who_may_not_list_gets_the_objects_one_by_one(cluster: FakeCluster) -> None:
    cluster.apply(config_map("there"))
    cluster.forbid("list", "ConfigMap")
    observed = seen(cluster, manifests(config_map("there"), config_map("absent")), "")
    assert [ref.name for ref in observed.live] == ["there"]


def test_every_object_that_may_not_be_read_is_named(cluster: FakeCluster) -> None:
    cluster.forbid("list", "ConfigMap")
    cluster.forbid("get", "ConfigMap")
    with pytest.raises(AuthError, match="ci may not get configmaps") as caught:
        observe(cluster, manifests(config_map("a"), config_map("b")), "")
    assert [str(each.source) for each in caught.value.problems] == ["all.yml:1", "all.yml:2"]


def test_a_namespace_that_an_object_cannot_have_is_told(cluster: FakeCluster) -> None:
    notes: list[str] = []
    given = manifests(set_in(CRD, ("metadata", "namespace"), "prod"))
    (placed,), _ = observe(cluster, given, "", tell=notes.append)
    assert placed.ref.namespace == ""
    assert ["toys.example.com" in note for note in notes] == [True]


def test_secrets_come_back_without_string_data(cluster: FakeCluster) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "prod"}}
    (placed,), _ = observe(cluster, manifests({**secret, "stringData": {"a": "b"}}), "")
    assert placed.document["data"] == {"a": "Yg=="}


def test_the_namespace_is_annotated_by_one_patch_and_read_by_one_list(
    cluster: FakeCluster,
) -> None:
    told: list[str] = []
    write(cluster, "prod", '{"commit":"abc"}', told.append)
    assert cluster.writes == [cluster.requests[-1]]
    found = read(cluster, "prod", told.append)
    assert found is not None
    assert found["metadata"]["annotations"] == {"actions.github.com/k8s-deploy": '{"commit":"abc"}'}
    assert read(cluster, "nowhere", told.append) is None
    assert told == []


def test_who_may_read_the_namespace_only_from_inside_reads_it_by_name(cluster: FakeCluster) -> None:
    """A role of the namespace allows a GET of the Namespace, and no LIST."""
    told: list[str] = []
    write(cluster, "prod", '{"commit":"abc"}', told.append)
    cluster.forbid("list", "Namespace")
    found = read(cluster, "prod", told.append)
    assert found is not None
    assert found["metadata"]["name"] == "prod"
    assert told == []


def test_a_namespace_that_may_not_be_read_or_annotated_only_is_told(cluster: FakeCluster) -> None:
    cluster.forbid("list", "Namespace")
    cluster.forbid("get", "Namespace")
    cluster.forbid("patch", "Namespace")
    told: list[str] = []
    assert read(cluster, "prod", told.append) is None
    write(cluster, "prod", "{}", told.append)
    assert ["namespaces" in line for line in told] == [True, True]


def test_what_was_written_into_a_namespace_that_goes_or_is_gone_has_failed(
    cluster: FakeCluster,
) -> None:
    """One that says that it stays is not asked for, and one that may not be read is believed."""
    going = {**NAMESPACE, "metadata": {"name": "prod", "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    check_stay(cluster, ["prod", "test"], [])
    cluster.put(going)
    with pytest.raises(RolloutFailed) as caught:
        check_stay(cluster, ["prod", "test", "absent"], [])
    assert [str(each).partition(",")[0] for each in caught.value.problems] == [
        "Namespace absent is gone", "Namespace prod is being deleted",
    ]  # fmt: skip
    with pytest.raises(RolloutFailed, match="prod is being deleted"):
        check_stay(cluster, [], [going])
    cluster.requests.clear()
    check_stay(cluster, ["prod"], [NAMESPACE | {"metadata": {"name": "prod"}}])
    assert not cluster.requests
    cluster.forbid("get", "Namespace")
    check_stay(cluster, ["prod"], [])
