"""SMI TrafficSplits, with the names, the order of backends and the weights of k8s-deploy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aks_action.model.documents import get_in
from aks_action.model.manifests import Document
from aks_action.model.resources import ResourceTypes
from aks_action.model.traffic.routing import SPLIT_GROUP
from aks_action.model.traffic.weights import Part

CANARY_SUFFIX = "workflow-rollout"
COLOUR_SUFFIX = "trafficsplit"
"""`svc-workflow-rollout` and `svc-trafficsplit` are the names of the splits of a Service `svc`."""

CANARY_TOTAL = 1000
"""The weights of a canary's split add up to this; those of blue-green to 100."""


def served_version(types: ResourceTypes) -> str | None:
    """The apiVersion for TrafficSplits: the first that is served, by name, as in k8s-deploy."""
    served = sorted(
        version
        for version, kind in types
        if kind == "TrafficSplit" and version.startswith(f"{SPLIT_GROUP}/")
    )
    return served[0] if served else None


def traffic_split(
    api_version: str,
    service: Document,
    suffix: str,
    parts: tuple[Part, ...],
    *,
    annotations: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The split of a Service, in the Service's namespace. `parts` become the backends in order."""
    name = service["metadata"]["name"]
    metadata: dict[str, Any] = {"name": f"{name}-{suffix}"}
    if service["metadata"].get("namespace"):
        metadata["namespace"] = service["metadata"]["namespace"]
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {
        "apiVersion": api_version,
        "kind": "TrafficSplit",
        "metadata": metadata,
        "spec": {
            "service": name,
            "backends": [{"service": part.service, "weight": part.share} for part in parts],
        },
    }


def canary_parts(percentage: int, *, stable: str, baseline: str, canary: str) -> tuple[Part, ...]:
    """Stable, baseline and canary of 1000: half of the percentage for each of the last two."""
    return (
        Part(service=stable, share=CANARY_TOTAL - 10 * percentage),
        Part(service=baseline, share=5 * percentage),
        Part(service=canary, share=5 * percentage),
    )


def weights_of(split: Document | None) -> dict[str, int]:
    """The weights of a live split by Service; of no split none. `500m` and `"500"` are read too."""
    backends = get_in(split, ("spec", "backends"), [])
    found: dict[str, int] = {}
    for each in backends if isinstance(backends, list) else ():
        if isinstance(each, Mapping):
            digits = re.match(r"[0-9]{1,9}", str(each.get("weight", 0)))
            found[str(each.get("service", ""))] = int(digits[0]) if digits else 0
    return found
