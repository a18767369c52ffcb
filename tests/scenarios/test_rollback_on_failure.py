"""`rollback-on-failure` with real pods: what answers, what is back, and what a kill leaves."""

import json
from pathlib import Path
from typing import Any

import pytest

from aks_action.errors import RolloutFailed
from demo.bed import Bed
from tests.faults.proxy import Proxy
from tests.scenarios import manifests
from tests.scenarios.load import Load, await_answer
from tests.scenarios.shop import SOAK, Shop
from tests.scenarios.support import KILLED, Finished, Step
from tests.scenarios.test_configuration import found, names, reader, serves, target

pytestmark = pytest.mark.timeout(250)

BACK = {"rollback-on-failure": "true", "timeout": "40s"}
FIRST_WRITE_BACK = 5
"""After the lock, the configuration, what is new, and the workload."""
STRIDE = 1 if SOAK else 2


def app(level: str, *, broken: bool = False, replicas: int = 2) -> str:
    """A server that answers its setting; broken: it ends at once, and there is more that is new."""
    text = manifests.config_map(LEVEL=level) + reader(replicas=replicas)
    if not broken:
        return text
    crash = '"env": [{"name": "CRASH_AFTER", "value": "0s"}, '
    return text.replace('"env": [', crash) + manifests.config_map("feature", LEVEL="new")


def deployed(step: Step, text: str, **inputs: str) -> Finished:
    step.write("k8s/all.yml", text)
    finished = step.run(inputs)
    assert finished.code == 0, finished.log
    return finished


def state(bed: Bed, namespace: str) -> dict[str, Any]:
    """What the objects are, without what tells when they were made."""
    items = found(bed, namespace, "configmaps,deployments,services")
    return {
        f"{each['kind']}/{each['metadata']['name']}": each.get("data") or each["spec"]
        for each in items
    }


def test_no_request_fails_while_a_crashing_version_goes_back_with_its_configuration(
    step: Step, bed: Bed, namespace: str, tmp_path: Path
) -> None:
    """And the manifests of before change nothing any more."""
    old = app("old")
    deployed(step, old)
    await_answer(bed, target(bed, namespace))
    before = state(bed, namespace)
    step.write("k8s/all.yml", app("new", broken=True))
    with Load(bed, tmp_path, [target(bed, namespace)], rate=40) as load:
        failed = step.run(BACK)
        load.last(seconds=1)
        answers = load.stop()
    assert failed.code == 7, failed.log
    assert not answers.failures, answers.failed
    assert set(answers.versions) == {"SETTING=old"}
    failed.says_in_order(["exits with code 1", "Roll back", "web is ready", "feature deleted"])
    assert "2 objects are as before, 1 object is gone that this run had created" in failed.log
    assert "Rolled back in" in failed.summary
    assert state(bed, namespace) == before
    result = json.loads(deployed(step, old).outputs["result"])
    assert result["counts"]["unchanged"] == 3


def test_versioned_configuration_points_back_and_readers_that_were_restarted_have_the_old(
    step: Step, bed: Bed, namespace: str
) -> None:
    """A reader whose own manifest did not change runs with the content of before again."""
    version = {"config-changes": "version"}
    text = app("old", replicas=1)
    deployed(step, text, **version)
    before = names(bed, namespace, "configmaps")
    step.write("k8s/all.yml", app("new", broken=True, replicas=1))
    assert step.run({**BACK, **version}).code == 7
    assert names(bed, namespace, "configmaps") == before
    plain = manifests.config_map("plain", LEVEL="old") + reader("other", config="plain", replicas=1)
    deployed(step, plain)
    broken = reader("broken", config="plain", replicas=1).replace("LEVEL", "MISSING")
    step.write("k8s/all.yml", plain.replace("old", "new", 1) + broken)
    failed = step.run(BACK)
    assert failed.code == 7, failed.log
    failed.says_in_order(["other  (restart", "Roll back", "other  (as it was"])
    serves(bed, step, namespace, "old", "other")
    assert names(bed, namespace, "deployments") == {"web", "other"}


def test_killed_after_any_write_of_its_way_back_the_next_run_converges(
    step: Step, bed: Bed, namespace: str, proxy: Proxy
) -> None:
    """The manifests of before lead to what was there before, wherever it was cut off."""
    old, new = app("old", replicas=1), app("new", broken=True, replicas=1)
    deployed(step, old)
    before = state(bed, namespace)
    writes = 0
    for limit in range(FIRST_WRITE_BACK, 30, STRIDE):
        step.write("k8s/all.yml", new)
        finished = step.run_through(proxy, BACK, limit=limit, code=RolloutFailed.exit_code)
        if finished.code != KILLED:
            break
        writes += 1
        deployed(step, old)
        left = {key: each for key, each in state(bed, namespace).items() if key in before}
        assert left == before, finished.log
        bed.kubectl("delete", "configmap/feature", f"--namespace={namespace}", "--ignore-not-found")
    assert state(bed, namespace) == before
    assert writes > 0


def test_a_canary_that_fails_is_rejected_and_its_configuration_goes_back(
    step: Step, bed: Bed, namespace: str
) -> None:
    """Nothing of it stays, and the stable serves as before."""
    shop = Shop(step=step, bed=bed, namespace=namespace, method="canary-pod", replicas=1)
    step.write("k8s/config.yml", manifests.config_map(LEVEL="old"))
    shop.begin("v0")
    before = state(bed, namespace)
    step.write("k8s/config.yml", manifests.config_map(LEVEL="new"))
    shop.write("v1", CRASH_AFTER="0s")
    failed = step.run({"action": "deploy", **BACK, **shop.inputs})
    assert failed.code == 7, failed.log
    failed.says_in_order(["web-canary", "Roll back", "web-canary deleted", "settings configured"])
    assert state(bed, namespace) == before
    assert shop.names("deployments") == {"Deployment/web"}
