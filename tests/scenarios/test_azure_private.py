"""A private cluster: everything by run commands, which are counted."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from demo.bed import ROOT
from tests.scenarios.azure_step import AzureStep, Ran
from tests.scenarios.manifests import config_map, deployment, document
from tests.scenarios.test_azure import CONFIG, OIDC, TARGET, live, workload
from tests.scenarios.test_azure import _azure as _azure  # noqa: PLC0414 - fixtures
from tests.scenarios.test_azure import _server as _server  # noqa: PLC0414
from tests.scenarios.test_azure import _step as _step  # noqa: PLC0414
from tests.standins import manager
from tests.standins.manager import Cluster
from tests.standins.runner import Runner, with_token

PRIVATE = {**OIDC, **TARGET, "private-cluster": "true"}
CANARY = {"strategy": "canary", "percentage": "50"}
BLUE_GREEN = {"strategy": "blue-green"}
SERVICE = document(
    "v1", "Service", "web", spec={"selector": {"app": "web"}, "ports": [{"port": 8080}]}
)


@pytest.fixture(name="runner")
def _runner(step: AzureStep, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """The cluster cannot be reached but by run commands, which act as who signed in."""
    cluster = step.azure.manager.clusters[0]
    cluster.user = cluster.admin = "nobody reads this"
    cluster.grant(step.azure.app.object_id, manager.RUN)
    cluster.runner = Runner(
        folder=tmp_path_factory.mktemp("runner"),
        programs=str(ROOT / ".venv/bin"),
        kubeconfig=lambda token: with_token(step.server.admin_kubeconfig(), token),
    )
    return cluster.runner


def serving(step: AzureStep, manifests: str = deployment() + SERVICE) -> None:
    """Something is deployed already, by another way."""
    open_cluster = Cluster(name="open", user=step.server.exec_kubeconfig())
    step.azure.manager.add(open_cluster).grant(step.azure.app.object_id, manager.USER)
    step.write("k8s/web.yml", manifests)
    ran = step.run({**OIDC, **TARGET, "cluster-name": "open"}, step.azure.github.env)
    assert ran.code == 0, ran.log


def run(step: AzureStep, runner: Runner, commands: int, **inputs: str) -> Ran:
    """A step that succeeds by so many run commands, and tells each."""
    runner.bodies.clear()
    named = {name.replace("_", "-"): value for name, value in inputs.items()}
    ran = step.run({**PRIVATE, **named}, step.azure.github.env)
    assert ran.code == 0, ran.log
    assert len(runner.bodies) == commands, ran.log
    assert f"Run command {commands} in the cluster" in ran.log
    assert f"Run command {commands + 1} " not in ran.log
    return ran


@pytest.mark.timeout(240)
def test_a_deploy_takes_three_run_commands_and_the_same_again_one(
    step: AzureStep, runner: Runner
) -> None:
    """Observe, check, carry out; the report is the same as elsewhere, and no secret is in it."""
    step.write("k8s/shop.yml", CONFIG + config_map("other", a="b"))
    step.write("k8s/web.yml", deployment())
    ran = run(step, runner, 3)
    ran.keeps(step.azure.secrets)
    assert live(step, "configmaps/shop")["data"] == {"colour": "green"}
    assert f"Deployment/{step.namespace}/web created" in ran.log
    assert f"Deployment/{step.namespace}/web is ready after" in ran.log
    assert not step.azure.web.asked(manager.HOST, "Credential")

    assert "3 unchanged" in run(step, runner, 1).log
    before = live(step, "configmaps/other")["metadata"]["resourceVersion"]
    step.write("k8s/shop.yml", CONFIG.replace("green", "blue") + config_map("other", a="b"))
    ran = run(step, runner, 3)
    assert f"ConfigMap/{step.namespace}/shop configured" in ran.log
    assert live(step, "configmaps/other")["metadata"]["resourceVersion"] == before, ran.log


def test_a_plan_takes_two_run_commands_and_writes_nothing(step: AzureStep, runner: Runner) -> None:
    """Names and values with quotes and blanks come through whole (k8s-deploy's issue 245)."""
    tricky = "a 'b' \"c\" $(touch /tmp/never) `d` \\"
    step.write("k8s/a file's name.yml", config_map("tricky", value=tricky))
    ran = run(step, runner, 2, action="plan")
    assert "Plan: 2 created" in ran.log
    assert "shop" not in {each["metadata"]["name"] for each in live(step, "configmaps")["items"]}
    run(step, runner, 3)
    assert live(step, "configmaps/tricky")["data"]["value"] == tricky
    assert not Path("/tmp/never").exists()


def test_all_that_is_wrong_with_manifests_is_told_before_anything_is_written(
    step: AzureStep, runner: Runner
) -> None:
    """An inner failure is a failure, with the API server's words and the place in the file."""
    step.write("k8s/web.yml", deployment(replicas="one"))
    ran = step.run(PRIVATE, step.azure.github.env)
    assert ran.code == 3, ran.log
    assert "file=k8s/web.yml" in ran.log
    assert "replicas" in ran.log
    assert "shop" not in {each["metadata"]["name"] for each in live(step, "configmaps")["items"]}
    assert len(runner.bodies) == 2


def test_an_image_that_is_not_there_is_told_soon_and_with_the_same_diagnosis(
    step: AzureStep, runner: Runner
) -> None:
    """The script looks itself: nobody waits for the timeout."""
    step.write("k8s/web.yml", deployment(image="server-that-nobody-has"))
    images = step.images.replace("server=", "server-that-nobody-has=").replace("server:1", "no:1")
    started = time.monotonic()
    ran = step.run({**PRIVATE, "images": images, "timeout": "120s"}, step.azure.github.env)
    assert ran.code == 7, ran.log
    assert "cannot be pulled: the registry does not have it" in ran.log
    assert "Correct the image's name or tag" in ran.log
    assert len(runner.bodies) == 3
    assert time.monotonic() - started < 115


@pytest.mark.soak
def test_a_crash_is_told_with_the_end_of_the_containers_log(
    step: AzureStep, runner: Runner
) -> None:
    step.write("k8s/web.yml", deployment(env=[{"name": "CRASH_AFTER", "value": "0s"}]))
    ran = step.run({**PRIVATE, "timeout": "120s"}, step.azure.github.env)
    assert ran.code == 7, ran.log
    assert "as CRASH_AFTER says" in ran.log


@pytest.mark.soak
def test_a_rollout_that_does_not_end_is_a_timeout_with_the_same_report(
    step: AzureStep, runner: Runner
) -> None:
    step.write("k8s/web.yml", deployment(env=[{"name": "READY", "value": "never"}]))
    ran = step.run({**PRIVATE, "timeout": "8s"}, step.azure.github.env)
    assert ran.code == 8, ran.log
    assert f"Deployment/{step.namespace}/web: 0 of 1 replica is available" in ran.log
    assert len(runner.bodies) == 3


@pytest.mark.soak
def test_a_definition_and_its_objects_come_in_one_deploy(step: AzureStep, runner: Runner) -> None:
    """By three commands as well, although the objects can be checked only inside of the third."""
    group = f"{step.namespace}.example"
    names = {"kind": "Shop", "plural": "shops", "singular": "shop"}
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    spec = {"group": group, "names": names, "scope": "Namespaced", "versions": [version]}
    kind = "CustomResourceDefinition"
    step.write(
        "k8s/crd.yml", document("apiextensions.k8s.io/v1", kind, f"shops.{group}", spec=spec)
    )
    step.write("k8s/one.yml", document(f"{group}/v1", "Shop", "one", spec={"open": True}))
    cluster = step.azure.manager.clusters[0]
    assert cluster.runner
    cluster.runner.kubeconfig = lambda _token: step.server.admin_kubeconfig()
    try:
        run(step, runner, 3)
        path = f"/apis/{group}/v1/namespaces/{step.namespace}/shops/one"
        assert step.server.request("GET", path)["spec"] == {"open": True}
    finally:
        definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        step.server.request("DELETE", f"{definitions}/shops.{group}")


@pytest.mark.soak
def test_what_reads_a_changed_configuration_is_restarted(step: AzureStep, runner: Runner) -> None:
    reader = deployment(envFrom=[{"configMapRef": {"name": "shop"}}])
    serving(step, reader)
    step.write("k8s/shop.yml", CONFIG.replace("green", "blue"))
    ran = run(step, runner, 3)
    assert f"Deployment/{step.namespace}/web  (restart: it reads ConfigMap" in ran.log
    template = workload(step)["spec"]["template"]
    assert "kubectl.kubernetes.io/restartedAt" in template["metadata"]["annotations"]


@pytest.mark.timeout(240)
def test_a_canary_is_deployed_and_promoted(step: AzureStep, runner: Runner) -> None:
    """Three commands, and four: what is taken away goes when the rest is known to be healthy."""
    serving(step)
    step.write("k8s/web.yml", deployment(env=[{"name": "VERSION", "value": "2"}]) + SERVICE)
    run(step, runner, 3, **CANARY, action="deploy")
    assert workload(step, "web-canary")["status"]["readyReplicas"] == 1
    ran = run(step, runner, 4, **CANARY, action="promote")
    ran.keeps(step.azure.secrets)
    (container,) = workload(step)["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "VERSION", "value": "2"}]
    assert names_of_deployments(step) == {"web"}


@pytest.mark.soak
@pytest.mark.timeout(240)
def test_blue_green_is_switched_and_taken_back(step: AzureStep, runner: Runner) -> None:
    """Four commands, as many for a promote, and three for a reject."""
    serving(step)
    step.write("k8s/web.yml", deployment(env=[{"name": "VERSION", "value": "2"}]) + SERVICE)
    run(step, runner, 4, **BLUE_GREEN, action="deploy")
    assert live(step, "services/web")["spec"]["selector"]["k8s.deploy.color"] == "green"
    run(step, runner, 3, **BLUE_GREEN, action="reject")
    assert live(step, "services/web")["spec"]["selector"] == {"app": "web"}
    assert names_of_deployments(step) == {"web"}


@pytest.mark.soak
@pytest.mark.timeout(240)
def test_blue_green_is_promoted(step: AzureStep, runner: Runner) -> None:
    serving(step)
    step.write("k8s/web.yml", deployment(env=[{"name": "VERSION", "value": "2"}]) + SERVICE)
    run(step, runner, 4, **BLUE_GREEN, action="deploy")
    run(step, runner, 4, **BLUE_GREEN, action="promote")
    assert names_of_deployments(step) == {"web"}
    (container,) = workload(step)["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "VERSION", "value": "2"}]


@pytest.mark.soak
def test_blue_green_takes_four_commands(step: AzureStep, runner: Runner) -> None:
    serving(step)
    step.write("k8s/web.yml", deployment(env=[{"name": "VERSION", "value": "2"}]) + SERVICE)
    run(step, runner, 4, **BLUE_GREEN, action="deploy")
    assert live(step, "services/web")["spec"]["selector"]["k8s.deploy.color"] == "green"


@pytest.mark.soak
def test_a_green_that_crashes_gets_no_traffic(step: AzureStep, runner: Runner) -> None:
    serving(step)
    crashing = deployment(env=[{"name": "CRASH_AFTER", "value": "0s"}])
    step.write("k8s/web.yml", crashing + SERVICE)
    ran = step.run({**PRIVATE, **BLUE_GREEN, "action": "deploy"}, step.azure.github.env)
    assert ran.code == 7, ran.log
    assert "CRASH_AFTER" in ran.log
    selector = live(step, "services/web")["spec"]["selector"]
    assert selector["app"] == "web"
    assert selector.get("k8s.deploy.color") != "green"


def test_rbac_decides_for_run_commands_too(step: AzureStep, runner: Runner) -> None:
    """They act with the token of who signed in, not as an administrator."""
    binding = f"/namespaces/{step.namespace}/rolebindings/deployer"
    step.server.request("DELETE", f"/apis/rbac.authorization.k8s.io/v1{binding}")
    ran = step.run(PRIVATE, step.azure.github.env)
    assert ran.code == 4, ran.log
    assert f"{step.azure.app.object_id} may not" in ran.log
    assert json.dumps(runner.bodies[0]).count("clusterToken") == 1


def names_of_deployments(step: AzureStep) -> set[str]:
    path = f"/apis/apps/v1/namespaces/{step.namespace}/deployments"
    return {each["metadata"]["name"] for each in step.server.request("GET", path)["items"]}
