"""Whether a Service's EndpointSlices list what traffic may go to, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aks_action.model.documents import get_in
from aks_action.model.manifests import Document
from aks_action.model.traffic.steps import WaitEndpoints

SERVICE_NAME = "kubernetes.io/service-name"
"""The label of an EndpointSlice that names its Service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One address behind a Service. `labels` are its pod's; empty when that is gone."""

    pod: str
    ready: bool
    labels: Mapping[str, str]


def endpoints(slices: Sequence[Document], pods: Sequence[Document]) -> Iterator[Endpoint]:
    """The endpoints of a Service, from its EndpointSlices and the pods of its namespace.

    An absent `ready` counts as true (Kubernetes, EndpointConditions).
    """
    labels = {each["metadata"]["name"]: each["metadata"].get("labels") or {} for each in pods}
    for each in slices:
        for endpoint in get_in(each, ("endpoints",)) or ():
            pod = str(get_in(endpoint, ("targetRef", "name"), ""))
            ready: Any = get_in(endpoint, ("conditions", "ready"))
            yield Endpoint(pod=pod, ready=ready is not False, labels=labels.get(pod, {}))


def missing(step: WaitEndpoints, found: Sequence[Endpoint]) -> str:
    """What is not as `step` wants it, as the end of a sentence; empty when all is."""
    if step.ready and not any(
        each.ready and step.ready.items() <= each.labels.items() for each in found
    ):
        return f"it has no ready endpoint yet ({len(found)} endpoints in all)"
    strangers = [each.pod for each in found if not step.only.items() <= each.labels.items()]
    if step.only and strangers:
        return f"it still has endpoints of other pods: {_named(strangers)}"
    leaving = [each.pod for each in found if step.none.items() <= each.labels.items()]
    if step.none and leaving:
        return f"it still has endpoints of pods that are to go: {_named(leaving)}"
    return ""


def is_ready(pod: Document) -> bool:
    """Whether a pod is Ready and there to stay."""
    if get_in(pod, ("metadata", "deletionTimestamp")):
        return False
    return any(
        each.get("type") == "Ready" and each.get("status") == "True"
        for each in get_in(pod, ("status", "conditions")) or ()
    )


def _named(pods: Sequence[str]) -> str:
    shown = ", ".join(sorted(pods)[:3])
    return shown if len(pods) <= 3 else f"{shown} and {len(pods) - 3} more"
