"""Discovery: what the API server serves, in two requests.

Aggregated discovery is stable since Kubernetes 1.30; the older form is asked of what does not
know it. https://kubernetes.io/docs/concepts/overview/kubernetes-api/#aggregated-discovery
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aks_action.model.resources import ResourceType, ResourceTypes, index

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_BETA = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
ACCEPT = f"{_AGGREGATED},{_BETA},application/json"

Fetch = Callable[[str], bytes]
"""The answer to a GET of a path with the header `Accept: ACCEPT`."""


def discover(fetch: Fetch) -> ResourceTypes:
    """Every resource that is served, by (apiVersion, kind); raises what `fetch` raises."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        answers = [json.loads(data) for data in pool.map(fetch, ("/api", "/apis"))]
        paths: list[str] = []
        found: list[ResourceType] = []
        for answer in answers:
            if answer.get("kind") == "APIGroupDiscoveryList":
                found += _aggregated(answer)
            else:
                paths += _group_versions(answer)
        for data in pool.map(fetch, paths):
            found += _legacy(json.loads(data))
    # A kind that several resources have (eviction is a Pod's subresource) is its first one.
    return index(reversed(found))


def _aggregated(answer: dict[str, Any]) -> Iterator[ResourceType]:
    for group in answer.get("items") or []:
        name = group.get("metadata", {}).get("name", "")
        for version in group.get("versions") or []:
            api_version = f"{name}/{version['version']}" if name else version["version"]
            for resource in version.get("resources") or []:
                kind = (resource.get("responseKind") or {}).get("kind")
                if kind:
                    yield ResourceType(
                        api_version=api_version,
                        kind=kind,
                        plural=resource["resource"],
                        namespaced=resource.get("scope") == "Namespaced",
                    )


def _group_versions(answer: dict[str, Any]) -> list[str]:
    core = [f"/api/{version}" for version in answer.get("versions") or []]
    groups = answer.get("groups") or []
    return core + [
        f"/apis/{each['groupVersion']}" for group in groups for each in group["versions"]
    ]


def _legacy(answer: dict[str, Any]) -> Iterator[ResourceType]:
    for resource in answer.get("resources") or []:
        if "/" not in resource["name"]:
            yield ResourceType(
                api_version=answer["groupVersion"],
                kind=resource["kind"],
                plural=resource["name"],
                namespaced=resource["namespaced"],
            )
