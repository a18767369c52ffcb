"""How each tool is called: the action, its peers, and PEER_ACTION when it is given."""

import base64
import http.server
import json
import os
import shlex
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Measured, process
from demo.bed import ROOT, Bed, tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestants:
    """workspace: where manifests lie.   docker_config: the registry's login for docker and crane.
    api: address of a stand-in for GitHub's API, so that no peer leaves the machine.
    """

    bed: Bed
    workspace: Path
    docker_config: Path
    api: str
    peer: tuple[str, ...]

    def action(
        self,
        inputs: Mapping[str, str],
        *,
        expect: int | None = 0,
        environment: Mapping[str, str] | None = None,
    ) -> Measured:
        command = [sys.executable, str(ROOT / "entrypoint.py")]
        return self._step(command, inputs, expect=expect, more=environment)

    def peer_action(self, inputs: Mapping[str, str]) -> Measured:
        """PEER_ACTION gets the same inputs, which are those of k8s-deploy."""
        return self._step(list(self.peer), inputs)

    def _step(
        self,
        command: list[str],
        inputs: Mapping[str, str],
        *,
        expect: int | None = 0,
        more: Mapping[str, str] | None = None,
    ) -> Measured:
        """A step as the runner starts it, each with command files of its own."""
        with tempfile.TemporaryDirectory(dir=self.workspace.parent) as scratch:
            environment = self._environment() | _runner(self.workspace, Path(scratch), self.api)
            environment |= more or {}
            environment |= {f"INPUT_{name.upper()}": value for name, value in inputs.items()}
            return process(command, environment, self.workspace, expect=expect)

    def shell(self, script: str) -> Measured:
        """The peers' commands, as a `run:` step would have them."""
        return process(["sh", "-eu", "-c", script], self._environment(), self.workspace)

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": f"{ROOT / '.venv/bin'}:{ROOT / '.bench'}:{os.environ['PATH']}",
            "HOME": str(self.workspace.parent),
            "KUBECONFIG": self.bed.kubeconfig,
            "DOCKER_CONFIG": str(self.docker_config),
        }


def _runner(workspace: Path, scratch: Path, api: str) -> dict[str, str]:
    for name in ("output", "summary", "env", "state", "path"):
        (scratch / name).touch()
    return {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_ACTOR": "bench",
        "GITHUB_API_URL": api,
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_JOB": "bench",
        "GITHUB_REF": "refs/heads/master",
        "GITHUB_REF_NAME": "master",
        "GITHUB_REF_TYPE": "branch",
        "GITHUB_REPOSITORY": "your-org/shop",
        "GITHUB_RUN_ID": "1",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_SHA": "0" * 40,
        "GITHUB_WORKFLOW": "Bench",
        "GITHUB_WORKFLOW_REF": "your-org/shop/.github/workflows/bench.yml@refs/heads/master",
        "GITHUB_WORKSPACE": str(workspace),
        "GITHUB_OUTPUT": str(scratch / "output"),
        "GITHUB_STEP_SUMMARY": str(scratch / "summary"),
        "GITHUB_ENV": str(scratch / "env"),
        "GITHUB_STATE": str(scratch / "state"),
        "GITHUB_PATH": str(scratch / "path"),
        "RUNNER_TEMP": str(scratch),
    }


class _Api(http.server.BaseHTTPRequestHandler):
    """Knows one question of k8s-deploy: which workflows are there."""

    def do_GET(self) -> None:
        body = json.dumps({"total_count": 0, "workflows": []}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass


def gather(bed: Bed, scratch: Path, peer: str) -> Contestants:
    """Contestants that work in `scratch`; `peer` is a command line or empty."""
    workspace, docker_config = scratch / "workspace", scratch / "docker"
    workspace.mkdir(parents=True)
    docker_config.mkdir()
    login = base64.b64encode(f"{bed.username}:{bed.password}".encode()).decode()
    host = bed.registry.partition("/")[0]
    config = {"auths": {host: {"auth": login}}} if bed.password else {}
    (docker_config / "config.json").write_text(json.dumps(config))
    (docker_config / "config.json").chmod(0o600)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return Contestants(
        bed=bed,
        workspace=workspace,
        docker_config=docker_config,
        api=f"http://127.0.0.1:{server.server_address[1]}",
        peer=tuple(shlex.split(peer)),
    )


def install_crane() -> None:
    """Build crane into .bench once; Go's cache makes it quick."""
    target = ROOT / ".bench/crane"
    target.parent.mkdir(exist_ok=True)
    package = "github.com/google/go-containerregistry/cmd/crane"
    go = tool("go")
    command = [go, "-C", str(ROOT / "bench/tools"), "build", "-o", str(target), package]
    process(command, os.environ, ROOT)
