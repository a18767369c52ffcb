"""The control group that holds all pods of the test bed: what is in it is ours to end."""

import os
import signal
import time
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


def is_v2() -> bool:
    return (ROOT / "cgroup.controllers").exists()


def hierarchies() -> list[Path]:
    """One folder with version 2, one per controller with version 1."""
    if is_v2():
        return [ROOT]
    return [path for path in ROOT.iterdir() if path.is_dir() and not path.is_symlink()]


def create(name: str) -> None:
    for hierarchy in hierarchies():
        (hierarchy / name).mkdir(exist_ok=True)
    if is_v2():
        controllers = (ROOT / "cgroup.controllers").read_text().split()
        wanted = " ".join(f"+{controller}" for controller in controllers)
        for folder in (ROOT, ROOT / name):
            (folder / "cgroup.subtree_control").write_text(wanted)


def members(name: str) -> set[int]:
    """Every process in the group and in the groups below it."""
    found: set[int] = set()
    for hierarchy in hierarchies():
        for path in hierarchy.glob(f"{name}/**/cgroup.procs"):
            found.update(int(pid) for pid in path.read_text().split())
    return found


def end(name: str, seconds: float = 10) -> None:
    """Kill all members, then remove the groups, leaves first."""
    deadline = time.monotonic() + seconds
    while (pids := members(name)) and time.monotonic() < deadline:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.1)
    for hierarchy in hierarchies():
        for folder, _, _ in os.walk(hierarchy / name, topdown=False):
            try:
                Path(folder).rmdir()
            except OSError:  # still emptying: `create` takes it as it is
                continue
