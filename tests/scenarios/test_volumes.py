"""Volumes that real pods mount: they grow, their files stay, and the pods do not notice."""

import json
from pathlib import Path
from typing import Any

import pytest

from demo.bed import Bed
from tests.faults.proxy import Proxy
from tests.scenarios import manifests
from tests.scenarios.load import Load, Target, await_answer
from tests.scenarios.support import Finished, Step

KEPT = "it was here before"

pytestmark = pytest.mark.timeout(240)


def claim_spec(size: str, storage_class: str = "expandable") -> dict[str, Any]:
    return {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": storage_class,
        "resources": {"requests": {"storage": size}},
    }


def claim(size: str, name: str = "data", **changes: str) -> str:
    return manifests.document("v1", "PersistentVolumeClaim", name, spec=claim_spec(size, **changes))


def pod(text: str = KEPT) -> dict[str, Any]:
    """A server that shows a file of its volume, which its first pod has written."""
    mounts = [{"name": "data", "mountPath": "/data"}]
    once = f"test -f /data/file || echo '{text}' > /data/file"
    writer = {"name": "write", "image": "busybox", "command": ["sh", "-c", once]}
    server = {
        "name": "server",
        "image": "server",
        "env": [{"name": "CONFIG_FILE", "value": "/data/file"}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1},
    }
    return {
        "terminationGracePeriodSeconds": 1,
        "initContainers": [{**writer, "volumeMounts": mounts}],
        "containers": [{**server, "volumeMounts": mounts}],
    }


def workload(kind: str, *, replicas: int = 1, **spec: Any) -> str:
    """One that mounts the volume `data`, and its Service."""
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {**pod(), **spec.pop("pod", {})}}
    service = {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]}
    whole = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return manifests.document("apps/v1", kind, "web", spec={**whole, **spec}) + manifests.document(
        "v1", "Service", "web", spec=service
    )


def deployment(text: str = KEPT) -> str:
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    return workload("Deployment", pod={**pod(text), "volumes": [volume]})


def stateful_set(size: str, *, replicas: int = 1) -> str:
    template = {"metadata": {"name": "data"}, "spec": claim_spec(size)}
    return workload(
        "StatefulSet", replicas=replicas, serviceName="web", volumeClaimTemplates=[template]
    )


def found(bed: Bed, namespace: str, kind: str) -> dict[str, dict[str, Any]]:
    text = bed.kubectl("get", kind, f"--namespace={namespace}", "--output=json")
    return {each["metadata"]["name"]: each for each in json.loads(text)["items"]}


def uids(bed: Bed, namespace: str) -> dict[str, str]:
    """The pods and how often their containers were restarted."""
    return {
        each["metadata"]["uid"]: str(each["status"]["containerStatuses"][0]["restartCount"])
        for each in found(bed, namespace, "pods").values()
    }


def capacity(bed: Bed, namespace: str, name: str) -> str:
    claims = found(bed, namespace, "persistentvolumeclaims")
    return str(claims[name]["status"]["capacity"]["storage"])


def target(bed: Bed, namespace: str) -> Target:
    address = found(bed, namespace, "services")["web"]["spec"]["clusterIP"]
    return Target(url=f"http://{address}/config")


def deployed(step: Step, text: str, code: int = 0, **inputs: str) -> Finished:
    step.write("k8s/all.yml", text)
    finished = step.run({key.replace("_", "-"): value for key, value in inputs.items()})
    assert finished.code == code, finished.log
    return finished


def test_a_claim_grows_under_a_running_pod_that_keeps_its_files(
    step: Step, bed: Bed, namespace: str, tmp_path: Path
) -> None:
    """The kubelet finishes it, as with a disk; more than there can be fails with the reason."""
    disk = "on-first-use"
    deployed(step, claim("1Gi", storage_class=disk) + deployment())
    before = uids(bed, namespace)
    finished = deployed(step, claim("2Gi", storage_class=disk) + deployment())
    finished.says_in_order(["data  configured", "requests.storage: 1Gi → 2Gi", "data is ready"])
    assert capacity(bed, namespace, "data") == "2Gi"
    failed = deployed(step, claim("2Ti", storage_class=disk) + deployment(), code=7)
    assert "does not grow from 2Gi to 2Ti" in failed.log
    assert "2Ti is more than the 1Ti of a volume" in failed.log
    assert uids(bed, namespace) == before
    with Load(bed, tmp_path, [target(bed, namespace)], rate=5, seconds=1) as load:
        (answer,) = load.wait().versions
    assert KEPT in answer


def test_a_claim_that_nobody_mounts_is_told_and_not_waited_for(
    step: Step, bed: Bed, namespace: str
) -> None:
    """Its file system can only grow when a pod comes; a smaller size is refused meanwhile."""
    disk = "on-first-use"
    deployed(step, claim("1Gi", storage_class=disk) + deployment())
    bed.kubectl("delete", "deployment", "web", f"--namespace={namespace}", "--wait")
    bed.kubectl("wait", "--for=delete", "pod", "--all", f"--namespace={namespace}")
    finished = deployed(step, claim("2Gi", storage_class=disk))
    assert "its file system follows when a pod mounts it" in finished.log
    assert finished.seconds < 20
    refused = deployed(step, claim("512Mi", storage_class=disk), code=3)
    assert "file=k8s/all.yml,line=2" in refused.log
    assert "a volume cannot shrink (2Gi → 512Mi)" in refused.log


def test_a_stateful_set_grows_with_every_request_answered(
    step: Step, bed: Bed, namespace: str, tmp_path: Path
) -> None:
    """Its pods stay what they are, and a new replica gets the new size."""
    deployed(step, stateful_set("1Gi"))
    await_answer(bed, target(bed, namespace))
    before = uids(bed, namespace)
    with Load(bed, tmp_path, [target(bed, namespace)], rate=40) as load:
        finished = deployed(step, stateful_set("2Gi"))
        load.last(seconds=1)
        answers = load.stop()
    assert not answers.failures, answers.failed
    assert list(answers.versions) == [f"SETTING=\n/data/file:\n{KEPT}"]
    finished.says_in_order(
        ["Grow claims", "1Gi → 2Gi", "Make StatefulSets anew", "its pods run on", "recreated"]
    )
    assert "its pods run on" in finished.summary
    assert uids(bed, namespace) == before
    assert capacity(bed, namespace, "data-web-0") == "2Gi"
    more = deployed(step, stateful_set("2Gi", replicas=2))
    assert json.loads(more.outputs["result"])["counts"]["configured"] == 1
    assert capacity(bed, namespace, "data-web-1") == "2Gi"
    assert before.items() <= uids(bed, namespace).items()


def test_a_stateful_set_that_asked_for_too_much_asks_for_less_and_its_pods_run_on(
    step: Step, bed: Bed, namespace: str
) -> None:
    """Even with `rollback-on-failure`, which leaves volumes as large as they are."""
    deployed(step, stateful_set("1Gi"))
    before = uids(bed, namespace)
    failed = deployed(step, stateful_set("2Ti"), code=7, rollback_on_failure="true")
    assert "2Ti is more than the 1Ti of a volume" in failed.log
    assert uids(bed, namespace) == before
    deployed(step, stateful_set("2Gi"))
    assert capacity(bed, namespace, "data-web-0") == "2Gi"
    assert uids(bed, namespace) == before


@pytest.mark.soak  # the contract suite does it without pods
def test_a_growth_that_is_killed_after_each_of_its_writes_comes_to_its_end(
    step: Step, bed: Bed, proxy: Proxy, namespace: str, tmp_path: Path
) -> None:
    """Again and again, a write later each time: the pods run on, and nothing is left over."""
    deployed(step, stateful_set("1Gi"))
    await_answer(bed, target(bed, namespace))
    before = uids(bed, namespace)
    step.write("k8s/all.yml", stateful_set("2Gi"))
    diary: list[object] = []
    with Load(bed, tmp_path, [target(bed, namespace)], rate=40) as load:
        for limit in range(1, 20):
            finished = step.run_through(proxy, {}, limit=limit)
            diary.append((finished.code, list(proxy.writes)))
            if finished.code == 0:
                break
        answers = load.stop()
    assert len(diary) > 3, diary
    assert not answers.failures, answers.failed
    assert uids(bed, namespace) == before
    assert set(found(bed, namespace, "persistentvolumeclaims")) == {"data-web-0"}
    assert set(found(bed, namespace, "secrets")) == {"registry"}
    assert capacity(bed, namespace, "data-web-0") == "2Gi"
    (left,) = found(bed, namespace, "statefulsets").values()
    template = left["spec"]["volumeClaimTemplates"][0]
    assert template["spec"]["resources"]["requests"]["storage"] == "2Gi"
    assert "aks-action/volumes-growing" not in left["metadata"]["annotations"]
    unchanged = step.run()
    assert json.loads(unchanged.outputs["result"])["counts"]["unchanged"] == 2


def test_a_claim_that_cannot_change_is_made_anew_and_the_old_volume_kept(
    step: Step, bed: Bed, namespace: str, tmp_path: Path
) -> None:
    """No pod of the old volume runs any more when the first of the new one begins."""
    deployed(step, claim("1Gi") + deployment())
    old = found(bed, namespace, "persistentvolumeclaims")["data"]
    wanted = claim("1Gi", storage_class="not-expandable") + deployment("it is new")
    refused = deployed(step, wanted, code=3)
    assert "spec.storageClassName cannot change (expandable → not-expandable)" in refused.log
    finished = deployed(step, wanted, recreate_claims="data")
    volume = old["spec"]["volumeName"]
    finished.says_in_order(["Stop what uses old claims", "data-v2  created", volume, "are kept"])
    assert volume in finished.summary
    claims = found(bed, namespace, "persistentvolumeclaims")
    assert claims["data"]["metadata"]["uid"] == old["metadata"]["uid"]
    assert bed.kubectl("get", "pv", volume, "--output=jsonpath={.status.phase}") == "Bound"
    with Load(bed, tmp_path, [target(bed, namespace)], rate=5, seconds=1) as load:
        (answer,) = load.wait().versions
    assert "it is new" in answer
    unchanged = step.run()
    assert json.loads(unchanged.outputs["result"])["counts"]["unchanged"] == 3
    assert "data of the manifests is PersistentVolumeClaim" in unchanged.log
