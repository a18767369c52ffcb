"""Whether a workload's pods have lived for long enough to be given traffic.

A process that crashes soon after its start looks healthy until the kubelet tells of it. That takes
it a second, and on a node without a free CPU up to four, as was measured; and after a first crash
the process is started again at once, and looks healthy again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from aks_action.model.documents import get_in
from aks_action.model.health.pods import is_counted, is_ready
from aks_action.model.health.proving import CRASHED_SECONDS
from aks_action.model.health.records import Related, condition, count, text, uid_of
from aks_action.model.health.rules import WORKLOADS
from aks_action.model.manifests import Document, ref_of
from aks_action.model.timestamps import parse_time

_STATUSES = ("containerStatuses", "initContainerStatuses")


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A pod since its last change: another life begins when a container does, or readiness.

    restarts: of its containers, ever.
    began:    when it last became ready or one of its containers was started, by the cluster's
              clock; None where that is not told.
    """

    pod: str
    restarts: int
    began: datetime | None

    def seconds_needed(self, steady: float) -> float:
        """How long it has to last; after a crash longer than the kubelet's first back-off."""
        return max(steady, CRASHED_SECONDS) if self.restarts else steady


def has_lives(document: Document) -> bool:
    """Whether a workload is to have pods that go on living."""
    group_kind = ref_of(document).group_kind
    if group_kind == "DaemonSet.apps":
        return count(document, "status", "desiredNumberScheduled", default=1) > 0
    lasting = group_kind in WORKLOADS and group_kind != "Job.batch"
    return lasting and count(document, "spec", "replicas", default=1) > 0


def lives(document: Document, related: Related) -> tuple[Life, ...] | None:
    """The lives of all pods of a workload; None while one is not ready, or none is there."""
    pods = (document,) if document.get("kind") == "Pod" else related.pods
    counted = [pod for pod in pods if is_counted(pod)]
    if not counted or not all(is_ready(pod) for pod in counted):
        return None
    return tuple(_life(pod) for pod in counted)


def _life(pod: Document) -> Life:
    running = list(_running(pod))
    times = [condition(pod, "Ready").get("lastTransitionTime")]
    times += [get_in(each, ("state", "running", "startedAt")) for each in running]
    known = [when for when in map(parse_time, times) if when is not None]
    return Life(
        pod=uid_of(pod),
        restarts=sum(count(each, "restartCount") for each in running),
        began=max(known) if len(known) == len(times) else None,
    )


def _running(pod: Document) -> Iterator[Document]:
    """The statuses of the containers that run, sidecars among the init containers included."""
    for name in _STATUSES:
        for status in get_in(pod, ("status", name)) or ():
            if text(status, "name") and get_in(status, ("state", "running")) is not None:
                yield status
