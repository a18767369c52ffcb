"""Placements of a fleet: whether the member clusters have what the hub keeps for them.

Conditions: https://kubefleet.dev/docs/concepts/crp/ . They are called `ClusterResourcePlacement…`
or `ResourcePlacement…` and carry the generation that they are about.
"""

from __future__ import annotations

from aks_action.model.bounded import whole_number
from aks_action.model.documents import get_in
from aks_action.model.health.records import (
    Health,
    Related,
    Trouble,
    condition,
    progressing,
    ready,
    said,
    text,
)
from aks_action.model.manifests import Document, ref_of

PLACEMENTS = frozenset(
    {
        "ClusterResourcePlacement.placement.kubernetes-fleet.io",
        "ResourcePlacement.placement.kubernetes-fleet.io",
    }
)
HUB_SECONDS = 20.0
"""A hub collects changes for 15 s before it looks at its placements again (KubeFleet's default)."""

_STEPS = (
    ("Scheduled", "no member clusters are chosen yet"),
    ("Applied", "not every member cluster has it yet"),
    ("Available", "it is not available on every member cluster yet"),
)
_MOST_CAUSES = 3


def assess_placement(document: Document, _related: Related) -> Health:
    """Ready when it is scheduled, applied and available on all chosen clusters.

    False is not final: clusters join, quotas grow, images arrive; what failed is told meanwhile.
    """
    kind = text(document, "kind")
    for name, message in _STEPS:
        found = condition(document, f"{kind}{name}")
        if found.get("status") == "True" and _is_current(found, document):
            continue
        return progressing(message, *_troubles(document, found))
    return ready("it is available on every chosen member cluster")


def seconds_to_notice(document: Document, related: Related) -> float:
    """How long the status of a placement has to stay as it is, unless it is of this run already."""
    conditions = get_in(document, ("status", "conditions")) or ()
    noticed = any(
        text(each, "lastTransitionTime") and related.is_recent(text(each, "lastTransitionTime"))
        for each in conditions
    )
    return 0.0 if noticed else HUB_SECONDS


def _is_current(found: Document, document: Document) -> bool:
    generation = get_in(document, ("metadata", "generation")) or 0
    return (whole_number(found.get("observedGeneration")) or 0) >= int(generation)


def _troubles(document: Document, found: Document) -> list[Trouble]:
    causes = [said(found, "message")] if found.get("status") == "False" else []
    for status in get_in(document, ("status", "placementStatuses")) or ():
        cluster = text(status, "clusterName")
        for failed in status.get("failedPlacements") or ():
            why = said(failed, "condition", "message") or text(failed, "condition", "reason")
            causes.append(f"{cluster}: {text(failed, 'kind')} {text(failed, 'name')}: {why}")
    return [
        Trouble(
            culprit=ref_of(document),
            code=text(found, "reason") or "Pending",
            message=cause,
        )
        for cause in causes[:_MOST_CAUSES]
    ]
