"""Runs the action as a step against the real cluster, and tells what it said and left behind."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aks_action.clients.ports import Cluster
from aks_action.model.manifests import ref_of
from demo.bed import ROOT, Bed
from tests.faults.acts import Killing
from tests.faults.proxy import WRITE, Fault, Proxy
from tests.scenarios import forked

KILLED = -9
LONGEST_RUN = 240.0
"""Seconds."""

# What an earlier step of the same job may have left in the environment of this process.
_INHERITED = ("PATH", "LANG", "HOME", "SSL_CERT_FILE")


@contextmanager
def a_namespace(bed: Bed, cluster: Cluster, name: str) -> Iterator[None]:
    """A new namespace whose pods may pull, removed afterwards."""
    items = bed.namespace_items(name)
    for each in items:
        cluster.apply(each)
    try:
        yield
    finally:
        cluster.delete(ref_of(items[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A step that has ended. seconds: that it took, or still took when it was started before."""

    code: int
    log: str
    outputs: Mapping[str, str]
    summary: str
    seconds: float

    def says_in_order(self, parts: Sequence[str]) -> None:
        """Each part stands in the log behind the one before it."""
        position = 0
        for part in parts:
            found = self.log.find(part, position)
            assert found >= 0, f"{part!r} is not (or too early) in the log:\n{self.log}"
            position = found + len(part)


class Step:
    """A step of a workflow, outside of a container."""

    def __init__(self, bed: Bed, folder: Path, inputs: Mapping[str, str]) -> None:
        self._bed, self._inputs = bed, inputs
        self.workspace, self.temp = folder / "workspace", folder / "_temp"
        self.workspace.mkdir()
        self.temp.mkdir()

    def elsewhere(self, folder: Path, **inputs: str) -> "Step":
        """The same step in another workspace, with other inputs."""
        return Step(self._bed, folder, {**self._inputs, **inputs})

    def write(self, path: str, text: str) -> None:
        target = self.workspace / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def start(
        self, inputs: Mapping[str, str] | None = None, *, command: Sequence[str] = ()
    ) -> subprocess.Popen[str]:
        """Start the step. command: what starts it instead of our own Python."""
        return subprocess.Popen(
            command or [sys.executable, str(ROOT / "entrypoint.py")],
            cwd=self.workspace, env=self._environment(inputs), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def await_line(self, process: subprocess.Popen[str], part: str) -> None:
        """Read what the step says until a line has that part in it.

        A write is told as `KIND/NAMESPACE/NAME created`; the plan counts `1 created` before.
        """
        assert process.stdout
        while part not in process.stdout.readline():
            assert process.poll() is None, f"the step was over before it said {part!r}"

    def finish(self, process: subprocess.Popen[str]) -> Finished:
        started = time.monotonic()
        log, _ = process.communicate(timeout=LONGEST_RUN)
        return self._finished(process.returncode, log, started)

    def run(self, inputs: Mapping[str, str] | None = None, **environment: str) -> Finished:
        """Run it to its end. environment: variables that are other than usual."""
        started = time.monotonic()
        path = self.temp / "log"
        variables = {**self._environment(inputs), **environment}
        code = forked.Run(variables, self.workspace, path).finish(LONGEST_RUN)
        return self._finished(code, path.read_text(), started)

    def run_through(
        self, proxy: Proxy, inputs: Mapping[str, str], *, limit: int, code: int = 0
    ) -> Finished:
        """Run it until it is killed right after as many writes; 0: it is not.

        code: of its proper end.
        """
        proxy.arm(*([Fault(at=WRITE, act=Killing(limit))] if limit else []))
        process = self.start({**inputs, "kubeconfig": proxy.kubeconfig})
        proxy.kill = process.kill
        finished = self.finish(process)
        assert finished.code in (code, KILLED), finished.log
        if finished.code == KILLED:
            self.forget_lock()
        return finished

    def forget_lock(self) -> None:
        """Let the next run begin at once, not when the lock of a killed one has run out."""
        namespace = f"--namespace={self._inputs['namespace']}"
        self._bed.kubectl("delete", "leases", "--all", namespace)

    def _environment(self, inputs: Mapping[str, str] | None) -> dict[str, str]:
        for name in ("output", "summary"):
            (self.temp / name).write_text("")
        values = {**self._inputs, **(inputs or {})}
        return {
            **{name: os.environ[name] for name in _INHERITED if name in os.environ},
            "KUBECONFIG": self._bed.kubeconfig,
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_OUTPUT": str(self.temp / "output"),
            "GITHUB_STEP_SUMMARY": str(self.temp / "summary"),
            "GITHUB_REPOSITORY": "your-org/shop",
            "GITHUB_RUN_ID": "42",
            "GITHUB_REF": "refs/heads/master",
            "GITHUB_SHA": "1" * 40,
            "GITHUB_WORKFLOW": "Scenario",
            "GITHUB_WORKFLOW_REF": "your-org/shop/.github/workflows/s.yml@refs/heads/master",
            "RUNNER_TEMP": str(self.temp),
            "TMPDIR": str(self.temp),
            **{f"INPUT_{name.upper()}": value for name, value in values.items()},
        }

    def _finished(self, code: int, log: str, started: float) -> Finished:
        assert "Traceback" not in log, log
        return Finished(
            code=code,
            log=log,
            outputs=_outputs((self.temp / "output").read_text()),
            summary=(self.temp / "summary").read_text(),
            seconds=time.monotonic() - started,
        )


def _outputs(text: str) -> dict[str, str]:
    """Read the runner's command file: `name<<mark`, lines, `mark`; or `name=value`."""
    blocks = re.findall(r"(?ms)^([\w-]+)<<(\S+)\n(.*?)\n?^\2$", text)
    return {name: value for name, _, value in blocks}
