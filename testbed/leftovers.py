"""Ends what a test bed leaves behind, however it ended: for `down`, and before a fresh start.

Processes are ended by pid, and only when they are known to be ours: recorded with their start
time, members of our control group, or engines, shims and doors that name our run folder.
"""

import os
import shutil
import signal
import time
from pathlib import Path

from testbed import cgroups, network
from testbed.node import NETWORK
from testbed.processes import Processes
from testbed.settings import CGROUP, RUN, recorded_state
from testbed.shell import run

ENGINES = ("containerd", "containerd-shim", "dockerd", "docker-proxy", "runc", "socat")
# The registry's content and login outlive a restart, so do the engine's images.
LASTING = ("cache", "registry", "docker")


def clear(processes: Processes) -> None:
    """After it nothing of the node and the control plane is left, running or on disk."""
    processes.stop_keeper()
    processes.kill_recorded()
    end_engines()
    cgroups.end(CGROUP)
    states = {processes.settings.state, recorded_state() or processes.settings.state}
    unmount([RUN, *states])
    network.delete()
    for state in states:
        remove_files(state)
    shutil.rmtree(RUN, ignore_errors=True)


def end_engines(seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while (pids := engines()) and time.monotonic() < deadline:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.1)


def engines() -> list[int]:
    """containerd, shims and their like that name our run folder in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            arguments = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            is_zombie = not (entry / "exe").exists()
        except OSError:
            continue
        name = Path(arguments[0]).name
        ours = any(f"{RUN}/" in argument for argument in arguments[1:])
        if ours and not is_zombie and name.startswith(ENGINES):
            found.append(int(entry.name))
    return found


def unmount(folders: list[Path]) -> None:
    """Below our folders, the deepest first; lazily, for a killed process may still hold one."""
    roots = tuple(f"{folder}/" for folder in folders)
    points = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = line.split()[4].encode().decode("unicode_escape")
        if point.startswith(roots):
            points.append(point)
    for point in sorted(points, key=len, reverse=True):
        run("umount", "--lazy", point)


def remove_files(state: Path) -> None:
    for path in state.glob("*"):
        if path.name not in LASTING:
            remove(path)
    for result in Path("/var/lib/cni/results").glob(f"{NETWORK}-*"):
        result.unlink(missing_ok=True)
    for link in Path("/var/log/containers").glob("*"):
        if link.is_symlink() and link.readlink().is_relative_to(state):
            link.unlink()


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
