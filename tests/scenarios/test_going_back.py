"""Records, rollback and prune, seen by what pods answer and by what is left in the namespace."""

import json

import pytest

from demo.bed import Bed
from tests.faults.proxy import Proxy
from tests.scenarios import manifests
from tests.scenarios.shop import SOAK
from tests.scenarios.support import Finished, Step
from tests.scenarios.test_configuration import found, names, serves

pytestmark = pytest.mark.timeout(900 if SOAK else 280)

RELEASE = {"release-name": "shop"}
PRUNE = {**RELEASE, "prune": "true"}
MOST_WRITES = 20


def succeeded(step: Step, **inputs: str) -> Finished:
    finished = step.run({**RELEASE, **{key.replace("_", "-"): v for key, v in inputs.items()}})
    assert finished.code == 0, finished.log
    return finished


def app(level: str, name: str = "web", *, key: str = "LEVEL") -> str:
    """A ConfigMap, a server that answers its setting, and a Service for it."""
    source = {"configMapKeyRef": {"name": "settings", "key": key}}
    service = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}]}
    return (
        manifests.config_map(LEVEL=level)
        + manifests.deployment(name, env=[{"name": "SETTING", "valueFrom": source}])
        + manifests.document("v1", "Service", name, spec=service)
    )


@pytest.mark.parametrize("mode", ["restart", "version"])
def test_after_a_rollback_pods_have_the_configuration_of_the_earlier_version(
    mode: str, step: Step, bed: Bed, namespace: str
) -> None:
    """Under the name that it had, and with the values of no Secret in any log."""
    secret = manifests.document("v1", "Secret", "token", stringData={"TOKEN": "hush-hush"})
    for version in ("v1", "v2"):
        step.write("k8s/all.yml", secret + app(version))
        finished = succeeded(step, tag=version, config_changes=mode)
    serves(bed, step, namespace, "v2")
    (step.workspace / "k8s/all.yml").unlink()
    back = succeeded(step, action="rollback", config_changes=mode)
    serves(bed, step, namespace, "v1")
    assert back.outputs["version"] == "v1"
    assert "Rolled back: v1 to" in back.summary
    back.says_in_order(
        ["Going back to v1 (record 1), deployed", "Remembered as v1 (record 3) of release `shop`."]
    )
    assert "hush-hush" not in finished.log + back.log + back.summary + str(back.outputs)


def test_a_version_that_fails_leaves_the_last_good_one_to_go_back_to(
    step: Step, bed: Bed, namespace: str
) -> None:
    step.write("k8s/all.yml", app("v1"))
    succeeded(step, tag="v1")
    step.write("k8s/all.yml", app("v2", key="ABSENT"))
    assert step.run({**RELEASE, "tag": "v2"}).code == 7
    back = succeeded(step, action="rollback")
    serves(bed, step, namespace, "v1")
    assert "What was begun last is v2" in back.log
    assert "The rollout failed" in back.log


@pytest.mark.soak  # the contract suite does it without pods
def test_a_rollback_and_a_prune_that_are_killed_after_any_write_end_as_undisturbed(
    step: Step, bed: Bed, proxy: Proxy, namespace: str
) -> None:
    """By SIGKILL, with real pods: what is left is what is left without any of it."""
    step.write("k8s/old.yml", manifests.deployment("old") + manifests.config_map("old-settings"))
    step.write("k8s/all.yml", app("v1"))
    succeeded(step, tag="v1", prune="true")
    (step.workspace / "k8s/old.yml").unlink()
    step.write("k8s/all.yml", app("v2"))
    assert _insist(step, proxy, tag="v2") > 1
    assert names(bed, namespace, "deployments") == {"web"}
    assert names(bed, namespace, "configmaps") == {"settings"}
    assert _insist(step, proxy, action="rollback") > 1
    assert names(bed, namespace, "deployments") == {"web", "old"}
    assert names(bed, namespace, "configmaps") == {"settings", "old-settings"}
    serves(bed, step, namespace, "v1")
    records = [each for each in found(bed, namespace, "secrets") if "labels" in each["metadata"]]
    versions = [each["metadata"]["labels"].get("aks-action/version") for each in records]
    assert sorted(filter(None, versions)) == ["v1", "v1", "v2"]


def _insist(step: Step, proxy: Proxy, **inputs: str) -> int:
    """Run it again and again, each time killed a write later; how often it was killed."""
    for kills, limit in enumerate(range(1, MOST_WRITES)):
        if step.run_through(proxy, {**PRUNE, **inputs}, limit=limit).code == 0:
            return kills
    raise AssertionError("it never came to its end")


def test_kubectl_sees_the_release_as_an_apply_set(step: Step, bed: Bed, namespace: str) -> None:
    """The parent's id is the label of the members."""
    step.write("k8s/all.yml", manifests.config_map(LEVEL="v1"))
    succeeded(step, tag="v1", prune="true")
    (own,) = (
        each
        for each in found(bed, namespace, "secrets")
        if each["metadata"]["name"] == "aks-action.shop"
    )
    identity = own["metadata"]["labels"]["applyset.kubernetes.io/id"]
    label = f"--selector=applyset.kubernetes.io/part-of={identity}"
    members = bed.kubectl("get", "configmaps", label, f"--namespace={namespace}", "--output=json")
    assert [each["metadata"]["name"] for each in json.loads(members)["items"]] == ["settings"]
