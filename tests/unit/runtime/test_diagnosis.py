"""What is gathered about a target that did not become healthy."""

from typing import Any

import pytest

from aks_action.errors import Source
from aks_action.model.health import Health, HealthStatus, Related, Trouble
from aks_action.model.manifests import Manifest, ObjectRef
from aks_action.model.outcomes import Diagnosis
from aks_action.runtime.diagnosis import diagnose
from aks_action.runtime.waiting.result import Waited
from tests.fakes.cluster import FakeCluster

POD = ObjectRef(api_version="v1", kind="Pod", name="web-1", namespace="shop")
DOCUMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop"},
}
SOURCE = Source(file="app.yml", line=7)


def trouble(message: str, *, pod: str = "web-1", **parts: Any) -> Trouble:
    culprit = ObjectRef(api_version="v1", kind="Pod", name=pod, namespace="shop")
    defaults = {"code": "CrashLoopBackOff", "container": "web", "crashed": True}
    return Trouble(culprit=culprit, message=message, **{**defaults, **parts})


def told(reason: str, message: str, *, at: int, count: int = 1) -> dict[str, Any]:
    return {
        "kind": "Event",
        "reason": reason,
        "message": message,
        "count": count,
        "lastTimestamp": f"2026-01-01T10:00:{at:02d}Z",
        "involvedObject": {"kind": "Pod", "name": "web-1"},
    }


def diagnosis(
    cluster: FakeCluster,
    *troubles: Trouble,
    events: tuple[dict[str, Any], ...] = (),
) -> Diagnosis:
    health = Health(
        status=HealthStatus.FAILED, message="0 of 1 replica is available", troubles=troubles
    )
    manifest = Manifest(document=DOCUMENT, source=SOURCE)
    return diagnose(
        cluster,
        Waited(manifest=manifest, health=health, seconds=1.0, related=Related(events=events)),
    )


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster("shop")


def test_it_names_the_target_its_line_and_every_cause_once(cluster: FakeCluster) -> None:
    """Ten pods that fail alike are one cause; what to do is named once as well."""
    found = diagnosis(
        cluster,
        *(trouble("it crashes", pod=f"web-{number}", advice="Mend it.") for number in range(1, 11)),
        trouble("no node can take it", code="Unschedulable", container="", advice="Add nodes."),
    )
    assert str(found.ref) == "Deployment/shop/web"
    assert found.source == SOURCE
    assert found.reason == (
        "0 of 1 replica is available; Pod/shop/web-1: it crashes (CrashLoopBackOff); "
        "Pod/shop/web-1: no node can take it (Unschedulable)"
    )
    assert found.advice == "Mend it. Add nodes."


def test_after_a_crash_the_previous_run_s_log_is_read(cluster: FakeCluster) -> None:
    """The present run may have written nothing yet; the last 25 lines are enough."""
    lines = [f"line {number}" for number in range(40)]
    cluster.pod_logs["shop", "web-1", "web", True] = "\n".join(lines)
    cluster.pod_logs["shop", "web-1", "web", False] = "starting"
    assert diagnosis(cluster, trouble("it crashes")).logs == (
        "The last lines of container web of Pod/shop/web-1, before it was restarted:",
        *lines[-25:],
    )


def test_without_a_previous_log_the_present_one_is_read(cluster: FakeCluster) -> None:
    """A kubelet may have removed the container that crashed."""
    cluster.pod_logs["shop", "web-1", "web", False] = "starting"
    assert diagnosis(cluster, trouble("it crashes")).logs == (
        "The last lines of container web of Pod/shop/web-1:",
        "starting",
    )


def test_a_container_that_never_ran_has_no_log_to_ask_for(cluster: FakeCluster) -> None:
    """An image that cannot be pulled costs no request."""
    asked = len(cluster.requests)
    assert diagnosis(cluster, trouble("no image", code="ImagePullBackOff")).logs == ()
    assert len(cluster.requests) == asked


def test_a_log_that_may_not_be_read_is_left_out(cluster: FakeCluster) -> None:
    """The reason stands without it."""
    cluster.forbid("logs", "Pod")
    assert diagnosis(cluster, trouble("it crashes")).logs == ()


def test_events_are_in_order_counted_and_few(cluster: FakeCluster) -> None:
    """The same words are one line with their number, the latest eight are kept."""
    events = (
        told("BackOff", "again", at=30, count=3),
        told("BackOff", "again", at=31, count=2),
        *(told("Unhealthy", f"probe {number}", at=number) for number in range(10)),
    )
    lines = diagnosis(cluster, events=events).events
    assert len(lines) == 8
    assert lines[0] == "Unhealthy (Pod web-1): probe 3"
    assert lines[-1] == "BackOff (Pod web-1): again (5 times)"
