"""What is needed comes first, in few levels, and nothing is lost on the way."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aks_action.errors import Source
from aks_action.model.manifests import Manifest
from aks_action.model.ordering import Ordered, stages
from aks_action.model.ordering.graphs import Graph
from aks_action.model.ordering.kind_order import rank
from aks_action.model.ordering.needs import needs

Build = Callable[..., Manifest]
API = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "Role": "rbac.authorization.k8s.io/v1",
    "RoleBinding": "rbac.authorization.k8s.io/v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
    "StorageClass": "storage.k8s.io/v1",
    "PriorityClass": "scheduling.k8s.io/v1",
    "RuntimeClass": "node.k8s.io/v1",
    "Ingress": "networking.k8s.io/v1",
    "IngressClass": "networking.k8s.io/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "Gateway": "gateway.networking.k8s.io/v1",
    "GatewayClass": "gateway.networking.k8s.io/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "ScaledObject": "keda.sh/v1alpha1",
    "TriggerAuthentication": "keda.sh/v1alpha1",
    "APIService": "apiregistration.k8s.io/v1",
    "MutatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
    "Widget": "acme.example/v1",
}
CLUSTER_SCOPED = {
    "Namespace",
    "CustomResourceDefinition",
    "StorageClass",
    "PriorityClass",
    "RuntimeClass",
    "IngressClass",
    "GatewayClass",
    "APIService",
    "MutatingWebhookConfiguration",
    "PersistentVolume",
}


def make(kind: str, name: str = "x", *, namespace: str = "ns", **rest: Any) -> Manifest:
    metadata: dict[str, Any] = {"name": name, **rest.pop("metadata", {})}
    if kind not in CLUSTER_SCOPED:
        metadata["namespace"] = namespace
    document = {"apiVersion": API.get(kind, "v1"), "kind": kind, "metadata": metadata, **rest}
    return Manifest(document=document, source=Source(file="a.yml"))


def workload(
    kind: str = "Deployment", name: str = "web", *, labels: Any = None, **spec: Any
) -> Manifest:
    spec.setdefault("containers", [{"name": "c", "image": "i"}])
    template = {"metadata": {"labels": labels or {"app": name}}, "spec": spec}
    return make(kind, name, spec={"template": template})


def levels(*manifests: Manifest) -> list[list[str]]:
    return [[str(each.ref) for each in level.manifests] for level in stages(manifests).levels]


def service(name: str = "x", **selector: str) -> Manifest:
    return make("Service", name, spec={"selector": selector})


def container(**fields: Any) -> list[dict[str, Any]]:
    return [{"name": "c", "image": "i", **fields}]


BACKEND = {"paths": [{"backend": {"service": {"name": "x"}}}]}
SUBJECT = {"kind": "ServiceAccount", "name": "sa", "namespace": "ns"}

PAIRS: dict[str, tuple[Manifest, Manifest]] = {
    "a Namespace before its objects": (make("Namespace", "ns"), make("ConfigMap")),
    "a definition before its objects": (
        make(
            "CustomResourceDefinition", spec={"group": "acme.example", "names": {"kind": "Widget"}}
        ),
        make("Widget"),
    ),
    "a ConfigMap before its volume": (
        make("ConfigMap"),
        workload(volumes=[{"name": "v", "configMap": {"name": "x"}}]),
    ),
    "a ConfigMap before env": (
        make("ConfigMap"),
        workload(containers=container(env=[{"valueFrom": {"configMapKeyRef": {"name": "x"}}}])),
    ),
    "an optional ConfigMap too": (
        make("ConfigMap"),
        workload(containers=container(envFrom=[{"configMapRef": {"name": "x", "optional": True}}])),
    ),
    "a Secret before envFrom of an init container": (
        make("Secret"),
        workload(initContainers=container(envFrom=[{"secretRef": {"name": "x"}}])),
    ),
    "a Secret before its volume": (
        make("Secret"),
        workload(volumes=[{"name": "v", "secret": {"secretName": "x"}}]),
    ),
    "a projected Secret": (
        make("Secret"),
        workload(volumes=[{"name": "v", "projected": {"sources": [{"secret": {"name": "x"}}]}}]),
    ),
    "a pull secret": (make("Secret"), workload(imagePullSecrets=[{"name": "x"}])),
    "a claim before the pod": (
        make("PersistentVolumeClaim"),
        workload(volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "x"}}]),
    ),
    "a StorageClass before the claim": (
        make("StorageClass"),
        make("PersistentVolumeClaim", spec={"storageClassName": "x"}),
    ),
    "a ServiceAccount before the pod": (
        make("ServiceAccount", "sa"),
        workload(serviceAccountName="sa"),
    ),
    "a PriorityClass before the pod": (make("PriorityClass"), workload(priorityClassName="x")),
    "a RuntimeClass before the pod": (make("RuntimeClass"), workload(runtimeClassName="x")),
    "a Role before its binding": (
        make("Role"),
        make(
            "RoleBinding",
            roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "x"},
        ),
    ),
    "a ServiceAccount before its binding": (
        make("ServiceAccount", "sa"),
        make("RoleBinding", subjects=[SUBJECT]),
    ),
    "a binding before the pod of its account": (
        make("RoleBinding", subjects=[SUBJECT]),
        workload(serviceAccountName="sa"),
    ),
    "a binding of the default account": (
        make("RoleBinding", subjects=[{**SUBJECT, "name": "default"}]),
        workload(),
    ),
    "a Service before the pods that it selects": (service(app="web"), workload()),
    "a quota before pods": (make("ResourceQuota"), workload()),
    "a policy before pods": (make("NetworkPolicy"), workload()),
    "a Service before its Ingress": (
        make("Service"),
        make("Ingress", "i", spec={"rules": [{"http": BACKEND}]}),
    ),
    "an IngressClass before its Ingress": (
        make("IngressClass"),
        make("Ingress", "i", spec={"ingressClassName": "x"}),
    ),
    "a GatewayClass before its Gateway": (
        make("GatewayClass"),
        make("Gateway", "g", spec={"gatewayClassName": "x"}),
    ),
    "a Gateway before its route": (
        make("Gateway", "g"),
        make("HTTPRoute", spec={"parentRefs": [{"name": "g"}]}),
    ),
    "a Service before its route": (
        make("Service"),
        make("HTTPRoute", spec={"rules": [{"backendRefs": [{"name": "x", "kind": "Service"}]}]}),
    ),
    "a target before its autoscaler": (
        workload(),
        make(
            "HorizontalPodAutoscaler",
            spec={"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
        ),
    ),
    "a target before its ScaledObject": (
        workload(),
        make("ScaledObject", spec={"scaleTargetRef": {"name": "web"}}),
    ),
    "an authentication before its ScaledObject": (
        make("TriggerAuthentication", "t"),
        make("ScaledObject", spec={"triggers": [{"authenticationRef": {"name": "t"}}]}),
    ),
    "webhooks after everything": (make("ConfigMap"), make("MutatingWebhookConfiguration")),
    "an APIService after its Service": (
        make("Service"),
        make("APIService", "v1.a", spec={"service": {"name": "x", "namespace": "ns"}}),
    ),
    "a ServiceAccount before its token": (
        make("ServiceAccount", "sa", secrets=[{"name": "x"}]),
        make("Secret", metadata={"annotations": {"kubernetes.io/service-account.name": "sa"}}),
    ),
    "a config before a custom workload": (
        make("ConfigMap"),
        make(
            "Widget",
            spec={"pod": {"containers": container(envFrom=[{"configMapRef": {"name": "x"}}])}},
        ),
    ),
}


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_what_is_needed_comes_first(pair: tuple[Manifest, Manifest]) -> None:
    """In whatever order the two were given."""
    first, second = ([str(each.ref)] for each in pair)
    assert levels(*pair) == levels(*reversed(pair)) == [first, second]


@pytest.mark.parametrize(
    "pair",
    [
        (make("ConfigMap", namespace="other"), PAIRS["a ConfigMap before its volume"][1]),
        (service(app="web", tier="db"), workload()),
        (service(), workload()),
        (make("Service", spec={"selector": None}), workload()),
        (make("ResourceQuota", namespace="other"), workload()),
        (make("ServiceAccount", "sa"), workload()),
        (make("Widget", "web"), PAIRS["a target before its autoscaler"][1]),
    ],
)
def test_what_does_not_need_each_other_shares_a_level(pair: tuple[Manifest, Manifest]) -> None:
    assert len(levels(*pair)) == 1


def test_an_api_service_comes_after_the_pods_behind_its_service() -> None:
    api = make("APIService", "v1.a", spec={"service": {"name": "x", "namespace": "ns"}})
    assert levels(api, workload(), service(app="web")) == [
        ["Service/ns/x"],
        ["Deployment/ns/web"],
        ["APIService/v1.a"],
    ]


def test_a_level_is_begun_in_the_order_of_kinds_then_as_given() -> None:
    given = [
        make("Ingress"),
        make("Widget"),
        make("ConfigMap", "b"),
        make("Job"),
        make("Secret"),
        make("ConfigMap", "a"),
    ]
    assert levels(*given) == [
        [
            "Secret/ns/x",
            "ConfigMap/ns/b",
            "ConfigMap/ns/a",
            "Job/ns/x",
            "Widget/ns/x",
            "Ingress/ns/x",
        ]
    ]


def test_only_what_a_later_level_needs_is_awaited() -> None:
    definition, widget = PAIRS["a definition before its objects"]
    unused = make("CustomResourceDefinition", "unused", spec={"group": "a", "names": {"kind": "B"}})
    namespace = make("Namespace", "ns")
    first, *later = stages((unused, widget, definition, namespace, make("StorageClass"))).levels
    assert first.awaited == (namespace, definition)
    assert first.barrier
    assert not any(level.barrier for level in later)


def test_a_circle_falls_back_to_the_order_of_kinds_and_says_so() -> None:
    claims = [
        make(
            "PersistentVolumeClaim",
            name,
            spec={"dataSource": {"kind": "PersistentVolumeClaim", "name": other}},
        )
        for name, other in ("ab", "bc", "ca")
    ]
    user = workload(volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "b"}}])
    result = stages((user, *claims))
    assert [[each.ref.name for each in level.manifests] for level in result.levels] == [
        ["a", "b", "c"],
        ["web"],
    ]
    assert result.notes == (
        (
            "These objects need each other, so they are applied in the order of their kinds: "
            "PersistentVolumeClaim/ns/a, PersistentVolumeClaim/ns/b, PersistentVolumeClaim/ns/c."
        ),
    )


def test_a_circle_of_several_kinds_is_put_in_their_order() -> None:
    volume = make(
        "PersistentVolumeClaim", "a", spec={"dataSourceRef": {"kind": "Deployment", "name": "web"}}
    )
    user = workload(volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "a"}}])
    result = stages((user, volume))
    assert len(result.notes) == 1
    assert [level.manifests for level in result.levels] == [(volume,), (user,)]


def test_nothing_to_order_has_no_levels() -> None:
    assert stages(()) == Ordered(levels=())


def test_malformed_objects_do_not_break_the_order() -> None:
    """What is wrong with them is for the API server to say."""
    odd = [
        make("CustomResourceDefinition", spec=[]),
        make("Service", spec={"selector": ["x"]}),
        make("RoleBinding", subjects={"a": 1}, roleRef="x"),
        make("Deployment", spec={"template": {"spec": {"volumes": "x", "containers": [1]}}}),
        make("Ingress", spec={"rules": [None, {"http": []}]}),
        make("Widget", spec={"containers": [{"image": "x", "env": {"a": 1}}]}),
    ]
    assert sum(map(len, levels(*odd))) == len(odd)


def everything() -> list[Manifest]:
    """Every object of the pairs once."""
    return list({each.ref: each for pair in PAIRS.values() for each in pair}.values())


@given(st.lists(st.sampled_from(everything()), unique_by=lambda each: each.ref), st.randoms())
def test_no_order_of_the_files_breaks_an_edge(given: list[Manifest], chance: random.Random) -> None:
    """Nothing is lost or doubled, every need is met, and levels do not hang on the order given."""
    result = stages(tuple(given))
    depth = {
        each.ref: number for number, level in enumerate(result.levels) for each in level.manifests
    }
    flat = [each for level in result.levels for each in level.manifests]
    assert sorted(each.ref for each in flat) == sorted(each.ref for each in given)
    if not result.notes:
        graph = needs(tuple(given))
        for before in range(len(given)):
            for after in graph.after[before]:
                reached = [after] if after < graph.size else graph.after[after]
                assert all(depth[given[before].ref] < depth[given[each].ref] for each in reached)
    for level in result.levels:
        assert [rank(each) for each in level.manifests] == sorted(map(rank, level.manifests))
    shuffled = [*given]
    chance.shuffle(shuffled)
    again = stages(tuple(shuffled))
    assert depth == {
        each.ref: number for number, level in enumerate(again.levels) for each in level.manifests
    }


@given(st.integers(1, 8), st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=24))
def test_cutting_all_circles_leaves_none(size: int, edges: list[tuple[int, int]]) -> None:
    """And every edge between nodes that are in no common circle is kept."""
    graph = Graph(size=size)
    for before, after in edges:
        if before < size and after < size:
            graph.edge(before, after)
    original = [[*each] for each in graph.after]
    _, stuck = graph.depths()
    circles = graph.cycles(stuck)
    assert bool(circles) == bool(stuck)
    for circle in circles:
        graph.replace_cycle([[node] for node in circle])
    depths, stuck = graph.depths()
    assert not stuck
    together = {node: number for number, circle in enumerate(circles) for node in circle}
    for before, followers in enumerate(original):
        for after in followers:
            if together.get(before, -1) != together.get(after, -2):
                assert depths[before] < depths[after]


def test_a_chain_may_be_longer_than_the_stack() -> None:
    graph = Graph(size=5000)
    for node in range(5000):
        graph.edge(node, (node + 1) % 5000)
    assert len(graph.cycles(graph.depths()[1])[0]) == 5000
