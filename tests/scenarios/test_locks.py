"""Two runs at once in one namespace, one that is cut off, and one that is killed."""

import json
import signal
import subprocess
from pathlib import Path

import pytest

from demo.bed import Bed
from tests.scenarios import manifests
from tests.scenarios.support import Step

pytestmark = pytest.mark.timeout(120)

SLOW = manifests.config_map(LEVEL="first") + manifests.deployment(
    env=[{"name": "READY", "value": "never"}]
)
HELD = "Another run deploys to namespace "
LINK = "https://github.com/your-org/shop/actions/runs/42"


def begun(step: Step) -> "subprocess.Popen[str]":
    """A deploy that has written something and waits."""
    step.write("k8s/all.yml", SLOW)
    process = step.start()
    step.await_line(process, "/web created")
    return process


def leases(bed: Bed, namespace: str) -> list[str]:
    found = bed.kubectl("get", "leases", f"--namespace={namespace}", "--output=name")
    return found.split()


@pytest.fixture(name="other")
def _other(step: Step, tmp_path: Path) -> Step:
    """Another run in the same namespace, with a configuration of its own."""
    folder = tmp_path / "other"
    folder.mkdir()
    other = step.elsewhere(folder)
    other.write("k8s/all.yml", manifests.config_map(LEVEL="second"))
    return other


def test_the_second_of_two_runs_waits_and_sees_what_the_first_has_left(
    step: Step, other: Step, bed: Bed, namespace: str
) -> None:
    """Its plan is made anew as soon as the first one, cancelled here, has given its lock back.

    One that must not wait fails at once, and has written nothing.
    """
    process = begun(step)
    assert leases(bed, namespace) == ["lease.coordination.k8s.io/aks-action"]
    refused = other.run({"lock-timeout": "0"})
    assert refused.code == 8
    assert f"{HELD}{namespace}: {LINK}, since" in refused.log
    assert "Nothing was written" in refused.summary
    waiting = other.start()
    other.await_line(waiting, HELD)
    process.send_signal(signal.SIGTERM)
    first = step.finish(process)
    assert (first.seconds < 5, first.code) == (True, 128 + signal.SIGTERM), first.log
    second = other.finish(waiting)
    assert second.code == 0, second.log
    second.says_in_order(
        ["It is this run's turn", "made anew", "LEVEL: first → second", "settings configured"]
    )
    assert leases(bed, namespace) == []
    unchanged = other.run({"lock-timeout": "0"})
    assert json.loads(unchanged.outputs["result"])["counts"]["unchanged"] == 1


def test_the_lock_of_a_run_that_was_killed_is_taken_over(
    step: Step, other: Step, bed: Bed, namespace: str
) -> None:
    """As soon as its lease is over, which is made short here, and long before `lock-timeout`."""
    process = begun(step)
    process.kill()
    process.communicate()
    short = '--patch={"spec":{"leaseDurationSeconds":3}}'
    bed.kubectl("patch", "lease/aks-action", f"--namespace={namespace}", "--type=merge", short)
    finished = other.run()
    assert finished.code == 0, finished.log
    finished.says_in_order([HELD, "It is this run's turn", "settings configured"])
    assert finished.seconds < 15
