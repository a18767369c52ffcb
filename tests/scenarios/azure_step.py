"""Runs the action as a step that signs in to Azure, and keeps everything it left behind."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from demo.bed import ROOT
from tests.standins.cloud import Azure
from tests.standins.kubernetes import ApiServer


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A finished step. `commands`: command lines of it and its children; `cpu`: seconds."""

    code: int
    log: str
    left: str
    commands: str
    cpu: float

    def keeps(self, secrets: tuple[str, ...]) -> None:
        """No secret is in the log as people see it, in a file, or on a command line."""
        shown = "\n".join(x for x in self.log.splitlines() if not x.startswith("::add-mask::"))
        for secret in filter(None, secrets):
            for place in (shown, self.left, self.commands):
                assert secret not in place, "a secret was left behind"


@dataclass(kw_only=True)
class AzureStep:
    """A workspace, an environment without a kubeconfig, and the stand-ins' way in."""

    azure: Azure
    server: ApiServer
    folder: Path
    namespace: str

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    def write(self, path: str, text: str) -> None:
        target = self.workspace / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def start(
        self, inputs: Mapping[str, str], env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        temp = self.folder / "_temp"
        temp.mkdir(exist_ok=True)
        self.workspace.mkdir(exist_ok=True)
        values = {"manifests": "k8s", "namespace": self.namespace, "timeout": "60s", **inputs}
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_OUTPUT": str(temp / "output"),
            "GITHUB_STEP_SUMMARY": str(temp / "summary"),
            "GITHUB_REPOSITORY": "your-org/shop",
            "GITHUB_RUN_ID": "42",
            "GITHUB_WORKFLOW_REF": "your-org/shop/.github/workflows/s.yml@refs/heads/main",
            "RUNNER_TEMP": str(temp),
            **self.azure.env,
            **(env or {}),
            **{f"INPUT_{name.upper()}": value for name, value in values.items()},
        }
        return subprocess.Popen(
            [sys.executable, str(ROOT / "entrypoint.py")],
            cwd=self.workspace,
            env=environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def run(self, inputs: Mapping[str, str], env: Mapping[str, str] | None = None) -> Ran:
        return self.finish(self.start(inputs, env))

    def finish(self, process: subprocess.Popen[str]) -> Ran:
        commands: set[str] = set()
        done = threading.Event()
        watcher = threading.Thread(target=_watch, args=(process.pid, commands, done))
        watcher.start()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        log, _ = process.communicate(timeout=240)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        done.set()
        watcher.join()
        assert "Traceback" not in log, log
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return Ran(
            code=process.returncode,
            log=log,
            left="\n".join(path.read_text(errors="replace") for path in files),
            commands="\n".join(commands),
            cpu=(after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime),
        )


def _watch(pid: int, commands: set[str], done: threading.Event) -> None:
    """Collect what `ps` would show of a process and its children, again and again."""
    while not done.is_set():
        for entry in Path("/proc").iterdir():
            if not entry.name.isdecimal():
                continue
            try:
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
                if pid in (int(entry.name), int(stat[1])):
                    commands.add((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except (OSError, ValueError, IndexError):
                continue
        time.sleep(0.1)
