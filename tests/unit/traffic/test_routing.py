"""What sends traffic where: Services to pods, Ingresses and routes to Services."""

from typing import Any

import pytest

from aks_action.errors import Source
from aks_action.model.manifests import Manifest
from aks_action.model.traffic import routing


def workload(kind: str = "Deployment", namespace: str = "shop", **labels: str) -> dict[str, Any]:
    if kind == "Pod":
        metadata = {"name": "web", "namespace": namespace, "labels": labels}
        return {"apiVersion": "v1", "kind": kind, "metadata": metadata}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": labels}},
        },
    }


def service(name: str = "web", namespace: str = "shop", **selector: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": selector},
    }


@pytest.mark.parametrize(
    ("selected", "pods", "routed"),
    [
        (service(app="web"), workload(app="web", tier="front"), True),
        (service(app="web", tier="back"), workload(app="web", tier="front"), False),
        (service(one="1"), workload(app="web"), False),
        (service(), workload(app="web"), False),
        (service(namespace="other", app="web"), workload(app="web"), False),
        (service(app="web"), workload("Pod", app="web"), True),
    ],
    ids=[
        "a subset of the labels",
        "another value",
        "a label that is missing, with the value 1",
        "no selector",
        "another namespace",
        "a bare Pod",
    ],
)
def test_a_service_is_routed_by_its_selector_within_its_namespace(
    selected: dict[str, Any], pods: dict[str, Any], *, routed: bool
) -> None:
    assert routing.routes_to(selected, pods) is routed


def test_weak_7_labels_of_the_pod_template_count_not_the_workloads_selector() -> None:
    assert routing.routes_to(service(tier="front"), workload(app="web", tier="front"))


def test_a_service_may_stand_before_its_workload() -> None:
    documents = [service(app="web"), service("db", app="db"), workload(app="web")]
    manifests = tuple(
        Manifest(document=each, source=Source(file="a.yml", line=line))
        for line, each in enumerate(documents, start=1)
    )
    assert [each.ref.name for each in routing.routed_services(manifests)] == ["web"]


def test_only_kinds_of_the_right_group_count() -> None:
    knative = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "w"}}
    assert not routing.is_service(knative)
    assert routing.is_service(service(app="web"))
    assert not routing.is_workload({**workload(), "apiVersion": "apps.kruise.io/v1"})


INGRESS_V1 = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {
        "defaultBackend": {"service": {"name": "web", "port": {"number": 80}}},
        "rules": [
            {"host": "no-http"},
            {
                "http": {
                    "paths": [
                        {"path": "/", "backend": {"service": {"name": "web"}}},
                        {"path": "/api", "backend": {"service": {"name": "api"}}},
                        {
                            "path": "/files",
                            "backend": {"resource": {"kind": "Bucket", "name": "web"}},
                        },
                    ]
                }
            },
        ],
    },
}
INGRESS_V1BETA1 = {
    "apiVersion": "networking.k8s.io/v1beta1",
    "kind": "Ingress",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {
        "backend": {"serviceName": "web", "servicePort": 80},
        "rules": [{"http": {"paths": [{"backend": {"serviceName": "api", "servicePort": 80}}]}}],
    },
}


@pytest.mark.parametrize("ingress", [INGRESS_V1, INGRESS_V1BETA1], ids=["v1", "v1beta1"])
def test_bug_20_an_ingress_names_services_in_rules_and_as_default(ingress: dict[str, Any]) -> None:
    assert routing.ingress_services(ingress) == ("web", "api")


@pytest.mark.parametrize("ingress", [INGRESS_V1, INGRESS_V1BETA1], ids=["v1", "v1beta1"])
def test_bug_20_every_backend_of_a_service_is_renamed_and_nothing_else(
    ingress: dict[str, Any],
) -> None:
    renamed = routing.with_ingress_services(
        ingress, lambda name: "web-green" if name == "web" else name
    )
    assert routing.ingress_services(renamed) == ("web-green", "api")
    back = routing.with_ingress_services(renamed, lambda name: name.removesuffix("-green"))
    assert back == ingress


@pytest.mark.parametrize("spec", [{}, {"rules": None}, {"rules": ["x"], "defaultBackend": 1}])
def test_a_malformed_ingress_names_nothing_and_is_left_to_the_servers_check(spec: Any) -> None:
    ingress = {"kind": "Ingress", "metadata": {"name": "web"}, "spec": spec}
    assert routing.ingress_services(ingress) == ()


@pytest.mark.parametrize(
    ("ref", "named"),
    [
        ({"name": "web"}, True),
        ({"name": "web", "group": "", "kind": "Service", "namespace": "shop"}, True),
        ({"name": "web", "namespace": "other"}, False),
        ({"name": "web", "group": "example.io", "kind": "Service"}, False),
        ({"name": "web", "kind": "ServiceImport", "group": "multicluster.x-k8s.io"}, False),
    ],
)
def test_a_route_names_a_service_by_group_kind_and_namespace(
    ref: dict[str, Any], *, named: bool
) -> None:
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"rules": [{"matches": []}, {"backendRefs": [ref]}]},
    }
    assert routing.is_route(route)
    assert routing.route_services(route, "shop") == (frozenset({"web"}) if named else frozenset())
