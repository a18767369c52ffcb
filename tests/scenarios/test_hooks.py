"""Hooks with real pods: what they print, what they hold up, and what a kill leaves behind."""

import json

import pytest

from demo.bed import Bed
from tests.scenarios import manifests
from tests.scenarios.shop import Shop
from tests.scenarios.support import Finished, Step

pytestmark = pytest.mark.timeout(200)


def hook(name: str, command: str, *, phase: str = "pre-deploy", **annotations: str) -> str:
    job = json.loads(manifests.job(name, command=command).removeprefix("---\n"))
    job["metadata"]["annotations"] = {"aks-action/phase": phase, **annotations}
    container = job["spec"]["template"]["spec"]["containers"][0]
    container["envFrom"] = [{"configMapRef": {"name": "settings"}}]
    return f"---\n{json.dumps(job)}\n"


def version(bed: Bed, namespace: str) -> str:
    path = "--output=jsonpath={.spec.template.spec.containers[0].env[0].value}"
    return bed.kubectl("get", "deployment/web", f"--namespace={namespace}", path)


def jobs(bed: Bed, namespace: str) -> dict[str, str]:
    """The uid of each Job."""
    text = bed.kubectl("get", "jobs", f"--namespace={namespace}", "--output=json")
    return {e["metadata"]["name"]: e["metadata"]["uid"] for e in json.loads(text)["items"]}


def app(version: str) -> str:
    config = manifests.config_map(LEVEL=version)
    return config + manifests.deployment(env=[{"name": "VERSION", "value": version}])


def deployed(step: Step) -> Finished:
    finished = step.run()
    assert finished.code == 0, finished.log
    return finished


def test_hooks_run_around_the_change_and_their_logs_are_told_as_they_come(
    step: Step, bed: Bed, namespace: str
) -> None:
    """In order, as text; an unchanged deploy runs none; the second one goes when it succeeded."""
    migrate = hook("migrate", 'echo "to $LEVEL"; sleep 1; printf "a\\r::error::b\\n"; echo done')
    policy = {"helm.sh/hook-delete-policy": "hook-succeeded"}
    smoke = hook("smoke", "echo fine", phase="post-deploy", **policy)
    step.write("k8s/all.yml", smoke + app("v1") + migrate)
    finished = deployed(step)
    finished.says_in_order(
        [
            "ConfigMap/", "settings created", "migrate | to v1", "stop-commands",
            "migrate | a\n::error::b", "migrate | done", "migrate is ready", "web created",
            "web is ready", "smoke | fine", "smoke deleted",
        ]
    )  # fmt: skip
    assert "Job/" in finished.summary
    before = jobs(bed, namespace)
    assert set(before) == {"migrate"}
    assert json.loads(deployed(step).outputs["result"])["counts"]["unchanged"] == 2
    assert jobs(bed, namespace) == before
    step.write("k8s/all.yml", smoke + app("v2") + migrate)
    assert "migrate | to v2" in deployed(step).log
    assert jobs(bed, namespace) != before


def test_a_migration_that_fails_leaves_the_old_pods_alone(
    step: Step, bed: Bed, namespace: str
) -> None:
    """With its log in the summary."""
    step.write("k8s/all.yml", app("v1"))
    deployed(step)
    step.write("k8s/all.yml", app("v2") + hook("migrate", "echo no table; exit 3"))
    failed = step.run()
    assert failed.code == 7
    failed.says_in_order(["migrate | no table", "failed", "1 failed"])
    assert "no table" in failed.summary
    assert version(bed, namespace) == "v1"


def test_a_smoke_test_that_failed_runs_again_though_nothing_changes(step: Step) -> None:
    """Alone: what comes before the change has done its work."""
    settings = manifests.config_map(LEVEL="info") + manifests.config_map("other", LEVEL="info")
    migrate = hook("migrate", "echo once")
    policy = {"helm.sh/hook-delete-policy": "hook-succeeded,hook-failed"}
    bad = hook("smoke", "echo bad; exit 1", phase="post-deploy", **policy)
    good = hook("smoke", "echo good", phase="post-deploy", **policy)
    step.write("k8s/all.yml", settings + migrate + bad)
    failed = step.run()
    assert failed.code == 7
    assert "smoke deleted" in failed.log
    step.write("k8s/all.yml", settings + migrate + good)
    again = deployed(step)
    assert "smoke | good" in again.log
    assert "migrate |" not in again.log
    assert "smoke |" not in deployed(step).log


@pytest.mark.parametrize("same", [True, False])
def test_a_hook_that_outlived_its_run_is_never_run_beside(
    step: Step, bed: Bed, namespace: str, *, same: bool
) -> None:
    """The same one counts for this run; another one is waited for, and then this one runs."""
    slow = "for n in 1 2 3 4 5 6 7 8; do echo step $n; sleep 1; done; echo ended"
    settings = manifests.config_map(LEVEL="info")
    step.write("k8s/all.yml", settings + hook("migrate", slow))
    process = step.start()
    step.await_line(process, "migrate | step 1")
    process.kill()
    process.communicate()
    step.forget_lock()
    before = jobs(bed, namespace)["migrate"]
    step.write("k8s/all.yml", settings + hook("migrate", slow if same else "echo another"))
    finished = deployed(step)
    assert (jobs(bed, namespace)["migrate"] == before) == same
    parts = ["still runs, since"] if same else ["until Job/", "has ended"]
    finished.says_in_order([*parts, "migrate | ended", *([] if same else ["migrate | another"])])


def test_a_canary_migrates_first_and_cleans_up_when_it_is_promoted(
    step: Step, bed: Bed, namespace: str
) -> None:
    shop = Shop(step=step, bed=bed, namespace=namespace, method="canary-pod", replicas=1)
    migrate = manifests.config_map(LEVEL="info") + hook("migrate", "echo expand")
    cleanup = hook("cleanup", "echo contract", phase="post-deploy")
    step.write("k8s/hooks.yml", migrate + cleanup)
    deploy = shop.succeed("deploy", "v1")
    told = "cleanup (post-deploy hook) runs with promote"
    deploy.says_in_order([told, "migrate | expand", "web-canary created"])
    assert "cleanup |" not in deploy.log
    promote = shop.succeed("promote", "v1")
    promote.says_in_order(["web-canary deleted", "cleanup | contract"])
    assert "migrate |" not in promote.log
