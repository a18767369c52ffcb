"""Runs the action as a step that signs in to Azure, and keeps everything it left behind."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from demo.bed import ROOT
from tests.standins.cloud import Azure
from tests.standins.kubernetes import ApiServer

MASK = "::add-mask::"


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A finished step. `log`: as people see it; `masked`: what it asked to be hidden from them.

    commands: command lines of it and all below it.    cpu: seconds.
    """

    code: int
    log: str
    masked: frozenset[str]
    left: str
    commands: str
    cpu: float

    def keeps(self, secrets: tuple[str, ...]) -> None:
        """No secret is in the log as people see it, in a file, or on a command line."""
        for secret in filter(None, secrets):
            for place in (self.log, self.left, self.commands):
                assert secret not in place, "a secret was left behind"


@dataclass(kw_only=True)
class AzureStep:
    """A workspace, an environment without a kubeconfig, and the stand-ins' way in."""

    azure: Azure
    server: ApiServer
    folder: Path
    namespace: str
    images: str = ""

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
        values = {"manifests": "k8s", "namespace": self.namespace, "timeout": "60s"}
        values |= {"images": self.images, **inputs}
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
            log="\n".join(x for x in log.splitlines() if not x.startswith(MASK)),
            masked=frozenset(x.removeprefix(MASK) for x in log.splitlines() if x.startswith(MASK)),
            left="\n".join(path.read_text(errors="replace") for path in files),
            commands="\n".join(commands),
            cpu=(after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime),
        )


def _watch(pid: int, commands: set[str], done: threading.Event) -> None:
    """Collect what `ps` would show of a process and all below it, again and again."""
    while not done.is_set():
        parents: dict[int, int] = {}
        for entry in Path("/proc").iterdir():
            try:
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
                parents[int(entry.name)] = int(stat[1])
            except (OSError, ValueError, IndexError):
                continue
        for each in parents:
            if _is_below(each, pid, parents):
                with suppress(OSError):
                    commands.add(Path(f"/proc/{each}/cmdline").read_text().replace("\0", " "))
        time.sleep(0.1)


def _is_below(pid: int, ancestor: int, parents: Mapping[int, int]) -> bool:
    while pid not in (0, ancestor):
        pid = parents.get(pid, 0)
    return pid == ancestor
