"""What sends traffic where: Services to pods, Ingresses and routes to Services."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aks_action.model.documents import get_in, set_in, update_in
from aks_action.model.manifests import Document, ManifestSet, ref_of
from aks_action.model.variants import WORKLOAD_KINDS, pod_labels_of

GATEWAY_GROUP = "gateway.networking.k8s.io"
ROUTE_KINDS = ("HTTPRoute", "GRPCRoute")
INGRESS_GROUPS = ("networking.k8s.io", "extensions")
SPLIT_GROUP = "split.smi-spec.io"

Rename = Callable[[str], str]
"""From the name of a Service to the name that takes its place."""


def group_of(document: Document) -> str:
    return ref_of(document).group


def is_workload(document: Document) -> bool:
    """Whether canary and blue-green copy the object."""
    return document["kind"] in WORKLOAD_KINDS and group_of(document) in ("", "apps")


def is_service(document: Document) -> bool:
    return document["kind"] == "Service" and group_of(document) == ""


def is_ingress(document: Document) -> bool:
    return document["kind"] == "Ingress" and group_of(document) in INGRESS_GROUPS


def is_route(document: Document) -> bool:
    """Whether it is an HTTPRoute or a GRPCRoute of the Gateway API."""
    return document["kind"] in ROUTE_KINDS and group_of(document) == GATEWAY_GROUP


def routes_to(service: Document, workload: Document) -> bool:
    """Whether a Service selects the pods of a workload: in its namespace, by the pods' labels.

    A Service without a selector routes to nobody by itself.
    """
    selector = get_in(service, ("spec", "selector"))
    if not selector or not isinstance(selector, Mapping):
        return False
    return ref_of(service).namespace == ref_of(workload).namespace and (
        selector.items() <= pod_labels_of(workload).items()
    )


def routed_services(manifests: ManifestSet) -> ManifestSet:
    """The Services that route to a workload of the same manifests, in their order."""
    workloads = [each.document for each in manifests if is_workload(each.document)]
    return tuple(
        each
        for each in manifests
        if is_service(each.document)
        and any(routes_to(each.document, workload) for workload in workloads)
    )


def ingress_services(ingress: Document) -> tuple[str, ...]:
    """The Services that an Ingress names, each once, in order. They are in its namespace."""
    found: dict[str, None] = {}

    def note(name: str) -> str:
        found[name] = None
        return name

    with_ingress_services(ingress, note)
    return tuple(found)


def with_ingress_services(ingress: Document, rename: Rename) -> Document:
    """The Ingress with its backends' Services renamed; `resource` backends stay as they are.

    Reads networking.k8s.io/v1 (`service.name`), the v1beta1 forms (`serviceName`), and the
    default backend of both (`defaultBackend`, `backend`).
    """

    def backend(value: Any) -> Any:
        if isinstance(get_in(value, ("service", "name")), str):
            return update_in(value, ("service", "name"), rename)
        if isinstance(get_in(value, ("serviceName",)), str):
            return update_in(value, ("serviceName",), rename)
        return value

    for key in ("defaultBackend", "backend"):
        ingress = update_in(ingress, ("spec", key), backend)

    def rule(value: Any) -> Any:
        paths = get_in(value, ("http", "paths"))
        if not isinstance(paths, list):
            return value
        changed = [
            update_in(path, ("backend",), backend) if isinstance(path, Mapping) else path
            for path in paths
        ]
        return set_in(value, ("http", "paths"), changed)

    rules = get_in(ingress, ("spec", "rules"))
    if not isinstance(rules, list):
        return ingress
    return set_in(ingress, ("spec", "rules"), [rule(each) for each in rules])


def rules_of(route: Document) -> list[Any]:
    """The rules of an HTTPRoute or GRPCRoute; none where they are absent or malformed."""
    rules = get_in(route, ("spec", "rules"))
    return rules if isinstance(rules, list) else []


def backend_refs(rule: Any) -> list[Mapping[str, Any]]:
    """The backendRefs of one rule."""
    refs = get_in(rule, ("backendRefs",))
    return [each for each in refs if isinstance(each, Mapping)] if isinstance(refs, list) else []


def names_service(ref: Mapping[str, Any], route_namespace: str, namespace: str) -> bool:
    """Whether a backendRef of a route names a Service of `namespace`.

    Absent group and kind mean a core Service, an absent namespace the route's own (Gateway API,
    BackendObjectReference).
    """
    return (
        (ref.get("group") or "") == ""
        and (ref.get("kind") or "Service") == "Service"
        and (ref.get("namespace") or route_namespace) == namespace
    )


def route_services(route: Document, namespace: str) -> frozenset[str]:
    """The Services of `namespace` that an HTTPRoute or GRPCRoute sends traffic to."""
    own = ref_of(route).namespace
    return frozenset(_named(route, own, namespace))


def _named(route: Document, own: str, namespace: str) -> Iterator[str]:
    for rule in rules_of(route):
        for ref in backend_refs(rule):
            if names_service(ref, own, namespace):
                yield str(ref.get("name", ""))
