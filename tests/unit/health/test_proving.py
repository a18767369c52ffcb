"""How long a workload has to stay ready before it is believed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from aks_action.model.health import Related
from aks_action.model.health.proving import CRASHED_SECONDS, UNPROBED_SECONDS, seconds_to_prove
from tests.unit.health.documents import live, owned, pod

PLAIN = {"name": "web"}
PROBED = {"name": "web", "readinessProbe": {"tcpSocket": {"port": 80}}}
SINCE = datetime(2026, 1, 1, 10, 0, 0, tzinfo=UTC)


def workload(*containers: dict[str, Any], kind: str = "Deployment", **spec: Any) -> dict[str, Any]:
    template = {"spec": {"containers": list(containers)}}
    return live(kind, "apps/v1", spec={"template": template, **spec})


@pytest.mark.parametrize(
    ("document", "seconds"),
    [
        (workload(PLAIN), UNPROBED_SECONDS),
        (workload(PROBED), 0.0),
        (workload(PROBED, {"name": "side"}), UNPROBED_SECONDS),
        (workload(PLAIN, kind="StatefulSet"), UNPROBED_SECONDS),
        (workload(PLAIN, minReadySeconds=5), 0.0),
        (workload(PLAIN, replicas=0), 0.0),
        (live("Pod", spec={"containers": [PLAIN]}), UNPROBED_SECONDS),
        (live("Pod", spec={"containers": [PLAIN], "restartPolicy": "Never"}), 0.0),
        (live("Job", "batch/v1", spec={"template": {"spec": {"containers": [PLAIN]}}}), 0.0),
        (live("Service"), 0.0),
    ],
)
def test_only_containers_without_a_readiness_probe_have_to_prove_themselves(
    document: dict[str, Any], seconds: float
) -> None:
    """A probe, or minReadySeconds, has proved it already."""
    assert seconds_to_prove(document, Related()) == seconds


@pytest.mark.parametrize(
    ("at", "seconds"),
    [("2026-01-01T10:00:09Z", CRASHED_SECONDS), ("2026-01-01T09:00:00Z", UNPROBED_SECONDS)],
)
def test_after_a_crash_in_this_run_it_takes_longer(at: str, seconds: float) -> None:
    """A restarted container is ready again until it crashes again, within the first back-off."""
    document = workload(PLAIN)
    restarted = owned(pod(ready=True, last={"exitCode": 1, "finishedAt": at}), document)
    assert seconds_to_prove(document, Related(pods=(restarted,), since=SINCE)) == seconds
