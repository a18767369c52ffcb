"""What happens to an application over several deploys."""

import json
import signal
import time

import pytest

from demo.bed import Bed
from tests.scenarios import manifests
from tests.scenarios.support import Step

IMMUTABLE = 6
CANCELLED = 143


def versions(bed: Bed, namespace: str) -> dict[str, str]:
    """Kind/name → resourceVersion of what the manifests deployed."""
    kinds = "configmaps,secrets,services,deployments,jobs"
    found = json.loads(bed.kubectl("get", kinds, f"--namespace={namespace}", "--output=json"))
    return {
        f"{item['kind']}/{item['metadata']['name']}": item["metadata"]["resourceVersion"]
        for item in found["items"]
    }


def _is_deployed(bed: Bed, namespace: str) -> bool:
    return any(name.startswith("Deployment/") for name in versions(bed, namespace))


def value(bed: Bed, namespace: str, what: str, path: str) -> str:
    return bed.kubectl("get", what, f"--namespace={namespace}", f"--output=jsonpath={{{path}}}")


def test_the_same_deploy_again_writes_nothing(step: Step, bed: Bed, namespace: str) -> None:
    """No object gets another resourceVersion, not even for a label or an annotation."""
    step.write("k8s/all.yml", manifests.config_map(LEVEL="info") + manifests.deployment())
    first = step.run()
    assert first.code == 0, first.log
    assert json.loads(first.outputs["result"])["counts"]["created"] == 2
    before = versions(bed, namespace)
    again = step.run()
    assert again.code == 0, again.log
    assert json.loads(again.outputs["result"])["counts"]["unchanged"] == 2
    assert versions(bed, namespace) == before


def test_only_what_changed_is_written(step: Step, bed: Bed, namespace: str) -> None:
    """And the plan names the field, with both values."""
    for name in ("one", "two"):
        step.write(f"k8s/{name}.yml", manifests.config_map(name, LEVEL="info"))
    step.run()
    before = versions(bed, namespace)
    step.write("k8s/two.yml", manifests.config_map("two", LEVEL="debug"))
    finished = step.run()
    after = versions(bed, namespace)
    assert {name for name in after if after[name] != before[name]} == {"ConfigMap/two"}
    finished.says_in_order(["data.LEVEL", "info", "debug"])


def test_a_plan_writes_nothing(step: Step, bed: Bed, namespace: str) -> None:
    """It says what would be created, in the log, the summary and the output, and ends with 0."""
    step.write("k8s/all.yml", manifests.config_map(LEVEL="info") + manifests.deployment())
    before = versions(bed, namespace)
    finished = step.run({"action": "plan"})
    assert finished.code == 0, finished.log
    assert versions(bed, namespace) == before
    assert "ConfigMap" in finished.summary
    assert json.loads(finished.outputs["result"])["counts"]["created"] == 2


def test_values_of_secrets_are_shown_nowhere(step: Step) -> None:
    """Neither the old nor the new value, in a plan, an error or the summary."""
    for secret in ("first-secret-value", "second-secret-value"):
        item = manifests.document("v1", "Secret", "token", stringData={"TOKEN": secret})
        step.write("k8s/secret.yml", item)
        finished = step.run()
        assert finished.code == 0, finished.log
        everything = finished.log + finished.summary + str(finished.outputs)
        assert "secret-value" not in everything
        finished.says_in_order(["Secret/", "token"])


def test_what_is_removed_from_a_manifest_goes_away_although_kubectl_wrote_it(
    step: Step, bed: Bed, namespace: str
) -> None:
    """Fields that client-side `kubectl apply` managed are taken over."""
    kubectl = manifests.config_map(LEVEL="info", OLD="yes")
    bed.kubectl("apply", f"--namespace={namespace}", "--filename=-", stdin=kubectl)
    step.write("k8s/config.yml", manifests.config_map(LEVEL="info"))
    finished = step.run()
    assert finished.code == 0, finished.log
    assert json.loads(value(bed, namespace, "configmap/settings", ".data")) == {"LEVEL": "info"}


def test_an_autoscaler_keeps_the_replicas_that_it_set(step: Step, bed: Bed, namespace: str) -> None:
    """The manifest says 1, the autoscaler made it 3: a new deploy leaves 3."""
    scaler = manifests.document(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "web",
        spec={
            "minReplicas": 1,
            "maxReplicas": 5,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {
                        "name": "cpu",
                        "target": {"type": "Utilization", "averageUtilization": 80},
                    },
                }
            ],
        },
    )
    step.write("k8s/all.yml", manifests.deployment(replicas=1))
    step.run()
    bed.kubectl("scale", "deployment/web", "--replicas=3", f"--namespace={namespace}")
    changed = manifests.deployment(replicas=1, env=[{"name": "VERSION", "value": "2"}])
    step.write("k8s/all.yml", changed + scaler)
    finished = step.run()
    assert value(bed, namespace, "deployment/web", ".spec.replicas") == "3", finished.log


def test_a_field_that_cannot_change_is_named_and_force_makes_the_object_again(
    step: Step, bed: Bed, namespace: str
) -> None:
    """Without `force` nothing at all is written."""
    step.write("k8s/all.yml", manifests.deployment(labels={"app": "web"}))
    assert step.run().code == 0
    before = versions(bed, namespace)
    other = manifests.deployment(labels={"app": "web", "tier": "front"})
    step.write("k8s/all.yml", other + manifests.config_map(LEVEL="info"))
    refused = step.run()
    assert refused.code != 0
    refused.says_in_order(["spec.selector", "force"])
    assert versions(bed, namespace) == before
    forced = step.run({"force": "true"})
    assert forced.code == 0, forced.log
    assert "front" in value(bed, namespace, "deployment/web", ".spec.selector.matchLabels")


def test_a_changed_job_that_has_ended_is_made_again(step: Step, bed: Bed, namespace: str) -> None:
    """A Job's template cannot change; one that has ended is done with."""
    for version in ("1", "2"):
        step.write("k8s/job.yml", manifests.job("migrate", command="true", version=version))
        finished = step.run()
        assert finished.code == 0, finished.log
    environment = value(bed, namespace, "job/migrate", ".spec.template.spec.containers[0].env")
    assert '"2"' in environment


def test_a_changed_job_that_still_runs_is_left_alone(step: Step, bed: Bed, namespace: str) -> None:
    """An error that says so, unless `force` is given."""
    running = manifests.job("import", command="sleep 300")
    bed.kubectl("create", f"--namespace={namespace}", "--filename=-",
                stdin=running.replace('"image": "busybox"', '"image": "pause"'))  # fmt: skip
    uid = value(bed, namespace, "job/import", ".metadata.uid")
    step.write("k8s/job.yml", manifests.job("import", command="true"))
    refused = step.run()
    assert refused.code != 0
    refused.says_in_order(["import", "force"])
    assert value(bed, namespace, "job/import", ".metadata.uid") == uid
    forced = step.run({"force": "true"})
    assert forced.code == 0, forced.log
    assert value(bed, namespace, "job/import", ".metadata.uid") != uid


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_cancelled_run_ends_within_5_seconds_and_says_what_was_written(
    step: Step, bed: Bed, namespace: str, number: signal.Signals
) -> None:
    """While it waits for a pod that is never ready."""
    never = manifests.deployment(env=[{"name": "READY", "value": "never"}])
    step.write("k8s/all.yml", never)
    process = step.start()
    deadline = time.monotonic() + 30
    while not _is_deployed(bed, namespace) and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(1)
    process.send_signal(number)
    finished = step.finish(process)
    assert finished.seconds < 5
    assert finished.code == 128 + number
    assert "Deployment" in finished.summary
    assert json.loads(finished.outputs["result"])["counts"]["created"] == 1
