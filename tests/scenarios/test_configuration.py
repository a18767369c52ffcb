"""Changed ConfigMaps and Secrets, seen by what the pods themselves answer at /config."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from demo.bed import Bed
from tests.scenarios import manifests
from tests.scenarios.load import Load, Target
from tests.scenarios.support import Finished, Step

pytestmark = pytest.mark.timeout(280)

VERSION = {"config-changes": "version"}


def reader(name: str = "web", *, config: str = "settings", replicas: int = 2) -> str:
    """A well-behaved server that answers its setting, and a Service for it."""
    labels = {"app": name}
    source = {"configMapKeyRef": {"name": config, "key": "LEVEL"}}
    container = {
        "name": "server",
        "image": "server",
        "env": [{"name": "SETTING", "valueFrom": source}, {"name": "STOP_AFTER", "value": "3s"}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1},
    }
    rolling = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    spec = {
        "replicas": replicas,
        "strategy": rolling,
        "minReadySeconds": 2,
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"terminationGracePeriodSeconds": 10, "containers": [container]},
        },
    }
    service = {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]}
    return manifests.document("apps/v1", "Deployment", name, spec=spec) + manifests.document(
        "v1", "Service", name, spec=service
    )


def found(bed: Bed, namespace: str, kinds: str) -> list[dict[str, Any]]:
    text = bed.kubectl("get", kinds, f"--namespace={namespace}", "--output=json")
    items: list[dict[str, Any]] = json.loads(text)["items"]
    return items


def names(bed: Bed, namespace: str, kinds: str) -> set[str]:
    ours = found(bed, namespace, kinds)
    return {each["metadata"]["name"] for each in ours} - {"kube-root-ca.crt", "registry"}


def templates(bed: Bed, namespace: str) -> dict[str, Any]:
    """The pod template of every Deployment."""
    items = found(bed, namespace, "deployments")
    return {each["metadata"]["name"]: each["spec"]["template"] for each in items}


def target(bed: Bed, namespace: str, name: str = "web") -> Target:
    (service,) = (e for e in found(bed, namespace, "services") if e["metadata"]["name"] == name)
    return Target(url=f"http://{service['spec']['clusterIP']}/config")


def serves(bed: Bed, step: Step, namespace: str, level: str, name: str = "web") -> None:
    """The pods behind the Service answer this setting alone, once old ones are gone."""
    deadline = time.monotonic() + 20
    where, seen = target(bed, namespace, name), set[str]()
    while seen != {f"SETTING={level}"}:
        assert time.monotonic() < deadline, f"the pods answer {seen}"
        with Load(bed, step.temp, [where], rate=10, seconds=0.5) as load:
            seen = set(load.wait().versions)


def deployed(step: Step, **inputs: str) -> Finished:
    finished = step.run({key.replace("_", "-"): value for key, value in inputs.items()})
    assert finished.code == 0, finished.log
    return finished


def test_a_changed_config_map_restarts_exactly_its_readers(
    step: Step, bed: Bed, namespace: str
) -> None:
    """The one in the manifests and the one that is only in the cluster; nobody twice."""
    others = manifests.config_map("others", LEVEL="info")
    readers = reader(replicas=1) + reader("bystander", config="others", replicas=1)
    step.write("k8s/all.yml", manifests.config_map(LEVEL="info") + others + readers)
    step.write("k8s/outsider.yml", reader("outsider", replicas=1))
    assert not deployed(step).outputs["restarted"]
    (step.workspace / "k8s/outsider.yml").unlink()
    before = templates(bed, namespace)
    step.write("k8s/all.yml", manifests.config_map(LEVEL="debug") + others + readers)
    planned = step.run({"action": "plan"})
    assert templates(bed, namespace) == before
    finished = deployed(step)
    expected = [f"Deployment/{namespace}/{name}" for name in ("outsider", "web")]
    assert planned.outputs["restarted"].splitlines() == expected
    assert finished.outputs["restarted"].splitlines() == expected
    assert "restarted" in finished.summary
    after = templates(bed, namespace)
    assert {name for name in after if after[name] != before[name]} == {"outsider", "web"}
    for name in ("web", "outsider"):
        serves(bed, step, namespace, "debug", name)
    assert not deployed(step).outputs["restarted"]
    assert templates(bed, namespace) == after
    (settings,) = (
        e for e in found(bed, namespace, "configmaps") if e["metadata"]["name"] == "settings"
    )
    assert "aks-action/restart-pending" not in settings["metadata"].get("annotations", {})


def test_a_hand_made_change_is_undone_and_its_readers_restart(
    step: Step, bed: Bed, namespace: str
) -> None:
    step.write("k8s/all.yml", manifests.config_map(LEVEL="info") + reader(replicas=1))
    deployed(step)
    patch = '--patch={"data":{"LEVEL":"by hand"}}'
    bed.kubectl("patch", "configmap/settings", f"--namespace={namespace}", patch)
    assert deployed(step).outputs["restarted"] == f"Deployment/{namespace}/web"


def test_promote_and_a_second_deploy_bring_pods_the_configuration_that_alone_has_changed(
    step: Step, bed: Bed, namespace: str
) -> None:
    """With blue-green: green is replaced by the second deploy, the stable by promote."""

    def act(level: str, **inputs: str) -> dict[str, str | None]:
        """What each workload says that its pods are for; all traffic gets that level."""
        text = manifests.config_map(LEVEL=level) + reader(replicas=1)
        step.write("k8s/all.yml", text.replace('"minReadySeconds": 2,', ""))
        deployed(step, **inputs)
        serves(bed, step, namespace, level)
        return {
            name: (each["metadata"].get("annotations") or {}).get("aks-action/config-hash")
            for name, each in templates(bed, namespace).items()
        }

    assert act("one") == {"web": None}
    first = act("two", strategy="blue-green")
    second = act("three", strategy="blue-green")
    assert first["web"] is second["web"] is None
    assert first["web-green"] != second["web-green"]
    assert act("three", strategy="blue-green", action="promote") == {"web": second["web-green"]}


def test_no_request_fails_while_pods_restart_and_modes_are_switched(
    step: Step, bed: Bed, namespace: str, tmp_path: Path
) -> None:
    """Plain, restarted, versioned, changed, back to old content, and plain again."""
    both = {"restart": {}, "version": VERSION}
    life = (
        ("restart", "one"), ("version", "one"), ("version", "two"), ("version", "one"),
        ("restart", "three"),
    )  # fmt: skip
    step.write("k8s/all.yml", manifests.config_map(LEVEL="zero") + reader())
    deployed(step)
    time.sleep(1)
    named = []
    with Load(bed, tmp_path, [target(bed, namespace)], rate=60) as load:
        for mode, level in life:
            step.write("k8s/all.yml", manifests.config_map(LEVEL=level) + reader())
            finished = step.run(both[mode])
            assert finished.code == 0, finished.log
            environment = templates(bed, namespace)["web"]["spec"]["containers"][0]["env"]
            named.append(environment[0]["valueFrom"]["configMapKeyRef"]["name"])
            load.last(seconds=2)
        answers = load.stop()
    assert not answers.failures, answers.failed
    assert answers.sent > 500
    assert set(answers.versions) == {
        f"SETTING={level}" for level in ("zero", *(level for _, level in life))
    }
    plain, first, second, first_again, last = named
    assert plain == last == "settings"
    assert first.startswith("settings-")
    assert first == first_again != second
    assert names(bed, namespace, "configmaps") == {"settings", first, second}


@pytest.mark.soak  # the contract suite has every kind that may name a version
def test_old_versions_go_when_nothing_names_them_any_more(
    step: Step, bed: Bed, namespace: str
) -> None:
    """As long as a ReplicaSet of the history does, `kubectl rollout undo` has to work."""
    inputs = {**VERSION, "config-history": "1"}
    step.write("k8s/secret.yml", "")
    kept: set[str] = set()
    for history in (10, 0):
        limited = reader(replicas=1).replace(
            '"minReadySeconds": 2', f'"minReadySeconds": 0, "revisionHistoryLimit": {history}'
        )
        for level in ("one", "two", "three"):
            text = manifests.config_map(LEVEL=f"{level}-{history}")
            step.write("k8s/all.yml", text + limited)
            finished = step.run(inputs)
            assert finished.code == 0, finished.log
        kept = names(bed, namespace, "configmaps")
        if history:
            assert len(kept) == 3
            bed.kubectl("rollout", "undo", "deployment/web", f"--namespace={namespace}")
    # What was replaced is named until its ReplicaSet and its pod are gone.
    deadline = time.monotonic() + 90
    while any(len(names(bed, namespace, kind)) > 1 for kind in ("replicasets", "pods")):
        assert time.monotonic() < deadline, "old ReplicaSets and pods do not go"
        time.sleep(0.5)
    step.write("k8s/all.yml", manifests.config_map(LEVEL="last") + limited)
    last = step.run(inputs)
    assert last.code == 0, last.log
    assert len(names(bed, namespace, "configmaps")) <= 2, last.log
    assert "Remove" in last.summary or "deleted" in last.summary


def test_a_versioned_secret_is_immutable_and_its_values_are_shown_nowhere(
    step: Step, bed: Bed, namespace: str
) -> None:
    app = reader(replicas=1).replace("configMapKeyRef", "secretKeyRef")
    for value in ("first-value", "second-value"):
        secret = manifests.document("v1", "Secret", "settings", stringData={"LEVEL": value})
        step.write("k8s/all.yml", secret + app)
        finished = step.run(VERSION)
        assert finished.code == 0, finished.log
        assert value not in finished.log + finished.summary + str(finished.outputs)
    finished.says_in_order(["Secret/", "settings-", "created", "data.LEVEL"])
    secrets = [e for e in found(bed, namespace, "secrets") if e["metadata"]["name"] != "registry"]
    assert [each["immutable"] for each in secrets] == [True, True]
    unchanged = step.run(VERSION)
    assert json.loads(unchanged.outputs["result"])["counts"]["unchanged"] == 3
