"""Killed after any of its writes, a deploy of changed configuration that is run again ends as if
nothing had happened: nothing doubled, nothing lost, and no request fails meanwhile.
"""

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from demo.bed import Bed
from tests.faults.proxy import Proxy
from tests.scenarios import manifests
from tests.scenarios.load import Load, Target
from tests.scenarios.support import Step

MODES = {
    "version": {"config-changes": "version", "config-history": "1"},
    "restart": {"config-changes": "restart"},
}
MOST_WRITES = 30

MARKS = ("aks-action/restart-pending", "aks-action/removal-pending")

# The contract suite does the same without pods, in every run.
pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]

Item = dict[str, Any]


@dataclass(kw_only=True)
class App:
    """A server that answers its setting, and a CronJob with a Secret, which has no history."""

    bed: Bed
    step: Step
    proxy: Proxy
    namespace: str
    inputs: dict[str, str]
    levels: int = 0
    diary: list[str] = field(default_factory=list)

    def deploy(self, *, limit: int = 0) -> int:
        """The exit code of a deploy that is killed after as many writes; 0: not killed."""
        finished = self.step.run_through(self.proxy, self.inputs, limit=limit)
        writes = ", ".join(each.rpartition("/")[2] for each in self.proxy.writes)
        self.diary.append(f"{self.level}: {finished.code} after {len(self.proxy.writes)}: {writes}")
        return finished.code

    @property
    def level(self) -> str:
        return f"level-{self.levels}"

    def change(self) -> None:
        """Other content of both, in the manifests."""
        self.levels += 1
        self.step.write("k8s/all.yml", _manifests(self.level))

    def check(self) -> None:
        """What is there is what one undisturbed deploy of each level leaves."""
        story = "\n".join(self.diary)
        there = {_name(each): each for each in self._get("configmaps,secrets")}
        (web,), (nightly,) = self._get("deployments"), self._get("cronjobs")
        token = _container(nightly["spec"]["jobTemplate"])["envFrom"][0]["secretRef"]["name"]
        for name in ("ConfigMap/" + _setting(web["spec"]["template"]), "Secret/" + token):
            assert _content(there[name]) == self.level, story
        ours = [each for each in there if "settings" in each or "token" in each]
        same = [each for each in ours if _content(there[each]) == self.level]
        assert len(same) == 2, f"doubled: {same}\n{story}"
        tokens = [each for each in ours if "token" in each]
        assert len(tokens) == 1, f"not removed: {tokens}\n{story}"
        templates = [each["spec"]["template"] for each in self._get("replicasets")]
        lost = {"ConfigMap/" + _setting(each) for each in templates} - there.keys()
        assert not lost, f"{lost}\n{story}"
        assert len(templates) == self.levels, f"restarted twice, or never\n{story}"
        marks = [each["metadata"].get("annotations", {}).keys() & MARKS for each in there.values()]
        assert not any(marks), f"{marks}\n{story}"

    def target(self) -> Target:
        (service,) = self._get("services")
        return Target(url=f"http://{service['spec']['clusterIP']}/config")

    def _get(self, kinds: str) -> list[Item]:
        text = self.bed.kubectl("get", kinds, f"--namespace={self.namespace}", "--output=json")
        items: list[Item] = json.loads(text)["items"]
        return items


@pytest.mark.parametrize("mode", MODES)
def test_a_deploy_that_was_killed_after_any_write_is_finished_by_the_next(
    mode: str, step: Step, bed: Bed, proxy: Proxy, namespace: str, tmp_path: Path
) -> None:
    app = App(bed=bed, step=step, proxy=proxy, namespace=namespace, inputs=MODES[mode])
    app.change()
    assert app.deploy() == 0
    app.change()
    assert app.deploy() == 0
    most = len(proxy.writes)
    killed = 0
    with Load(bed, tmp_path, [app.target()], rate=40) as load:
        for limit in range(1, MOST_WRITES):
            app.change()
            if app.deploy(limit=limit) == 0:
                break
            killed += 1
            assert app.deploy() == 0
            app.check()
        load.last(seconds=2)
        answers = load.stop()
    story = "\n".join(app.diary)
    assert killed >= most - 1, f"hardly ever killed\n{story}"
    assert not answers.failures, f"{answers.failed}\n{story}"
    assert f"SETTING={app.level}" in answers.versions, story


def _manifests(level: str) -> str:
    source = {"configMapKeyRef": {"name": "settings", "key": "LEVEL"}}
    env = [{"name": "SETTING", "valueFrom": source}, {"name": "STOP_AFTER", "value": "3s"}]
    web = json.loads(manifests.deployment(env=env).removeprefix("---"))
    web["spec"] |= {
        "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "minReadySeconds": 1,
        "revisionHistoryLimit": 50,
    }
    web["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 10
    container = {"name": "job", "image": "busybox", "envFrom": [{"secretRef": {"name": "token"}}]}
    pod = {"restartPolicy": "Never", "containers": [container]}
    template = {"spec": {"template": {"spec": pod}}}
    nightly = {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": template}
    service = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    return (
        manifests.config_map(LEVEL=level)
        + manifests.document("v1", "Secret", "token", stringData={"LEVEL": level})
        + f"---\n{json.dumps(web)}\n"
        + manifests.document("batch/v1", "CronJob", "nightly", spec=nightly)
        + manifests.document("v1", "Service", "web", spec=service)
    )


def _name(item: Item) -> str:
    return f"{item['kind']}/{item['metadata']['name']}"


def _content(item: Item) -> str:
    value = str(item["data"]["LEVEL"])
    return base64.b64decode(value).decode() if item["kind"] == "Secret" else value


def _setting(template: Item) -> str:
    env = _container({"spec": {"template": template}})["env"]
    return str(env[0]["valueFrom"]["configMapKeyRef"]["name"])


def _container(job: Item) -> Item:
    found: Item = job["spec"]["template"]["spec"]["containers"][0]
    return found
