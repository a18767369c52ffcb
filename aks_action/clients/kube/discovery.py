"""What the API server serves, in two requests.

Aggregated discovery (https://kubernetes.io/docs/concepts/overview/kubernetes-api/#aggregated-discovery,
since 1.26) tells every kind, plural and scope at once; an older server answers the same two
requests with its list of groups, which are then asked one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aks_action.errors import ApiError
from aks_action.model.resources import ResourceType, ResourceTypes, index

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList"
ACCEPT = f"{_AGGREGATED.format('v2')},{_AGGREGATED.format('v2beta1')},application/json"
_AT_ONCE = 8


def discover(ask: Callable[[str], Mapping[str, Any]]) -> ResourceTypes:
    """Resource types by (apiVersion, kind). `ask` GETs a path, accepting `ACCEPT`."""
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(ask, ("/api", "/apis")))
    types = [type_ for answer in answers for type_ in _aggregated(answer)]
    if not types:
        versions = [version for answer in answers for version in _versions(answer)]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            types = [
                type_
                for found in pool.map(lambda v: _of_version(ask, v), versions)
                for type_ in found
            ]
    return index(types)


def _aggregated(answer: Mapping[str, Any]) -> Iterator[ResourceType]:
    for group in answer.get("items") or ():
        name = (group.get("metadata") or {}).get("name", "")
        for version in group.get("versions") or ():
            api_version = f"{name}/{version['version']}" if name else version["version"]
            for resource in version.get("resources") or ():
                kind = (resource.get("responseKind") or {}).get("kind")
                if kind:
                    yield ResourceType(
                        api_version=api_version,
                        kind=kind,
                        plural=resource["resource"],
                        namespaced=resource.get("scope") == "Namespaced",
                    )


def _versions(answer: Mapping[str, Any]) -> Iterator[str]:
    """ApiVersions of an `APIVersions` or an `APIGroupList`."""
    yield from answer.get("versions") or ()
    for group in answer.get("groups") or ():
        for version in group.get("versions") or ():
            yield version["groupVersion"]


def _of_version(ask: Callable[[str], Mapping[str, Any]], api_version: str) -> list[ResourceType]:
    try:
        answer = ask(f"{'/apis' if '/' in api_version else '/api'}/{api_version}")
    except ApiError as error:
        if error.status in (404, 500, 502, 503, 504):  # an extension that is down; others serve on
            return []
        raise
    return [
        ResourceType(
            api_version=api_version,
            kind=resource["kind"],
            plural=resource["name"],
            namespaced=bool(resource.get("namespaced")),
        )
        for resource in answer.get("resources") or ()
        if "/" not in resource["name"]
    ]
