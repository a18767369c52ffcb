"""An application under a strategy: its manifests, its actions, and the ways to its pods."""

import json
import os
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from demo.bed import Bed
from tests.scenarios.load import Answers, Load, Target, await_answer
from tests.scenarios.manifests import document
from tests.scenarios.support import Finished, Step

SOAK = bool(os.environ.get("AKS_ACTION_SOAK"))
"""Whether everything is asked for, however long it takes: `make soak`."""

INPUTS: dict[str, dict[str, str]] = {
    "canary-pod": {"traffic-split-method": "pod", "percentage": "50"},
    "canary-smi": {"traffic-split-method": "smi", "percentage": "20"},
    "canary-gateway": {"traffic-split-method": "gateway", "percentage": "20"},
    "blue-green-service": {"route-method": "service"},
    "blue-green-ingress": {"route-method": "ingress"},
    "blue-green-smi": {"route-method": "smi"},
    "blue-green-gateway": {"route-method": "gateway"},
}
"""The inputs of each strategy and method."""

ROUTED = [name for name in INPUTS if not name.endswith("smi")]
"""Those whose traffic the test bed really moves; it has no service mesh."""


@dataclass(frozen=True, kw_only=True)
class Shop:
    """One application in a namespace of its own, under one strategy and method."""

    step: Step
    bed: Bed
    namespace: str
    method: str
    replicas: int = 2 if SOAK else 1
    timeout: str = "60s"
    diary: list[str] = field(default_factory=list)

    def act(self, action: str, version: str, **env: str) -> Finished:
        """Run the strategy's action with the manifests of a version; `env` misleads its pods."""
        self.write(version, **env)
        began = _now()
        finished = self.step.run({"action": action, "timeout": self.timeout, **self.inputs})
        self.diary.append(f"{began} to {_now()}: {action} {version}, exit code {finished.code}")
        return finished

    def succeed(self, action: str, version: str, **env: str) -> Finished:
        finished = self.act(action, version, **env)
        assert finished.code == 0, finished.log
        return finished

    def begin(self, version: str) -> None:
        """The app as `basic` deploys it, once its addresses answer."""
        self.write(version)
        finished = self.step.run()
        assert finished.code == 0, finished.log
        self.await_answers()

    @property
    def inputs(self) -> dict[str, str]:
        strategy = self.method.rpartition("-")[0]
        return {"strategy": strategy, **INPUTS[self.method]}

    def write(self, version: str, **env: str) -> None:
        self.step.write("k8s/all.yml", "".join(self._manifests({"VERSION": version, **env})))

    def load(self, folder: Path, *, rate: int = 60) -> Load:
        return Load(self.bed, folder, self.targets(), rate=rate)

    def targets(self) -> list[Target]:
        """The Service's own address, and the gateway where one leads to it."""
        address = self.get("service", "web")["spec"]["clusterIP"]
        found = [Target(url=f"http://{address}/")]
        if not self.method.endswith(("pod", "service", "smi")):
            found.append(self.front)
        return found

    @property
    def front(self) -> Target:
        return Target(url=f"{self.bed.gateway}/", host=f"{self.namespace}.test")

    def await_answers(self) -> None:
        """At every address, and everywhere: a node may be later than another, or than a gateway."""
        for target in self.targets():
            await_answer(self.bed, target)
        time.sleep(1)

    def all_answered(self, answers: Answers) -> None:
        """No request of a load failed; else when it did, and what was done at that time."""
        assert answers.sent, "nothing was sent"
        shown = [f"{count} × {why}" for why, count in sorted(answers.failed.items())[:20]]
        told = "\n".join([f"{answers.failures} of {answers.sent} failed:", *shown, *self.diary])
        assert not answers.failures, told

    def get(self, kind: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._kubectl("get", kind, name, "--output=json"))
        return found

    def names(self, kinds: str) -> set[str]:
        """`Kind/name` of all objects of some kinds."""
        found = json.loads(self._kubectl("get", kinds, "--output=json"))["items"]
        return {f"{each['kind']}/{each['metadata']['name']}" for each in found}

    def endpoints(self, service: str) -> list[str]:
        """The names of the pods that are ready behind a Service."""
        label = f"--selector=kubernetes.io/service-name={service}"
        slices = json.loads(self._kubectl("get", "endpointslices", label, "--output=json"))["items"]
        return [
            each["targetRef"]["name"]
            for piece in slices
            for each in piece.get("endpoints") or ()
            if each["conditions"].get("ready")
        ]

    def _kubectl(self, *arguments: str) -> str:
        return self.bed.kubectl(*arguments, f"--namespace={self.namespace}")

    def _manifests(self, env: dict[str, str]) -> list[str]:
        made = [self._deployment(env), _service()]
        if self.method.endswith("gateway"):
            made.append(self._route())
        if self.method.endswith("ingress"):
            made.append(self._ingress())
        return made

    def _deployment(self, env: dict[str, str]) -> str:
        """Pods that go on serving for a moment after they were told to end, as real ones should:
        nodes and gateways learn of it later than the pod.
        """
        labels = {"app": "web"}
        container = {
            "name": "server",
            "image": "server",
            "env": [{"name": name, "value": value} for name, value in sorted(env.items())],
            "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1},
            "lifecycle": {"preStop": {"sleep": {"seconds": 4}}},
        }
        spec = {
            "replicas": self.replicas,
            "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        }
        return document("apps/v1", "Deployment", "web", spec=spec)

    def _route(self) -> str:
        namespace, _, name = os.environ["GATEWAY"].partition("/")
        spec = {
            "parentRefs": [{"name": name, "namespace": namespace}],
            "hostnames": [self.front.host],
            "rules": [{"backendRefs": [{"name": "web", "port": 80}]}],
        }
        return document("gateway.networking.k8s.io/v1", "HTTPRoute", "web", spec=spec)

    def _ingress(self) -> str:
        backend = {"service": {"name": "web", "port": {"number": 80}}}
        path = {"path": "/", "pathType": "Prefix", "backend": backend}
        spec = {
            "ingressClassName": "contour",
            "rules": [{"host": self.front.host, "http": {"paths": [path]}}],
        }
        return document("networking.k8s.io/v1", "Ingress", "web", spec=spec)


def _service() -> str:
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    return document("v1", "Service", "web", spec=spec)


def _now() -> str:
    return f"{datetime.now(UTC):%T.%f}"[:-3]
