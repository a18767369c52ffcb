"""Runs of the action that begin with its libraries loaded, each in a process of its own.

Loading them is more than half of the CPU time of most steps of a scenario. It is done once, in a
process that does nothing else; every run is forked from that one and then is what
`python entrypoint.py` is. What is cut off, or asked for its command line or its imports, is started
anew instead.
"""

import multiprocessing
import os
import runpy
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from demo.bed import ROOT

_MODULES = (path.relative_to(ROOT).with_suffix("") for path in ROOT.glob("aks_action/**/*.py"))
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([
    *(".".join(each.parts).removesuffix(".__init__") for each in _MODULES),
    "kubernetes.config.kube_config",
    __name__,
])  # fmt: skip


class Run:
    """The action under way in a folder; what it prints goes into the file `log`."""

    def __init__(self, environment: Mapping[str, str], folder: Path, log: Path) -> None:
        self._log = log
        self._process = _CONTEXT.Process(target=_step, args=(environment, folder, log))
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid
        return self._process.pid

    def finish(self, timeout: float) -> int:
        """Its exit code. timeout: seconds. Raises TimeoutError."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            self._process.kill()
            raise TimeoutError(f"not over after {timeout} s:\n{self._log.read_text()}")
        return self._process.exitcode


def _step(environment: Mapping[str, str], folder: Path, log: Path) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
    os.dup2(1, 2)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None  # found by what was loaded before, in another environment
    sys.argv = [str(ROOT / "entrypoint.py")]
    runpy.run_path(sys.argv[0], run_name="__main__")
