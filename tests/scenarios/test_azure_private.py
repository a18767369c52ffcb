"""A private cluster: everything by run commands, which are counted."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from demo.bed import ROOT
from tests.scenarios.azure_step import AzureStep
from tests.scenarios.test_azure import CONFIG, DEPLOYMENT, OIDC, TARGET, become_available, live
from tests.scenarios.test_azure import _azure as _azure  # noqa: PLC0414 - fixtures
from tests.scenarios.test_azure import _server as _server  # noqa: PLC0414
from tests.scenarios.test_azure import _step as _step  # noqa: PLC0414
from tests.standins import manager
from tests.standins.manager import error
from tests.standins.runner import Runner, with_token

PRIVATE = {**OIDC, **TARGET, "private-cluster": "true"}


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


def test_a_deploy_takes_three_run_commands(step: AzureStep, runner: Runner) -> None:
    """Observe, check, carry out; the report is the same as elsewhere."""
    step.write("k8s/shop.yml", CONFIG + "---\n" + CONFIG.replace("name: shop", "name: other"))
    ran = step.run(PRIVATE, step.azure.github.env)
    assert ran.code == 0, ran.log
    ran.keeps(step.azure.secrets)
    assert live(step, "configmaps/shop")["data"] == {"colour": "green"}
    assert len(runner.bodies) == 3
    assert f"ConfigMap/{step.namespace}/shop created" in ran.log
    assert not step.azure.web.asked(manager.HOST, "Credential")


def test_a_second_deploy_changes_what_differs_and_nothing_else(
    step: AzureStep, runner: Runner
) -> None:
    step.write("k8s/shop.yml", CONFIG + "---\n" + CONFIG.replace("name: shop", "name: other"))
    assert step.run(PRIVATE, step.azure.github.env).code == 0
    before = live(step, "configmaps/other")["metadata"]["resourceVersion"]
    changed = CONFIG.replace("green", "blue")
    step.write("k8s/shop.yml", changed + "---\n" + CONFIG.replace("name: shop", "name: other"))
    ran = step.run(PRIVATE, step.azure.github.env)
    assert ran.code == 0, ran.log
    assert f"ConfigMap/{step.namespace}/shop configured" in ran.log
    assert live(step, "configmaps/shop")["data"] == {"colour": "blue"}
    assert live(step, "configmaps/other")["metadata"]["resourceVersion"] == before, ran.log
    assert len(runner.bodies) == 6


def test_a_plan_takes_two_run_commands_and_writes_nothing(step: AzureStep, runner: Runner) -> None:
    ran = step.run({**PRIVATE, "action": "plan"}, step.azure.github.env)
    assert ran.code == 0, ran.log
    assert len(runner.bodies) == 2
    assert live(step, "configmaps")["items"] == []


def test_all_that_is_wrong_with_manifests_is_told_before_anything_is_written(
    step: AzureStep, runner: Runner
) -> None:
    """An inner failure is a failure, with the API server's words and the place in the file."""
    wrong = DEPLOYMENT.replace("replicas: 1", "replicas: one")
    step.write("k8s/shop.yml", CONFIG + "---\n" + wrong)
    ran = step.run(PRIVATE, step.azure.github.env)
    assert ran.code == 3, ran.log
    assert "file=k8s/shop.yml" in ran.log
    assert "replicas" in ran.log
    assert live(step, "configmaps")["items"] == []
    assert len(runner.bodies) == 2


def test_a_rollout_that_does_not_end_is_a_timeout_with_the_same_report(
    step: AzureStep, runner: Runner
) -> None:
    """Nothing runs pods here, so the Deployment is never available."""
    step.write("k8s/shop.yml", CONFIG + "---\n" + DEPLOYMENT)
    started = time.monotonic()
    ran = step.run({**PRIVATE, "timeout": "5s"}, step.azure.github.env)
    assert ran.code == 8, ran.log
    assert f"Deployment/{step.namespace}/shop" in ran.log
    assert len(runner.bodies) == 3
    assert time.monotonic() - started < 90


def test_a_rollout_is_waited_for_inside_of_the_third_command(
    step: AzureStep, runner: Runner
) -> None:
    """The Deployment becomes available some seconds after it was applied."""
    step.write("k8s/shop.yml", CONFIG + "---\n" + DEPLOYMENT)
    thread = threading.Thread(target=become_available, args=(step, 8.0))
    thread.start()
    ran = step.run({**PRIVATE, "timeout": "90s"}, step.azure.github.env)
    thread.join()
    assert ran.code == 0, ran.log
    ran.keeps(step.azure.secrets)
    assert len(runner.bodies) == 3


def test_rbac_decides_for_run_commands_too(step: AzureStep, runner: Runner) -> None:
    """They act with the token of who signed in, not as an administrator."""
    step.server.request("DELETE", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{step.namespace}"
                        "/rolebindings/deployer")  # fmt: skip
    ran = step.run(PRIVATE, step.azure.github.env)
    assert ran.code == 4, ran.log
    assert f"{step.azure.app.object_id} may not" in ran.log


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (
            "KubernetesPerformanceError",
            "container command-1 in aks-command namespace did not start within 60s",
            "was not scheduled in time",
        ),
        ("BadRequest", "Run command is disabled for this cluster.", "--enable-run-command"),
    ],
)
def test_the_limits_of_run_commands_are_told(
    step: AzureStep, runner: Runner, code: str, text: str, expected: str
) -> None:
    runner.refuses = error(400, code, text)
    ran = step.run(PRIVATE, step.azure.github.env)
    assert ran.code == 6, ran.log
    assert expected in ran.log


def test_the_right_to_run_commands_is_named(step: AzureStep, runner: Runner) -> None:
    step.azure.manager.clusters[0].roles[step.azure.app.object_id] = {manager.USER}
    ran = step.run(PRIVATE, step.azure.github.env)
    assert ran.code == 4, ran.log
    assert "managedClusters/runcommand/action" in ran.log
    assert not runner.bodies


def test_an_answer_that_was_cut_off_is_told(step: AzureStep, runner: Runner) -> None:
    runner.limit = 100
    ran = step.run(PRIVATE, step.azure.github.env)
    assert ran.code == 6, ran.log
    assert "cut off at the limit" in ran.log


def test_names_with_quotes_and_blanks_come_through_whole(step: AzureStep, runner: Runner) -> None:
    """k8s-deploy loses the quotes of its annotations on the way (its issue 245)."""
    tricky = "a 'b' \"c\" $(touch /tmp/never) `d` \\\\"
    step.write("k8s/a file's name.yml", CONFIG.replace("green", json.dumps(tricky)))
    step.write("k8s/shop.yml", "# empty\n")
    ran = step.run(PRIVATE, step.azure.github.env)
    assert ran.code == 0, ran.log
    assert "$(touch /tmp/never)" in live(step, "configmaps/shop")["data"]["colour"]
    assert not Path("/tmp/never").exists()
