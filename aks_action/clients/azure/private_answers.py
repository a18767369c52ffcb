"""What a private cluster is asked for, and what kubectl printed as an answer of the API server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from aks_action.clients.azure.run_command import Outcome
from aks_action.clients.azure.scripts import Read
from aks_action.clients.kube.errors import Asked, from_status
from aks_action.errors import ActionError
from aks_action.model.manifests import ManifestSet
from aks_action.model.observed import Collection
from aks_action.model.resources import ResourceType

ALWAYS = ("v1", "autoscaling/v2", "keda.sh/v1alpha1")
"""API versions that are looked at whatever the manifests are."""

_AUTOSCALERS = (
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("keda.sh/v1alpha1", "ScaledObject"),
)
_CODES = {
    "NotFound": 404, "Forbidden": 403, "Invalid": 422, "Conflict": 409, "AlreadyExists": 409,
    "BadRequest": 400, "Unauthorized": 401, "InternalError": 500, "Timeout": 504,
    "TooManyRequests": 429, "ServiceUnavailable": 503, "MethodNotAllowed": 405,
}  # fmt: skip
_SERVER = re.compile(r"Error from server \((\w+)\): (?:error when [^:]*: )?(.*)", re.DOTALL)


def reads_of(collections: Iterable[Collection]) -> tuple[Read, ...]:
    """Everything in these collections."""
    return tuple(
        Read(api_version=version, kind=kind, namespace=space, names=None)
        for version, kind, space in sorted(set(collections))
    )


def expected(manifests: ManifestSet, namespace: str) -> list[Read]:
    """The objects of the manifests, autoscalers beside them, and the namespace itself."""
    names: dict[tuple[str, str, str], set[str]] = {}
    spaces = set()
    for ref in (each.ref for each in manifests if each.ref.name):
        space = ref.namespace or namespace or "default"
        spaces.add(space)
        names.setdefault((ref.api_version, ref.kind, space), set()).add(ref.name)
    if namespace:
        names.setdefault(("v1", "Namespace", ""), set()).add(namespace)
    reads = [
        Read(api_version=version, kind=kind, namespace=space, names=tuple(sorted(wanted)))
        for (version, kind, space), wanted in sorted(names.items())
    ]
    reads += [
        Read(api_version=version, kind=kind, namespace=space, names=None)
        for version, kind in _AUTOSCALERS
        for space in sorted(spaces)
    ]
    return reads


def types_of(api_version: str, outcome: Outcome) -> list[ResourceType]:
    """What a discovery document of one API version serves; nothing when there is none."""
    if outcome.code:
        return []
    return [
        ResourceType(
            api_version=api_version,
            kind=resource["kind"],
            plural=resource["name"],
            namespaced=bool(resource.get("namespaced")),
        )
        for resource in json.loads(outcome.out).get("resources") or ()
        if "/" not in resource["name"]
    ]


def api_error(text: str, asked: Asked) -> ActionError:
    """The error of the API server that kubectl printed as `Error from server (Reason): …`."""
    found = _SERVER.search(text)
    reason, message = (found[1], found[2]) if found else ("BadRequest", text)
    status = {
        "kind": "Status",
        "code": _CODES.get(reason, 400),
        "reason": reason,
        "message": " ".join(message.split()),
    }
    return from_status(status, asked)
