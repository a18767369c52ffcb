"""Which pods have lived for long enough to be given traffic."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aks_action.model.health import Related
from aks_action.model.health.proving import CRASHED_SECONDS
from aks_action.model.health.steadiness import has_lives, lives
from aks_action.runtime.waiting.steadiness import Steadiness
from tests.unit.health.documents import live, owned, pod

SINCE = datetime(2026, 1, 1, 10, 0, 0, tzinfo=UTC)
WEB = live("Deployment", "apps/v1", spec={"replicas": 1})


def green(*, began: str = "2026-01-01T10:00:11Z", restarts: int = 0, **more: Any) -> dict[str, Any]:
    """A ready pod of WEB whose container was started at a time, in the cluster's clock."""
    made = pod(ready=True, state={"running": {"startedAt": began}}, **more)
    made["status"]["containerStatuses"][0]["restartCount"] = restarts
    made["status"]["conditions"][0]["lastTransitionTime"] = began
    return owned(made, WEB)


def watch(seconds: float = 6.0) -> Steadiness:
    return Steadiness(seconds=seconds, since=SINCE, began=100.0)


def related(*pods: dict[str, Any]) -> Related:
    return Related(pods=pods, since=SINCE)


def test_pods_have_to_live_on_for_a_while_after_we_have_seen_them_ready() -> None:
    steady, seen = watch(), related(green())
    steady.see(WEB, seen, 110.0)
    assert steady.left(WEB, seen, 112.0) == 4.0
    assert steady.left(WEB, seen, 116.0) == 0.0


def test_the_youngest_pod_counts() -> None:
    steady, first, both = watch(), related(green()), related(green(), green(name="web-2"))
    steady.see(WEB, first, 110.0)
    steady.see(WEB, both, 113.0)
    assert steady.left(WEB, both, 116.0) == 3.0


def test_a_restart_begins_a_life_that_has_to_outlast_the_kubelets_first_back_off() -> None:
    steady = watch()
    steady.see(WEB, related(green()), 110.0)
    restarted = related(green(began="2026-01-01T10:00:14Z", restarts=1))
    steady.see(WEB, restarted, 114.0)
    assert steady.left(WEB, restarted, 120.0) == CRASHED_SECONDS - 6.0


@pytest.mark.parametrize("pods", [(), (pod(),), (green(), pod("web-2"))])
def test_pods_that_are_not_ready_or_not_there_are_not_steady(pods: tuple[dict[str, Any]]) -> None:
    assert lives(WEB, related(*pods)) is None
    assert watch().left(WEB, related(*pods), 999.0) == 6.0


def test_pods_that_are_going_do_not_count() -> None:
    going = green(name="web-2")
    going["metadata"]["deletionTimestamp"] = "2026-01-01T10:00:10Z"
    assert len(lives(WEB, related(green(), going)) or ()) == 1


@pytest.mark.parametrize(("minutes", "left"), [(60, 0.0), (0, 6.0)])
def test_pods_that_lived_long_before_we_looked_have_nothing_to_prove(
    minutes: int, left: float
) -> None:
    """By the cluster's own times, less what its clock may differ from ours."""
    began = (SINCE - timedelta(minutes=minutes)).isoformat()
    assert max(watch().left(WEB, related(green(began=began)), 100.0), 0.0) == left


def test_a_pod_is_judged_by_itself() -> None:
    bare = green()
    steady = watch()
    steady.see(bare, related(), 110.0)
    assert steady.left(bare, related(), 112.0) == 4.0


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (WEB, True),
        (live("Deployment", "apps/v1", spec={"replicas": 0}), False),
        (live("DaemonSet", "apps/v1", status={"desiredNumberScheduled": 0}), False),
        (live("DaemonSet", "apps/v1", status={"desiredNumberScheduled": 1}), True),
        (live("Pod"), True),
        (live("Job", "batch/v1"), False),
        (live("Service"), False),
    ],
)
def test_only_workloads_with_pods_that_go_on_are_to_be_steady(
    document: dict[str, Any], *, expected: bool
) -> None:
    assert has_lives(document) is expected
    assert watch().demands(document) is expected
    assert not watch(0.0).demands(document)
