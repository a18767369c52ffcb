"""What all tests share: the test bed's addresses, and unit tests that cannot touch the world."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.bed import read_environment_file

ROOT = Path(__file__).resolve().parent.parent

# Opening a connection, a process or a port. Reported by the interpreter itself, so neither a
# library nor a test can go round it.
_EFFECTS = (
    "socket.connect",
    "socket.bind",
    "socket.getaddrinfo",
    "socket.sendto",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
)
_guarded: list[str] = []


def _refuse_effects(event: str, _arguments: tuple[object, ...]) -> None:
    if _guarded and event in _EFFECTS:
        raise AssertionError(f"a unit test must not touch the world: {event} in {_guarded[-1]}")


sys.addaudithook(_refuse_effects)


def pytest_configure() -> None:
    """Tests write to the test bed only, never to a cluster that the shell happens to name."""
    values = read_environment_file(ROOT / ".testbed/env")
    if values:
        os.environ.update(values)
    else:
        for name in ("KUBECONFIG", "REGISTRY"):
            os.environ.pop(name, None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Why a test was run again: its failure is a finding, also when the next try passes."""
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"why again: {report.nodeid}")
        terminalreporter.write_line(report.longreprtext)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Unit tests stay inside, with all that is set up for them."""
    if not item.nodeid.startswith("tests/unit/"):
        return (yield)
    _guarded.append(item.nodeid)
    try:
        return (yield)
    finally:
        _guarded.pop()
