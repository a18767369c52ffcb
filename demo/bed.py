"""The cluster, registry and engine that the demo, the tests and the benchmark use."""

import base64
import fcntl
import json
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT_FILE = ROOT / ".testbed/env"
_ALONE = Path(tempfile.gettempdir(), "aks-action-publish.lock")


class NoBed(Exception):  # noqa: N818 - reads as the sentence that the user sees
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Bed:
    """Addresses of the components, and the images that are at hand without a public registry.

    netns:   network namespace that serves all traffic; empty for a cluster of one's own.
    gateway: address of the ingress controller inside `netns`; empty when there is none.
    base, compose, runner, busybox: images; empty for the public ones.
    server: the test bed's small web server; empty when there is none.
    """

    kubeconfig: str
    registry: str
    username: str = ""
    password: str = ""
    netns: str = ""
    gateway: str = ""
    base: str = ""
    compose: str = ""
    runner: str = ""
    busybox: str = ""
    server: str = ""

    def inside(self, command: Sequence[str]) -> list[str]:
        """The command, where the cluster's addresses can be reached."""
        enter = ["nsenter", f"--net=/run/netns/{self.netns}"] if self.netns else []
        return [*enter, *command]

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Standard output of kubectl. Raises CalledProcessError when it fails and `check`."""
        environment = {**os.environ, "KUBECONFIG": self.kubeconfig}
        finished = subprocess.run(
            [tool("kubectl"), *arguments],
            input=stdin, env=environment, check=False, text=True, capture_output=True,
        )  # fmt: skip
        if check and finished.returncode:
            raise NoBed(f"kubectl {' '.join(arguments)}: {finished.stderr.strip()}")
        return finished.stdout

    def pull_secret(self, namespace: str, name: str) -> None:
        """Let the pods of a namespace pull, which an AKS with an attached ACR may anyhow."""
        self.kubectl("create", "--filename=-", stdin=json.dumps(self._login(namespace, name)))

    def _login(self, namespace: str, name: str) -> dict[str, Any]:
        host = self.registry.partition("/")[0]
        login = {"auths": {host: {"username": self.username, "password": self.password}}}
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace},
            "type": "kubernetes.io/dockerconfigjson",
            "stringData": {".dockerconfigjson": json.dumps(login)},
        }

    def namespace_items(self, name: str) -> list[dict[str, Any]]:
        """A namespace whose pods may pull, whatever their manifests say; to be applied in order."""
        account = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "default", "namespace": name},
            "imagePullSecrets": [{"name": "registry"}],
        }
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        return [namespace, self._login(name, "registry"), account]

    def ready_namespace(self, name: str) -> None:
        """Make such a namespace."""
        made = {"apiVersion": "v1", "kind": "List", "items": self.namespace_items(name)}
        # Server-side: whether the account is there already is a race with who makes it.
        apply = ("apply", "--server-side", "--force-conflicts", "--validate=false", "--filename=-")
        self.kubectl(*apply, stdin=json.dumps(made))

    def publish(self, local: str, name: str) -> str:
        """Push an image of the engine under a name in the registry, and return its reference."""
        reference = f"{self.registry}/{name}"
        login = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        host = self.registry.partition("/")[0]
        with _ALONE.open("w") as alone, tempfile.TemporaryDirectory() as config:
            fcntl.flock(alone, fcntl.LOCK_EX)  # a registry may fail two pushes of one new image
            Path(config, "config.json").write_text(json.dumps({"auths": {host: {"auth": login}}}))
            for command in (("tag", local, reference), ("push", "--quiet", reference)):
                finished = subprocess.run(
                    ["docker", "--config", config, *command],
                    check=False, text=True, capture_output=True,
                )  # fmt: skip
                if finished.returncode:
                    raise NoBed(f"docker {command[0]} {reference}: {finished.stderr.strip()}")
        return reference


def tool(name: str) -> str:
    """A program of the project's .venv, else the one on PATH."""
    local = ROOT / ".venv/bin" / name
    return str(local) if local.exists() else shutil.which(name) or name


def read_environment_file(path: Path) -> dict[str, str]:
    """Assignments in shell syntax, one a line; empty when there is no such file."""
    if not path.exists():
        return {}
    words = (word for line in path.read_text().splitlines() for word in shlex.split(line)[:1])
    return dict(word.split("=", 1) for word in words if "=" in word)


def find(environment: Mapping[str, str]) -> Bed:
    """The cluster and registry that KUBECONFIG and REGISTRY name together, else the test bed.

    Raises NoBed when there is neither.
    """
    own = bool(environment.get("KUBECONFIG") and environment.get("REGISTRY"))
    values = environment if own else read_environment_file(ENVIRONMENT_FILE)
    if not values:
        raise NoBed("There is no test bed: run `make testbed`, or set KUBECONFIG and REGISTRY.")
    return Bed(
        kubeconfig=values["KUBECONFIG"],
        registry=values["REGISTRY"],
        username=values.get("REGISTRY_USERNAME", ""),
        password=values.get("REGISTRY_PASSWORD", ""),
        netns=values.get("NETNS", ""),
        gateway=values.get("GATEWAY_URL", ""),
        base=values.get("BASE_IMAGE", ""),
        compose=values.get("COMPOSE_IMAGE", ""),
        runner=values.get("RUNNER_IMAGE", ""),
        busybox=values.get("BUSYBOX_IMAGE", ""),
        server=values.get("SERVER_IMAGE", ""),
    )
