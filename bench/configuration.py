"""What looking for the readers of configuration costs, beside a deploy that does not look.

Pods run on a fake node, so that there can be as many as workloads; see `testbed.kwok`.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from bench import requests
from bench.contestants import Contestants
from bench.deploying import Namespaces
from bench.documents import write
from bench.measure import Measured, alternate, median_wall
from bench.results import Bar, Result
from demo.bed import ROOT, Bed, NoBed

WORKLOADS = 300
REVISIONS = 10
FAKE = {"kwok.x-k8s.io/node": "fake"}
LOOKED_AT = (
    *("configmaps", "secrets", "deployments", "statefulsets", "daemonsets", "pods"),
    *("replicasets", "controllerrevisions", "jobs", "cronjobs", "ingresses", "serviceaccounts"),
)
ROUNDS = 3


def search(contestants: Contestants, namespaces: Namespaces) -> list[Result]:
    """300 ConfigMaps and Secrets, 300 workloads with 3,000 ReplicaSets of history."""
    with _fake_node(contestants.bed):
        home = namespaces.fresh()
        case = _Case(contestants, home)
        case.deploy("none")
        case.add_history()
        try:
            return [case.unchanged(), case.one_changed(), case.versions()]
        finally:
            namespaces.delete(home)


class _Case:
    def __init__(self, contestants: Contestants, namespace: str) -> None:
        self._contestants = contestants
        self._bed = contestants.bed
        self._namespace = namespace
        self._folder = contestants.workspace / "configured"
        self._write("info")

    def deploy(self, mode: str, **inputs: str) -> Measured:
        given = {"namespace": self._namespace, "manifests": self._folder.name, **inputs}
        return self._contestants.action({"config-changes": mode, **given})

    def unchanged(self) -> Result:
        """The figure that has to stay small, since most deploys change little or nothing."""
        seconds, asked = self._beside("restart", action="deploy")
        return Result(
            case=f"{WORKLOADS} ConfigMaps and Secrets, {WORKLOADS} workloads, unchanged",
            seconds=seconds,
            bars=(
                Bar(what="time ÷ config-changes: none", limit=1.1,
                    value=seconds["restart"] / seconds["none"]),
                Bar(what="requests more than with none", limit=0, unit="",
                    value=asked["restart"].total() - asked["none"].total()),
            ),
            notes=_told(asked),
        )  # fmt: skip

    def one_changed(self) -> Result:
        """Planned only, so that each round is the same."""
        self._write("debug", changed=1)
        seconds, asked = self._beside("restart", action="plan")
        return Result(
            case="the same, one ConfigMap changed: planned, with the search for its readers",
            seconds=seconds,
            bars=(
                Bar(what="requests more than with none: LISTs", limit=4, unit="",
                    value=asked["restart"].total() - asked["none"].total()),
            ),
            notes=_told(asked),
        )  # fmt: skip

    def versions(self) -> Result:
        """Unchanged, and with other content of one, whose older versions may go or not."""
        inputs = {"config-history": "1"}
        self._write("info")
        self.deploy("version", **inputs)
        self._settle()
        unchanged = [self.deploy("version", **inputs) for _ in range(ROUNDS)]
        changed = []
        before = self._counted()
        for number in range(ROUNDS):
            self._write(f"level-{number}", changed=1)
            changed.append(self.deploy("version", **inputs))
        asked = requests.between(before, self._counted())
        return Result(
            case="the same as versions",
            seconds={
                "unchanged": median_wall(unchanged),
                "one changed, healthy and tidied": median_wall(changed),
            },
            notes=(f"requests of {ROUNDS} changes of one: {requests.shown(asked)}",),
        )

    def add_history(self) -> None:
        """Old ReplicaSets as rollouts leave them, which `kubectl rollout undo` goes back to."""
        text = self._bed.kubectl("get", "deployments", f"--namespace={self._namespace}", "-ojson")
        owners = json.loads(text)["items"]
        items = [_old(owner, number) for owner in owners for number in range(1, REVISIONS + 1)]
        listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
        self._bed.kubectl("apply", "--server-side", "--filename=-", stdin=listed)
        self._settle()

    def _settle(self) -> None:
        """Wait until the controllers have nothing more to write about ReplicaSets."""
        seen = ""
        while True:
            versions = self._bed.kubectl(
                *("get", "replicasets,deployments,pods", f"--namespace={self._namespace}"),
                "--output=jsonpath={.items[*].metadata.resourceVersion}",
            )
            if versions == seen:
                return
            seen = versions
            time.sleep(3)

    def _beside(
        self, mode: str, **inputs: str
    ) -> tuple[dict[str, float], dict[str, requests.Requests]]:
        """Medians of a mode beside `none`, and the requests of one run of each."""
        runs = {each: partial(self.deploy, each, **inputs) for each in ("none", mode)}
        asked = {}
        for each, run in runs.items():
            before = self._counted()
            run()
            asked[each] = requests.between(before, self._counted())
        found = alternate(runs, rounds=ROUNDS)
        return {name: median_wall(times) for name, times in found.items()}, asked

    def _counted(self) -> requests.Requests:
        return requests.counted(self._bed, LOOKED_AT)

    def _write(self, level: str, *, changed: int = WORKLOADS) -> None:
        """Manifests whose first `changed` ConfigMaps or Secrets say `level`, the others `info`."""
        self._folder.mkdir(exist_ok=True)
        levels = [level if number < changed else "info" for number in range(WORKLOADS)]
        parts = [part for number, each in enumerate(levels) for part in _parts(number, each)]
        write(self._folder / "all.yml", parts)


def _parts(number: int, level: str) -> Iterator[dict[str, Any]]:
    """Half of them ConfigMaps, half of them Secrets."""
    name, secret = f"app-{number:03}", number % 2
    meta = {"metadata": {"name": name}}
    content = {"LEVEL": level, "page.html": f"<p>{name}</p>\n" * 8}
    if secret:
        yield {"apiVersion": "v1", "kind": "Secret", **meta, "stringData": content}
    else:
        yield {"apiVersion": "v1", "kind": "ConfigMap", **meta, "data": content}
    labels = {"app": name}
    source = {"secretRef" if secret else "configMapRef": {"name": name}}
    pod = {
        "nodeSelector": FAKE,
        "tolerations": [{"key": next(iter(FAKE)), "operator": "Exists"}],
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "containers": [{"name": "server", "image": "server.invalid/x:1", "envFrom": [source]}],
    }
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    yield {"apiVersion": "apps/v1", "kind": "Deployment", **meta, "spec": spec}


def _old(owner: dict[str, Any], number: int) -> dict[str, Any]:
    meta, spec = owner["metadata"], owner["spec"]
    labels = {**spec["selector"]["matchLabels"], "pod-template-hash": f"old{number}"}
    pod = json.loads(json.dumps(spec["template"]["spec"]))
    pod["containers"][0]["env"] = [{"name": "REVISION", "value": str(number)}]
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{meta['name']}-old{number}",
            "namespace": meta["namespace"],
            "labels": labels,
            "annotations": {"deployment.kubernetes.io/revision": str(number)},
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "name": meta["name"],
                    "uid": meta["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def _told(asked: dict[str, requests.Requests]) -> tuple[str, ...]:
    return tuple(f"requests with {mode}: {requests.shown(each)}" for mode, each in asked.items())


@contextmanager
def _fake_node(bed: Bed) -> Iterator[None]:
    if not bed.netns:
        raise NoBed("fake nodes run on the test bed only")
    command = [sys.executable, "-m", "testbed", "kwok"]
    subprocess.run([*command, "--nodes=1"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        subprocess.run([*command, "--nodes=0"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
