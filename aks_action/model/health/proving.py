"""How long readiness has to last before it is believed.

A container without a readiness probe counts as ready from the moment it was started, also one
that ends at once. The kubelet looks at its containers once a second, so such a crash is known
about a second after the readiness that it belies.
"""

from __future__ import annotations

from aks_action.model.documents import get_in
from aks_action.model.health.fleets import PLACEMENTS, seconds_to_notice
from aks_action.model.health.pods import is_counted
from aks_action.model.health.records import Related, count, text
from aks_action.model.health.rules import WORKLOADS
from aks_action.model.manifests import Document, ref_of

UNPROBED_SECONDS = 1.3
"""One look of the kubelet, and the way of its answer."""
CRASHED_SECONDS = 12.0
"""After a crash: the kubelet's first back-off of 10 s, so that a loop shows itself."""


def seconds_to_prove(document: Document, related: Related) -> float:
    """For how many seconds an object that became ready has to stay so; 0 for most."""
    group_kind = ref_of(document).group_kind
    if group_kind in PLACEMENTS:
        return seconds_to_notice(document, related)
    if group_kind not in WORKLOADS or group_kind == "Job.batch":
        return 0.0
    template = document if group_kind == "Pod" else get_in(document, ("spec", "template"))
    containers = get_in(template, ("spec", "containers")) or ()
    if count(document, "spec", "minReadySeconds") or not containers:
        return 0.0
    if text(template, "spec", "restartPolicy") in ("Never", "OnFailure"):
        return 0.0
    unprobed = {text(each, "name") for each in containers if "readinessProbe" not in each}
    if not unprobed or count(document, "spec", "replicas", default=1) == 0:
        return 0.0
    pods = (document,) if group_kind == "Pod" else related.pods
    crashed = any(_has_crashed(pod, unprobed, related) for pod in pods if is_counted(pod))
    return CRASHED_SECONDS if crashed else UNPROBED_SECONDS


def _has_crashed(pod: Document, containers: set[str], related: Related) -> bool:
    """Whether one of the containers ended in this run and was started again."""
    return any(
        text(status, "name") in containers
        and bool(get_in(status, ("lastState", "terminated")))
        and related.is_recent(text(status, "lastState", "terminated", "finishedAt"))
        for status in get_in(pod, ("status", "containerStatuses")) or ()
    )
