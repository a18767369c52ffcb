"""Whole processes, measured: wall clock, CPU time, peak memory."""

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class Failed(Exception):  # noqa: N818 - reads as the sentence that is printed
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """wall, cpu: seconds, children included in cpu.   memory: peak of the process in MB."""

    wall: float
    cpu: float
    memory: float
    code: int
    output: str


def process(
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    *,
    expect: int | None = 0,
) -> Measured:
    """Run a command to its end. Raises Failed when it ends with another code than `expect`."""
    with tempfile.TemporaryFile("w+") as output:
        started = time.perf_counter()
        running = subprocess.Popen(
            command, cwd=folder, env=dict(environment),
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
        _, status, usage = os.wait4(running.pid, 0)
        wall = time.perf_counter() - started
        running.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if expect is not None and running.returncode != expect:
        raise Failed(f"{command[0]} ended with {running.returncode}:\n{text[-3000:]}")
    return Measured(
        wall=wall,
        cpu=usage.ru_utime + usage.ru_stime,
        memory=usage.ru_maxrss / 1024,
        code=running.returncode,
        output=text,
    )


def alternate(
    contestants: Mapping[str, Callable[[], Measured]], rounds: int
) -> dict[str, list[Measured]]:
    """Each in turn, `rounds` times, so that whatever else the machine does hits all alike."""
    runs: dict[str, list[Measured]] = {name: [] for name in contestants}
    names = list(contestants)
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            runs[name].append(contestants[name]())
    return runs


def median_wall(runs: Sequence[Measured]) -> float:
    return statistics.median(run.wall for run in runs)
