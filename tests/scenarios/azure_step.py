"""Runs the action as a step that signs in to Azure, and keeps everything it left behind."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.scenarios import forked
from tests.scenarios.support import LONGEST_RUN
from tests.standins.cloud import Azure
from tests.standins.kubernetes import ApiServer

MASK = "::add-mask::"


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A finished step. `log`: as people see it; `masked`: what it asked to be hidden from them.

    commands: the command lines of all that it has started.
    """

    code: int
    log: str
    masked: frozenset[str]
    left: str
    commands: str

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

    def environment(self, inputs: Mapping[str, str]) -> dict[str, str]:
        """What a runner gives to the step; its folders are there then."""
        temp = self.folder / "_temp"
        temp.mkdir(exist_ok=True)
        self.workspace.mkdir(exist_ok=True)
        values = {"manifests": "k8s", "namespace": self.namespace, "timeout": "60s"}
        values |= {"images": self.images, **inputs}
        return {
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
            **{f"INPUT_{name.upper()}": value for name, value in values.items()},
        }

    def run(self, inputs: Mapping[str, str], env: Mapping[str, str] | None = None) -> Ran:
        environment = {**self.environment(inputs), **(env or {})}
        path = self.folder.with_name(f"{self.folder.name}.log")  # it has what is to be masked
        run = forked.Run(environment, self.workspace, path)
        with _watching(run.pid) as commands:
            code = run.finish(LONGEST_RUN)
        log = path.read_text()
        assert "Traceback" not in log, log
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return Ran(
            code=code,
            log="\n".join(x for x in log.splitlines() if not x.startswith(MASK)),
            masked=frozenset(x.removeprefix(MASK) for x in log.splitlines() if x.startswith(MASK)),
            left="\n".join(path.read_text(errors="replace") for path in files),
            commands="\n".join(commands),
        )


@contextmanager
def _watching(pid: int) -> Iterator[set[str]]:
    """Collect what `ps` would show of all that a process starts, again and again."""
    commands: set[str] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            for each in _below(pid):
                with suppress(OSError):
                    commands.add(Path(f"/proc/{each}/cmdline").read_text().replace("\0", " "))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield commands
    finally:
        done.set()
        watcher.join()


def _below(pid: int) -> Iterator[int]:
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                yield child
                yield from _below(child)
