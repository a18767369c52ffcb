"""A bounded stream of requests through a Service's address or the gateway, and what answered.

Vegeta sends at a constant rate whatever the answers are, so that a gap of some milliseconds is
seen, and records every single one.
"""

import base64
import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Self

from demo.bed import ROOT, Bed, tool

LONGEST = 900
"""Seconds after which a load ends by itself, should a test forget it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL inside the cluster's network, and the Host that a gateway or ingress finds it by."""

    url: str
    host: str = ""

    def __str__(self) -> str:
        return f"GET {self.url}\n" + (f"Host: {self.host}\n" if self.host else "")


@dataclass(kw_only=True)
class Answers:
    """What became of requests. versions: bodies; pods: the names of the pods that answered.

    failed: how often each failure happened, by its status or error.
    """

    sent: int = 0
    versions: Counter[str] = field(default_factory=Counter)
    pods: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)

    @property
    def failures(self) -> int:
        return sum(self.failed.values())

    def add(self, record: dict[str, object], body: str, pod: str) -> None:
        self.sent += 1
        if record["code"] == 200:
            self.versions[body] += 1
            self.pods[pod] += 1
            return
        why = f"{record['error'] or record['code']} {body[:200]}".strip()
        self.failed[f"{str(record['timestamp'])[11:23]} {record['url']}: {why}"] += 1

    def __add__(self, other: Self) -> "Answers":
        return Answers(
            sent=self.sent + other.sent,
            versions=self.versions + other.versions,
            pods=self.pods + other.pods,
            failed=self.failed + other.failed,
        )


def await_answer(bed: Bed, target: Target) -> None:
    """Nodes and gateways get to know a new Service or route a moment after it is there."""
    header = ["--header", f"Host: {target.host}"] if target.host else []
    command = ["curl", "--silent", "--fail", "--max-time", "2", *header, target.url]
    until = time.monotonic() + 30
    while subprocess.run(bed.inside(command), check=False, capture_output=True).returncode:
        assert time.monotonic() < until, f"{target} never answered"
        time.sleep(0.3)


class Load:
    """Requests until `stop`; half of them on connections of their own, half on kept ones.

    A new connection meets what nodes and gateways know by then, a kept one a pod that ends.
    """

    def __init__(
        self, bed: Bed, folder: Path, targets: Iterable[Target], *, rate: int, seconds: int = 0
    ) -> None:
        text = "\n".join(str(each) for each in targets)
        self._files = [folder / f"load-{time.monotonic_ns()}-{kept}" for kept in (0, 1)]
        self._running = [
            _attack(bed, text, file, max(1, rate // 2), seconds or LONGEST, kept=bool(kept))
            for kept, file in enumerate(self._files)
        ]
        self._rate, self._started = rate, time.monotonic()

    @property
    def sent(self) -> int:
        """About how many requests have been sent by now."""
        return int((time.monotonic() - self._started) * self._rate)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_failure: object) -> None:
        for each in self._running:
            if each.poll() is None:
                each.kill()
                each.communicate()

    def last(self, *, seconds: float) -> None:
        """Go on sending for some time."""
        time.sleep(seconds)

    def stop(self) -> Answers:
        """End it, requests under way included, and count."""
        for each in self._running:
            each.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self) -> Answers:
        """Let it come to its own end, and count."""
        answers = Answers()
        for process, file in zip(self._running, self._files, strict=True):
            _, told = process.communicate(timeout=LONGEST)
            assert process.returncode == 0, told
            answers += _read(file)
        return answers


def _attack(
    bed: Bed, targets: str, output: Path, rate: int, seconds: int, *, kept: bool
) -> "subprocess.Popen[str]":
    command = [
        _vegeta(), "attack", f"-rate={rate}/s", f"-duration={seconds}s", "-timeout=10s",
        f"-keepalive={str(kept).lower()}", "-max-workers=200", f"-output={output}",
    ]  # fmt: skip
    process = subprocess.Popen(
        bed.inside(command), stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdin
    process.stdin.write(targets)
    process.stdin.close()
    process.stdin = None
    return process


def _read(file: Path) -> Answers:
    answers = Answers()
    command = [_vegeta(), "encode", "-to=json", str(file)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for line in text.splitlines():
        record = json.loads(line)
        answers.add(record, _body(record), ((record["headers"] or {}).get("X-Pod") or [""])[0])
    return answers


def _body(record: dict[str, str]) -> str:
    return base64.b64decode(record["body"] or "").decode(errors="replace").strip()


@cache
def _vegeta() -> str:
    """Build it once, then run it without `go` in between, so that a signal reaches it."""
    command = [tool("go"), "-C", str(ROOT / "tests/tools"), "tool", "-n", "vegeta"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
