"""Who else is looked at in a deploy's namespaces, and what happens to who may not look."""

import pytest

from aks_action.errors import ApiError
from aks_action.model.manifests import ref_of
from aks_action.runtime.observing import neighbours
from tests.fakes.cluster import FakeCluster
from tests.unit.configuration.words import config_map, item, pod_spec, workload


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster("shop")


def test_readers_are_listed_once_for_each_kind_and_namespace(cluster: FakeCluster) -> None:
    cluster.put(workload())
    cluster.requests.clear()
    seen = neighbours.readers(cluster, ["shop"])
    assert [each["metadata"]["name"] for each in seen.documents] == ["web"]
    assert [each.verb for each in cluster.requests] == ["list"] * 4


def test_a_kind_that_may_not_be_listed_is_told_and_the_others_are_found(
    cluster: FakeCluster,
) -> None:
    cluster.put(workload())
    cluster.forbid("list", "StatefulSet", namespace="shop")
    seen = neighbours.readers(cluster, ["shop"])
    assert len(seen.documents) == 1
    (note,) = seen.notes
    assert note.startswith("StatefulSets in namespace shop may not be listed")


@pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"])
def test_a_version_that_a_workload_names_is_in_use(cluster: FakeCluster, kind: str) -> None:
    named, free = config_map("settings-1"), config_map("settings-2")
    cluster.put(workload(kind, reads="ConfigMap/settings-1"))
    found = neighbours.unused(cluster, [ref_of(named), ref_of(free)], ())
    assert [each.name for each in found] == ["settings-2"]


def test_a_pod_and_a_service_account_count_too(cluster: FakeCluster) -> None:
    cluster.put(item("Pod", "p", spec=pod_spec(env_from="Secret/settings-1")))
    cluster.put(item("ServiceAccount", "a", secrets=[{"name": "settings-2"}]))
    versions = [ref_of(item("Secret", f"settings-{n}")) for n in (1, 2, 3)]
    assert [each.name for each in neighbours.unused(cluster, versions, ())] == ["settings-3"]


def test_nothing_is_unused_where_a_kind_may_not_be_listed(cluster: FakeCluster) -> None:
    cluster.forbid("list", "CronJob", namespace="shop")
    with pytest.raises(ApiError):
        neighbours.unused(cluster, [ref_of(config_map("settings-1"))], ())
