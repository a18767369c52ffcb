"""The client's side of the keeper: name a process that shall run, ask how it fares."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed import keeper
from testbed.settings import NETNS, RUN, Settings
from testbed.shell import TestbedError, tail, wait_until

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "GOGC": "400",  # memory is at hand, processors are not: less garbage collection in all of it
}
INSIDE = ("nsenter", f"--net=/run/netns/{NETNS}", "--")
STATUS = RUN / "status.json"


def is_running(pid: int, starttime: str) -> bool:
    return bool(pid) and keeper.starttime(pid) == starttime != ""


def recorded() -> dict[str, dict[str, Any]]:
    """Name → pid, starttime, restarts and last exit of each process, as last published."""
    try:
        return dict(json.loads(STATUS.read_text()))
    except (OSError, ValueError):
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Processes:
    settings: Settings

    def keeper_pid(self) -> int:
        """The keeper's pid, 0 when it does not run."""
        try:
            pid, starttime = (RUN / "keeper.pid").read_text().split()
        except (OSError, ValueError):
            return 0
        return int(pid) if is_running(int(pid), starttime) else 0

    def start_keeper(self) -> None:
        shutil.rmtree(RUN / "services", ignore_errors=True)
        (RUN / "services").mkdir(parents=True)
        STATUS.unlink(missing_ok=True)
        (RUN / "state").write_text(str(self.settings.state))
        self.settings.logs.mkdir(parents=True, exist_ok=True)
        program = self.settings.state / "keeper.py"
        shutil.copyfile(keeper.__file__, program)
        with self.log("keeper").open("ab") as log:
            subprocess.Popen(
                [sys.executable, "-I", str(program), str(RUN)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=ENVIRONMENT,
                start_new_session=True,
            )
        wait_until(
            "keeper", lambda: STATUS.exists() and bool(self.keeper_pid()), log=self.log("keeper")
        )

    def stop_keeper(self) -> None:
        """End the keeper and with it every process that it started."""
        if not (pid := self.keeper_pid()):
            return
        os.kill(pid, signal.SIGTERM)
        wait_until("end of the keeper", lambda: not self.keeper_pid(), log=self.log("keeper"))

    def log(self, name: str) -> Path:
        return self.settings.logs / f"{name}.log"

    def run(self, name: str, *argv: str | Path, inside: bool) -> None:
        """Have the keeper run `argv` for ever; `inside`: in the network namespace."""
        command = [*(INSIDE if inside else ()), *(str(part) for part in argv)]
        self.want(name, {"argv": command, "log": str(self.log(name)), "env": ENVIRONMENT})

    def want(self, name: str, spec: dict[str, Any]) -> None:
        """Have the keeper run `spec` as `name`, anew if it is not what runs.

        The keeper may read at this very moment, because of an earlier signal: it finds a whole
        file, old or new.
        """
        draft = RUN / f"{name}.new"
        draft.write_text(json.dumps(spec))
        draft.replace(RUN / "services" / f"{name}.json")
        os.kill(self.running_keeper(), signal.SIGHUP)

    def running_keeper(self) -> int:
        if pid := self.keeper_pid():
            return pid
        raise TestbedError(f"the keeper has ended:\n{tail(self.log('keeper'))}")

    def end(self, name: str) -> None:
        """Have the keeper end a process, if it runs."""
        (RUN / "services" / f"{name}.json").unlink(missing_ok=True)
        if pid := self.keeper_pid():
            os.kill(pid, signal.SIGHUP)

    def wait(self, name: str, what: str, check: Callable[[], bool], seconds: float = 120) -> None:
        """Wait for `check`; an error at once when the process keeps ending or the keeper has."""

        def ready_or_lost() -> bool:
            if check():
                return True
            self.running_keeper()
            state = recorded().get(name, {})
            if state.get("restarts", 0) >= 5:
                raise TestbedError(
                    f"{name} keeps ending (exit {state['exit']}); {self.log(name)} ends with\n"
                    + tail(self.log(name))
                )
            return False

        wait_until(what, ready_or_lost, log=self.log(name), seconds=seconds)

    def lost(self) -> list[str]:
        """The names of the processes that should run and do not."""
        wanted = {path.stem for path in (RUN / "services").glob("*.json")}
        running = {
            name
            for name, state in recorded().items()
            if is_running(state["pid"], state["starttime"])
        }
        return sorted(wanted - running)

    def kill_recorded(self) -> None:
        """After the keeper was killed: end whatever of its processes still runs."""
        for state in recorded().values():
            if is_running(state["pid"], state["starttime"]):
                os.kill(state["pid"], signal.SIGKILL)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and any(
            is_running(state["pid"], state["starttime"]) for state in recorded().values()
        ):
            time.sleep(0.05)
