"""Keeps the processes of the test bed alive: started once, outlives the command that started it.

Copied into the state folder and run from there, so that it works on when the checkout is gone.
Standard library only, and no import of the test bed. One argument: the run folder, which holds

    services/NAME.json   {"argv": [...], "log": path, "env": {...}}: wanted; removed = unwanted
    keeper.pid           "PID STARTTIME" of the keeper
    status.json          {NAME: {"pid", "starttime", "restarts", "exit"}}

SIGHUP: read services/ again. SIGTERM: end all and leave.
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HEARD = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
PR_SET_PDEATHSIG = 1
GRACE = 5.0
LONG_ENOUGH = 30.0
LONGEST_PAUSE = 10.0

libc = ctypes.CDLL(None, use_errno=True)


def starttime(pid: int) -> str:
    """Clock ticks since boot: with it a pid names one process for ever. Empty: no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]


def in_child() -> None:
    # A killed keeper must not leave processes that nobody supervises.
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)


class Service:
    def __init__(self, name: str, spec: dict[str, Any]) -> None:
        self.name = name
        self.spec = spec
        self.process: subprocess.Popen[bytes] | None = None
        self.restarts = -1
        self.exit: int | None = None
        self.started = 0.0
        self.due = 0.0
        self.pause = 0.2

    def start(self) -> None:
        with Path(self.spec["log"]).open("ab") as log:
            try:
                self.process = subprocess.Popen(
                    self.spec["argv"],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=self.spec["env"],
                    cwd="/",
                    start_new_session=True,
                    preexec_fn=in_child,  # noqa: PLW1509 - the keeper has one thread
                )
            except OSError as error:
                log.write(f"cannot start: {error}\n".encode())
                self.due = time.monotonic() + LONGEST_PAUSE
        self.restarts += 1
        self.started = time.monotonic()

    def reap(self) -> None:
        if self.process is None or self.process.poll() is None:
            return
        self.exit = self.process.returncode
        signal_group(self.process.pid, signal.SIGKILL)
        self.process = None
        lived = time.monotonic() - self.started
        self.pause = 0.2 if lived > LONG_ENOUGH else min(self.pause * 2, LONGEST_PAUSE)
        self.due = time.monotonic() + self.pause

    def status(self) -> dict[str, Any]:
        pid = self.process.pid if self.process else 0
        return {
            "pid": pid,
            "starttime": starttime(pid) if pid else "",
            "restarts": max(self.restarts, 0),
            "exit": self.exit,
        }


def signal_group(leader: int, number: int) -> None:
    """Each service leads a process group; a door's open connections are processes of it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, number)


def end(services: list[Service]) -> None:
    running = [service.process for service in services if service.process]
    for process in running:
        signal_group(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline and any(process.poll() is None for process in running):
        time.sleep(0.05)
    for process in running:
        signal_group(process.pid, signal.SIGKILL)
        process.wait()


class Keeper:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.services: dict[str, Service] = {}

    def rescan(self) -> None:
        wanted = {}
        for path in sorted(self.folder.glob("services/*.json")):
            wanted[path.stem] = json.loads(path.read_text())
        gone = [s for name, s in self.services.items() if wanted.get(name) != s.spec]
        end(gone)
        for service in gone:
            del self.services[service.name]
        for name, spec in wanted.items():
            self.services.setdefault(name, Service(name, spec))

    def turn(self) -> float:
        """Reap, restart what is due, publish; the answer: seconds until the next restart."""
        now = time.monotonic()
        for service in self.services.values():
            service.reap()
            if service.process is None and service.due <= now:
                service.start()
        self.publish()
        due = [s.due for s in self.services.values() if s.process is None]
        return max(min(due, default=now + 60.0) - time.monotonic(), 0.05)

    def publish(self) -> None:
        text = json.dumps({name: s.status() for name, s in self.services.items()}, indent=1)
        draft = self.folder / "status.json.new"
        draft.write_text(text)
        draft.replace(self.folder / "status.json")

    def run(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
        pid = os.getpid()
        (self.folder / "keeper.pid").write_text(f"{pid} {starttime(pid)}")
        self.rescan()
        while True:
            heard = signal.sigtimedwait(HEARD, self.turn())
            if heard is None:
                continue
            if heard.si_signo in {signal.SIGTERM, signal.SIGINT}:
                break
            if heard.si_signo == signal.SIGHUP:
                self.rescan()
        end(list(self.services.values()))
        (self.folder / "keeper.pid").unlink(missing_ok=True)


if __name__ == "__main__":
    Keeper(Path(sys.argv[1])).run()
