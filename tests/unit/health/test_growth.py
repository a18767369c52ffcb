"""A claim whose volume grows, at every step that its status can be at."""

from typing import Any

import pytest

from aks_action.model.health import HealthStatus, Related, assess
from tests.unit.health.documents import event, live, pod

READY, PROGRESSING, FAILED = HealthStatus
SINCE = "2026-01-01T10:00:00Z"
ON_NODE = {"type": "FileSystemResizePending", "status": "True"}
UNUSED = {"type": "Unused", "status": "False", "message": "A pod is using it"}


def claim(
    has: str = "1Gi", asks: str = "2Gi", *, state: str = "", tried: str = "2Gi", **status: Any
) -> dict[str, Any]:
    resize: dict[str, Any] = {}
    if state:
        resize = {
            "allocatedResourceStatuses": {"storage": state},
            "allocatedResources": {"storage": tried},
        }
    return live(
        "PersistentVolumeClaim",
        spec={"resources": {"requests": {"storage": asks}}},
        status={"phase": "Bound", "capacity": {"storage": has}, **resize, **status},
    )


def error(kind: str = "ControllerResizeError") -> dict[str, Any]:
    return {"type": kind, "status": "True", "message": "failed to expand pvc with\n no room"}


@pytest.mark.parametrize(
    ("document", "status", "message"),
    [
        (claim("2Gi"), READY, "it is bound"),
        (claim("2048Mi"), READY, "it is bound"),
        (claim("4Gi"), READY, "it is bound"),
        (claim(), PROGRESSING, "from 1Gi to 2Gi"),
        (claim(state="ControllerResizeInProgress", conditions=[UNUSED]), PROGRESSING, "1Gi to 2Gi"),
        (claim(state="ControllerResizeInfeasible", conditions=[error()]), FAILED, "no room"),
        (claim(state="NodeResizeInfeasible"), FAILED, "NodeResizeInfeasible"),
        (claim(state="ControllerResizeInProgress", conditions=[error()]), FAILED, "no room"),
        (claim(state="NodeResizePending", conditions=[error("NodeResizeError")]), FAILED, "room"),
    ],
)
def test_how_far_a_volume_has_grown(
    document: dict[str, Any], status: HealthStatus, message: str
) -> None:
    health = assess(document, Related())
    assert health.status is status
    assert message in health.message


def test_an_error_about_an_earlier_request_is_not_held_against_this_one() -> None:
    """A claim that asks for less than what was infeasible is tried anew."""
    asked = claim(state="ControllerResizeInfeasible", tried="9Ti", conditions=[error()])
    assert assess(asked, Related()).status is PROGRESSING


@pytest.mark.parametrize(
    ("users", "status"),
    [
        (None, PROGRESSING),
        ((), READY),
        ((pod(ready=True),), PROGRESSING),
        ((pod(phase="Succeeded"),), READY),
    ],
)
def test_a_file_system_is_waited_for_only_where_a_pod_can_grow_it(
    users: Any, status: HealthStatus
) -> None:
    """While the pods are not known, nothing is concluded from seeing none."""
    document = claim(state="NodeResizePending", conditions=[ON_NODE])
    health = assess(document, Related(users=users))
    assert health.status is status
    assert "file system" in health.message


def test_a_try_that_failed_is_told_with_its_reason() -> None:
    document = claim(state="ControllerResizeInProgress")
    failed = event(document, "VolumeResizeFailed", "the driver grows no volume that is in use")
    health = assess(document, Related(events=(failed,)))
    assert health.status is PROGRESSING
    assert "in use" in health.message
    assert "scale its workload down" in health.advice
