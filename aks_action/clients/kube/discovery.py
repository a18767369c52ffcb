"""What the API server serves, in two requests.

Aggregated discovery (https://kubernetes.io/docs/concepts/overview/kubernetes-api/#aggregated-discovery,
since 1.26) tells every kind, plural and scope at once; an older server answers the same two
requests with its list of groups, which are then asked one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from aks_action.errors import ApiError, Cancelled
from aks_action.model.resources import ResourceType, ResourceTypes, index

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList"
ACCEPT = f"{_AGGREGATED.format('v2')},{_AGGREGATED.format('v2beta1')},application/json"
_AT_ONCE = 8

T = TypeVar("T")


def discover(ask: Callable[[str], Mapping[str, Any]]) -> ResourceTypes:
    """Resource types by (apiVersion, kind). `ask` GETs a path, accepting `ACCEPT`."""
    answers = _at_once(ask, ("/api", "/apis"))
    types = [type_ for answer in answers for type_ in _aggregated(answer)]
    if not types:
        versions = [version for answer in answers for version in _versions(answer)]
        found = _at_once(lambda version: _of_version(ask, version), versions)
        types = [type_ for each in found for type_ in each]
    return index(types)


def _at_once(function: Callable[[str], T], items: Iterable[str]) -> list[T]:
    """Several requests side by side. Whoever is cancelled meanwhile does not wait for them."""
    pool, waits = ThreadPoolExecutor(_AT_ONCE), True
    try:
        return list(pool.map(function, items))
    except Cancelled:
        waits = False
        raise
    finally:
        pool.shutdown(wait=waits, cancel_futures=True)


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
