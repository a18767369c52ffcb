"""What keeps the containers of a pod from running and being ready."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from aks_action.model.documents import get_in
from aks_action.model.health.container_cases import Case, cases
from aks_action.model.health.container_ends import CRASH_LOOP, crash_loop, ended, not_ready
from aks_action.model.health.container_starts import WAITING
from aks_action.model.health.records import Related, Trouble, text
from aks_action.model.manifests import Document


def container_troubles(pod: Document, related: Related) -> Iterator[Trouble]:
    """One trouble for each container that has one, in the order of their statuses."""
    for case in cases(pod, related):
        if (found := _trouble(case)) is not None:
            yield found


def _trouble(case: Case) -> Trouble | None:
    reason = text(case.status, "state", "waiting", "reason")
    if reason in WAITING:
        return WAITING[reason](case)
    if reason == CRASH_LOOP:
        return crash_loop(case)
    terminated = get_in(case.status, ("state", "terminated"))
    if isinstance(terminated, Mapping):
        return None if _may_end(case, terminated) else ended(case, terminated)
    if get_in(case.status, ("state", "running")) is None or _is_fine(case):
        return None
    return not_ready(case)


def _is_fine(case: Case) -> bool:
    """Whether a running container needs no word; a Job's that was restarted does."""
    if get_in(case.pod, ("spec", "restartPolicy")) == "OnFailure" and get_in(
        case.status, ("lastState", "terminated")
    ):
        return False
    return bool(case.status.get("ready")) or (
        case.noun == "init container" and get_in(case.spec, ("restartPolicy",)) != "Always"
    )


def _may_end(case: Case, terminated: Document) -> bool:
    """Whether a container that ended did what it should: an init container, or one of a Job."""
    restarts = get_in(case.pod, ("spec", "restartPolicy"), "Always") == "Always"
    return terminated.get("exitCode") == 0 and (case.noun != "container" or not restarts)
