"""The port `Cluster`: one behaviour, of the API server in memory and of a real one.

Every test has a namespace of its own. What only one of the two can do is marked so.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from aks_action.clients.kube.connection import connect
from aks_action.clients.ports import Cluster
from aks_action.errors import ApiError, AuthError, ManifestError
from aks_action.model.documents import get_in, set_in, without
from aks_action.model.manifests import ObjectRef, ref_of
from demo.bed import Bed, NoBed, find
from tests.contract.clusters import FakeWorld, RealWorld, World, unique_name
from tests.fakes.cluster import FakeCluster

Make = Callable[..., dict[str, Any]]


@pytest.fixture(name="world", params=["fake", "real"])
def _world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    if request.param == "fake":
        return FakeWorld()
    return RealWorld(kubeconfig(), tmp_path)


@pytest.fixture(name="cluster")
def _cluster(world: World) -> Cluster:
    return world.cluster


@pytest.fixture(name="namespace")
def _namespace(world: World) -> Iterator[str]:
    with world.namespace() as name:
        yield name


def kubeconfig() -> str:
    """The test bed's; without one a test is skipped, but in CI it fails."""
    if path := os.environ.get("KUBECONFIG"):
        return path
    why = "KUBECONFIG is not set: `make testbed` brings up an API server"
    if os.environ.get("CI") or os.environ.get("AKS_ACTION_REQUIRE_TESTBED"):
        pytest.fail(why)
    pytest.skip(why)


def config_map(namespace: str, name: str = "settings", **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def deployment(namespace: str, *, image: str = "web:1", **env: str) -> dict[str, Any]:
    variables = [{"name": name, "value": value} for name, value in env.items()]
    container = {"name": "web", "image": image, "env": variables}
    labels = {"app": "web"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def version_of(document: Any) -> str:
    return str(document["metadata"]["resourceVersion"])


def managers_of(document: Any) -> set[tuple[str, str]]:
    return {(each["manager"], each["operation"]) for each in document["metadata"]["managedFields"]}


def containers_of(document: Any) -> Any:
    return get_in(document, ("spec", "template", "spec", "containers"))


# Reading and applying


def test_what_was_applied_can_be_read(cluster: Cluster, namespace: str) -> None:
    """An apply creates the object and returns it as a get does."""
    document = config_map(namespace, a="1")
    assert cluster.get(ref_of(document)) is None
    applied = cluster.apply(document)
    assert cluster.get(ref_of(document)) == applied
    assert applied["data"] == {"a": "1"}
    assert applied["metadata"]["uid"]


def test_a_list_has_items_with_their_kind(cluster: Cluster, namespace: str) -> None:
    """Items of a list carry apiVersion and kind, which the API server leaves out."""
    for name in ("b", "a"):
        cluster.apply(config_map(namespace, name))
    listing = cluster.list("v1", "ConfigMap", namespace=namespace, field_selector="metadata.name=a")
    assert [ref_of(item) for item in listing.items] == [ref_of(config_map(namespace, "a"))]
    assert listing.resource_version


def test_a_list_takes_labels(cluster: Cluster, namespace: str) -> None:
    """A label selector leaves out what does not match."""
    labelled = set_in(config_map(namespace, "b"), ("metadata", "labels"), {"app": "web"})
    cluster.apply(config_map(namespace, "a"))
    cluster.apply(labelled)
    found = cluster.list("v1", "ConfigMap", namespace=namespace, label_selector="app in (web,x)")
    assert [item["metadata"]["name"] for item in found.items] == ["b"]


def test_a_list_of_many_is_complete(cluster: Cluster, namespace: str) -> None:
    """More objects than a page has are all there, once."""
    names = {f"many-{number:03}" for number in range(520)}
    for name in names:
        cluster.apply(config_map(namespace, name))
    items = cluster.list("v1", "ConfigMap", namespace=namespace).items
    found = [item["metadata"]["name"] for item in items if "many" in item["metadata"]["name"]]
    assert sorted(found) == sorted(names)


def test_a_dry_run_writes_nothing(cluster: Cluster, namespace: str) -> None:
    """A dry-run returns the object as it would be, and none is there."""
    document = config_map(namespace, a="1")
    assert cluster.apply(document, dry_run=True)["data"] == {"a": "1"}
    assert cluster.get(ref_of(document)) is None


def test_unchanged_is_seen_by_the_dry_run(cluster: Cluster, namespace: str) -> None:
    """A dry-run of what is there already returns the live object, bit for bit."""
    template = deployment(namespace, A="1", B="2")["spec"]["template"]
    bare = without(config_map(namespace), ("data",))  # a kind that no controller writes to
    document = {**bare, "kind": "PodTemplate", "template": template}
    cluster.apply(document)
    live = cluster.get(ref_of(document))
    assert cluster.apply(document, dry_run=True) == live
    assert cluster.apply(document) == live


def test_fields_that_leave_the_manifest_go_away(cluster: Cluster, namespace: str) -> None:
    """A second apply without a key, and without a list item, removes both."""
    cluster.apply(config_map(namespace, a="1", b="2"))
    assert cluster.apply(config_map(namespace, a="1"))["data"] == {"a": "1"}
    cluster.apply(deployment(namespace, A="1", B="2"))
    after = cluster.apply(deployment(namespace, B="2"))
    assert containers_of(after)[0]["env"] == [{"name": "B", "value": "2"}]


def test_an_empty_map_can_be_filled(cluster: Cluster, namespace: str) -> None:
    """What was owned as a whole is owned by its keys from then on, and stays."""
    cluster.apply(config_map(namespace))
    assert cluster.apply(config_map(namespace, a="1"))["data"] == {"a": "1"}


def test_secrets_come_back_encoded(cluster: Cluster, namespace: str) -> None:
    """StringData is stored as data."""
    secret = {**without(config_map(namespace), ("data",)), "kind": "Secret"}
    applied = cluster.apply({**secret, "stringData": {"password": "hush"}})
    assert applied["data"] == {"password": "aHVzaA=="}


def test_a_name_is_made_from_a_prefix(cluster: Cluster, namespace: str) -> None:
    """`create` makes a new object each time; its dry-run makes none."""
    document = config_map(namespace)
    nameless = {**document, "metadata": {"generateName": "job-", "namespace": namespace}}
    cluster.create(nameless, dry_run=True)
    names = {cluster.create(nameless)["metadata"]["name"] for _ in range(2)}
    listed = cluster.list("v1", "ConfigMap", namespace=namespace).items
    assert len(names) == 2
    assert {each["metadata"]["name"] for each in listed} - {"kube-root-ca.crt"} == names


def test_a_merge_patch_changes_what_it_names(cluster: Cluster, namespace: str) -> None:
    """Keys are merged, and null removes one."""
    cluster.apply(config_map(namespace, a="1", b="2"))
    patched = cluster.patch(ref_of(config_map(namespace)), {"data": {"b": None, "c": "3"}})
    assert patched["data"] == {"a": "1", "c": "3"}


# Field owners


def test_a_merge_patch_owns_what_it_changes(cluster: Cluster, namespace: str) -> None:
    """Under our name, in an entry beside that of our applies."""
    document = config_map(namespace, a="1", b="1")
    cluster.apply(document)
    patched = cluster.patch(ref_of(document), {"data": {"a": "2", "b": "1"}})
    owned = {
        (each["manager"], each["operation"]): sorted(each["fieldsV1"]["f:data"])
        for each in patched["metadata"]["managedFields"]
    }
    assert owned["aks-action", "Update"] == ["f:a"]
    assert "f:b" in owned["aks-action", "Apply"]


def test_a_field_of_another_manager_is_taken(
    world: World, cluster: Cluster, namespace: str
) -> None:
    """A forced apply overwrites another's value; what it does not name stays."""
    world.apply_as("other", config_map(namespace, a="theirs", b="2"))
    applied = cluster.apply(config_map(namespace, a="ours"))
    assert applied["data"] == {"a": "ours", "b": "2"}
    owned = {
        each["manager"]: set(each["fieldsV1"]["f:data"])
        for each in applied["metadata"]["managedFields"]
    }
    assert owned == {"aks-action": {"f:a"}, "other": {"f:b"}}


def test_a_field_is_given_up_to_who_shares_it(
    world: World, cluster: Cluster, namespace: str
) -> None:
    """A key that two managers apply stays when one of them no longer names it."""
    cluster.apply(config_map(namespace, a="1", b="2"))
    world.apply_as("other", config_map(namespace, b="2"))
    assert cluster.apply(config_map(namespace, a="1"))["data"] == {"a": "1", "b": "2"}


def test_kubectls_fields_are_taken_over(world: World, cluster: Cluster, namespace: str) -> None:
    """After the owners were rewritten, a field of kubectl's apply goes away like ours."""
    world.kubectl_apply(config_map(namespace, a="1", b="2"))
    ref = ref_of(config_map(namespace))
    live = cluster.get(ref)
    assert live is not None
    assert managers_of(live) == {("kubectl-client-side-apply", "Update")}
    ours = [
        {**each, "manager": "aks-action", "operation": "Apply"}
        for each in live["metadata"]["managedFields"]
    ]
    cluster.set_field_owners(ref, ours, resource_version=version_of(live))
    assert cluster.apply(config_map(namespace, a="1"))["data"] == {"a": "1"}


def test_owners_are_set_only_on_what_was_seen(cluster: Cluster, namespace: str) -> None:
    """Rewriting the owners of an object that changed meanwhile is a conflict."""
    seen = cluster.apply(config_map(namespace, a="1"))
    cluster.apply(config_map(namespace, a="2"))
    with pytest.raises(ApiError) as caught:
        cluster.set_field_owners(
            ref_of(seen), seen["metadata"]["managedFields"], resource_version=version_of(seen)
        )
    assert caught.value.status == 409


# What is refused


def test_an_immutable_field_is_named(cluster: Cluster, namespace: str) -> None:
    """422 with a cause that names the field and says immutable, without the value."""
    document = deployment(namespace)
    cluster.apply(document)
    other = {"app": "other"}
    moved = set_in(document, ("spec", "selector", "matchLabels"), other)
    moved = set_in(moved, ("spec", "template", "metadata", "labels"), other)
    with pytest.raises(
        ApiError, match=r"web is not valid: spec\.selector: field is immutable"
    ) as e:
        cluster.apply(moved, dry_run=True)
    assert (e.value.status, e.value.exit_code) == (422, ManifestError.exit_code)
    assert [(cause.field, "immutable" in cause.message) for cause in e.value.causes] == [
        ("spec.selector", True)
    ]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (("spec", "replicass"), r"\.spec\.replicass: field not declared in schema"),
        (("specs",), r"\.specs: field not declared in schema"),
    ],
)
def test_an_unknown_field_is_the_manifests_error(
    cluster: Cluster, namespace: str, path: tuple[str, ...], told: str
) -> None:
    """The server's 500 is told as an error of the manifest, at once."""
    begun = time.monotonic()
    with pytest.raises(ApiError, match=told) as caught:
        cluster.apply(set_in(deployment(namespace), path, 1))
    assert caught.value.exit_code == ManifestError.exit_code
    assert time.monotonic() - begun < 0.4, "it was tried again"


def test_a_doubled_list_key_is_the_manifests_error(cluster: Cluster, namespace: str) -> None:
    """Two variables of one name are refused with the path and the key."""
    document = deployment(namespace, A="1")
    containers_of(document)[0]["env"] *= 2
    with pytest.raises(ApiError, match=r'env: duplicate entries for key \[name="A"\]') as caught:
        cluster.apply(document)
    assert caught.value.exit_code == ManifestError.exit_code


def test_a_missing_namespace_is_named(cluster: Cluster) -> None:
    """404, and the sentence says which namespace is missing."""
    with pytest.raises(ApiError, match="the namespace nowhere-at-all does not exist") as caught:
        cluster.apply(config_map("nowhere-at-all"), dry_run=True)
    assert caught.value.status == 404


def test_a_missing_permission_is_named(world: World, namespace: str) -> None:
    """403 names who, the verb, the resource and the namespace; it is an access error."""
    told = f"may not patch configmaps in namespace {namespace} on https://"
    with world.reader(namespace) as cluster, pytest.raises(ApiError, match=told) as caught:
        cluster.apply(config_map(namespace))
    assert (caught.value.status, caught.value.exit_code) == (403, AuthError.exit_code)


def test_a_kind_that_is_not_served_is_an_error_of_the_manifest(cluster: Cluster) -> None:
    """No request is made for a kind that discovery does not know."""
    with pytest.raises(ManifestError, match=r"does not serve Rocket \(space\.test/v1\)"):
        cluster.get(ObjectRef(api_version="space.test/v1", kind="Rocket", name="a"))


# Deleting


def test_delete_takes_the_uid_it_was_given(cluster: Cluster, namespace: str) -> None:
    """Another object of the same name is left alone; an absent one is fine."""
    document = config_map(namespace)
    ref = ref_of(document)
    uid = cluster.apply(document)["metadata"]["uid"]
    assert not cluster.delete(ref, uid="11111111-1111-1111-1111-111111111111")
    assert cluster.get(ref) is not None
    assert cluster.delete(ref, uid=uid)
    assert cluster.get(ref) is None
    assert cluster.delete(ref, uid=uid)
    assert cluster.delete(ref)


def test_a_delete_does_not_tell_that_what_a_finalizer_keeps_is_gone(real_world: World) -> None:
    cluster = real_world.cluster
    with real_world.namespace() as namespace:
        document = set_in(config_map(namespace), ("metadata", "finalizers"), ["example.com/wait"])
        cluster.apply(document)
        assert not cluster.delete(ref_of(document))
        cluster.patch(ref_of(document), {"metadata": {"finalizers": None}})
        assert cluster.get(ref_of(document)) is None


def test_a_workload_is_gone_when_its_delete_is_answered(cluster: Cluster, namespace: str) -> None:
    """Its pods follow. So nothing has to be asked again."""
    document = deployment(namespace)
    cluster.apply(document)
    assert cluster.delete(ref_of(document))
    assert cluster.get(ref_of(document)) is None


# Watching


@contextmanager
def watched(cluster: Cluster, namespace: str, since: str, seconds: int = 20) -> Iterator[Any]:
    with cluster.watch(
        "v1",
        "ConfigMap",
        namespace=namespace,
        resource_version=since,
        timeout_seconds=seconds,
        field_selector="metadata.name=settings",
    ) as events:
        yield (each for each in events if each.type != "BOOKMARK")


def test_a_watch_sees_what_changes(cluster: Cluster, namespace: str) -> None:
    """ADDED, MODIFIED and DELETED arrive in order, with the objects; others do not."""
    since = cluster.list("v1", "ConfigMap", namespace=namespace).resource_version
    with watched(cluster, namespace, since) as events:
        cluster.apply(config_map(namespace, "another"))
        cluster.apply(config_map(namespace, a="1"))
        cluster.apply(config_map(namespace, a="2"))
        cluster.delete(ref_of(config_map(namespace)))
        seen = [next(events) for _ in range(3)]
    assert [each.type for each in seen] == ["ADDED", "MODIFIED", "DELETED"]
    assert [each.object["data"] for each in seen] == [{"a": "1"}, {"a": "2"}, {"a": "2"}]
    assert {ref_of(each.object) for each in seen} == {ref_of(config_map(namespace))}


def test_a_watch_is_taken_up_again(cluster: Cluster, namespace: str) -> None:
    """From the last version seen, what happened in between is told, and nothing twice."""
    first = cluster.apply(config_map(namespace, a="1"))
    cluster.apply(config_map(namespace, a="2"))
    with watched(cluster, namespace, version_of(first)) as events:
        assert next(events).object["data"] == {"a": "2"}


def test_a_watch_ends_in_time(cluster: Cluster, namespace: str) -> None:
    """After its seconds a watch ends without an error."""
    since = cluster.list("v1", "ConfigMap", namespace=namespace).resource_version
    with watched(cluster, namespace, since, seconds=1) as events:
        assert list(events) == []


def test_a_watch_ends_when_another_thread_leaves_it(cluster: Cluster, namespace: str) -> None:
    """Leaving wakes the thread that waits for the next change, at once."""
    since = cluster.list("v1", "ConfigMap", namespace=namespace).resource_version
    watch = cluster.watch(
        "v1", "ConfigMap", namespace=namespace, resource_version=since, timeout_seconds=60
    )
    events = watch.__enter__()
    cluster.apply(config_map(namespace))
    assert next(each for each in events if each.type == "ADDED")
    rest: list[Any] = []
    reader = threading.Thread(target=lambda: rest.extend(events))
    reader.start()
    watch.__exit__(None, None, None)
    reader.join(timeout=5)
    assert not reader.is_alive()
    assert rest == []


def test_an_outdated_version_cannot_be_watched() -> None:
    """410 from the fake; the wire tests show what a real server's 410 becomes."""
    fake = FakeCluster("prod")
    since = fake.list("v1", "ConfigMap", namespace="prod").resource_version
    fake.forget_history()
    with pytest.raises(ApiError) as caught, watched(fake, "prod", since) as events:
        next(events)
    assert caught.value.status == 410


# Logs, discovery


def test_there_is_no_log_of_a_pod_that_is_not_there(cluster: Cluster, namespace: str) -> None:
    """An absent log is empty, not an error."""
    pod = ObjectRef(api_version="v1", kind="Pod", name="gone", namespace=namespace)
    assert cluster.logs(pod, container="web", previous=True) == ""


def test_a_log_is_its_last_lines() -> None:
    """The last lines of a container that ran, from a real kubelet; no previous one, no log."""
    bed = a_bed()
    namespace = unique_name()
    bed.ready_namespace(namespace)
    cluster = connect(str(bed.kubeconfig))
    try:
        pod = log_pod(namespace, bed.publish(bed.busybox, "contract/busybox:1"))
        ref = ref_of(pod)
        cluster.apply(pod)
        _until(lambda: get_in(cluster.get(ref), ("status", "phase")) == "Succeeded", 40)
        assert cluster.logs(ref, container="c", tail_lines=2) == "two\nthree"
        assert cluster.logs(ref, container="c", previous=True) == ""
        followed = lines_of(cluster, ref)
        assert [text for _, text in followed] == ["one", "two", "three"]
        since = followed[1][0]
        assert lines_of(cluster, ref, since)[-2:] == followed[-2:]
    finally:
        bed.kubectl("delete", "namespace", namespace, "--wait=false")


def lines_of(cluster: Cluster, ref: ObjectRef, since: str = "") -> list[tuple[str, str]]:
    """Time and text of each line of a log that is followed to its end."""
    with cluster.follow_log(ref, container="c", since=since) as lines:
        parts = [each.partition(" ") for each in lines]
    return [(time, text) for time, _, text in parts]


def a_bed() -> Bed:
    kubeconfig()
    try:
        return find(os.environ)
    except NoBed as reason:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(reason))


def test_the_fakes_log_is_its_last_lines() -> None:
    """As above, of the fake."""
    fake = FakeCluster("prod")
    fake.pod_logs["prod", "log", "c", False] = "one\ntwo\nthree\n"
    ref = ref_of(log_pod("prod", "busybox"))
    assert fake.logs(ref, container="c", tail_lines=2) == "two\nthree\n"
    assert fake.logs(ref, container="c", previous=True) == ""
    followed = lines_of(fake, ref)
    assert [text for _, text in followed] == ["one", "two", "three"]
    assert lines_of(fake, ref, followed[1][0]) == followed[1:]


def log_pod(namespace: str, image: str) -> dict[str, Any]:
    script = "echo one; echo two; printf three"
    container = {"name": "c", "image": image, "command": ["/bin/busybox", "sh", "-c", script]}
    metadata = {"name": "log", "namespace": namespace}
    spec = {"restartPolicy": "Never", "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def test_discovery_knows_scope_and_plural(cluster: Cluster) -> None:
    """Kinds of the core group, of others, and of the whole cluster have their paths."""
    types = cluster.types()
    deployments = types["apps/v1", "Deployment"]
    assert deployments.path(namespace="a", name="b") == "/apis/apps/v1/namespaces/a/deployments/b"
    assert types["v1", "ConfigMap"].path(namespace="a") == "/api/v1/namespaces/a/configmaps"
    assert not types["v1", "Namespace"].namespaced
    assert types["v1", "Pod"].plural == "pods"


def test_a_new_definition_is_served_after_a_refresh(world: World, cluster: Cluster) -> None:
    """A CRD's kind is not known before; after `types(refresh=True)` its objects can be made."""
    group = f"{unique_name()}.test"
    cluster.types()
    definition = crd(group)
    with world.removed_afterwards(definition):
        cluster.apply(definition)
        wanted = (f"{group}/v1", "Rocket")
        _until(lambda: wanted in cluster.types(refresh=True), 15)
        with world.namespace() as namespace:
            metadata = {"name": "r", "namespace": namespace}
            rocket = {"apiVersion": wanted[0], "kind": wanted[1], "metadata": metadata}

            def served() -> bool:
                with suppress(ApiError):
                    cluster.apply({**rocket, "spec": {"fuel": 1}})
                return cluster.get(ref_of(rocket)) is not None

            _until(served, 15)


def crd(group: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "fuel": {"type": "integer"}}}}}  # fmt: skip
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"rockets.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": "Rocket", "plural": "rockets", "singular": "rocket"},
            "versions": [version],
        },
    }


def _until(done: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.1)
