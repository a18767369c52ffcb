"""Child processes, waiting and progress: the few verbs that every part of the test bed uses."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

LOG_LINES = 15


class TestbedError(Exception):
    """Something that the test bed needs is missing or did not start; says what to look at."""

    __test__ = False  # pytest collects classes named Test*


def say(text: str) -> None:
    print(f"testbed: {text}", file=sys.stderr, flush=True)


def run(
    *argv: str | Path,
    stdin: str | bytes | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    seconds: float = 300,
) -> str:
    """Run a command to its end and return what it printed; a failure shows its last lines."""
    command = [str(part) for part in argv]
    given = stdin.encode() if isinstance(stdin, str) else stdin
    try:
        done = subprocess.run(
            command,
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            env=env,
            cwd=cwd,
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError:
        raise TestbedError(f"{command[0]} is not installed, and the test bed needs it") from None
    except subprocess.TimeoutExpired:
        raise TestbedError(f"{' '.join(command[:4])} did not end within {seconds:.0f} s") from None
    output = done.stdout.decode(errors="replace")
    if done.returncode:
        told = (output + done.stderr.decode(errors="replace")).strip().splitlines()[-LOG_LINES:]
        shown = "\n  ".join(told)
        raise TestbedError(f"{' '.join(command[:6])} exited with {done.returncode}:\n  {shown}")
    return output


def succeeds(*argv: str | Path, seconds: float = 30) -> bool:
    try:
        run(*argv, seconds=seconds)
    except TestbedError:
        return False
    return True


def tail(path: Path, lines: int = LOG_LINES) -> str:
    try:
        text = path.read_bytes()[-20_000:].decode(errors="replace")
    except OSError:
        return "  (no log)"
    return "\n".join(f"  {line}" for line in text.splitlines()[-lines:])


def wait_until(what: str, check: Callable[[], bool], *, log: Path, seconds: float = 120) -> None:
    """Return as soon as `check` holds; after `seconds`, an error that shows the end of `log`."""
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            raise TestbedError(f"no {what} within {seconds:.0f} s; {log} ends with\n{tail(log)}")
        time.sleep(0.1)
