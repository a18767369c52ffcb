"""Runs a workflow on this machine by `act`, and tells what became of it."""

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.bed import Bed, tool

Show = Callable[[str, str], None]
"""Gets each line at once: the title of the log group it is in, or nothing, and the line, which is
empty where a group begins."""

PUBLIC_RUNNER = "catthehacker/ubuntu:act-latest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """code:  act's exit code, 0 when every job succeeded.
    log:      what the steps wrote, one entry a line.
    outputs:  what the steps set, `step id` → name → value.
    summary:  the job summaries, in order.
    """

    code: int
    log: tuple[str, ...]
    outputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    summary: str = ""

    @property
    def text(self) -> str:
        return "\n".join(self.log)


def push_event(ref: str = "refs/heads/master") -> dict[str, Any]:
    return {"ref": ref, "repository": {"default_branch": "master"}}


def release_event(tag: str) -> dict[str, Any]:
    release = {"tag_name": tag, "prerelease": "-" in tag}
    return {"action": "published", "release": release, "repository": {"default_branch": "master"}}


def dispatch_event(**inputs: str) -> dict[str, Any]:
    return {"ref": "refs/heads/master", "inputs": inputs}


def run(  # noqa: PLR0913 - what a runner is given is that much
    bed: Bed,
    folder: Path,
    *,
    workflow: str,
    event: str,
    payload: Mapping[str, Any],
    secrets: Mapping[str, str],
    variables: Mapping[str, str],
    environment: Mapping[str, str],
    show: Show = lambda _group, _line: None,
) -> Run:
    """Run `.github/workflows/<workflow>` of `folder` for one event.

    Secrets are handed over in the environment: a command line can be read by everybody.
    """
    with tempfile.TemporaryDirectory() as scratch:
        event_file = Path(scratch) / "event.json"
        event_file.write_text(json.dumps(payload))
        (Path(scratch) / "act").mkdir()
        (Path(scratch) / "act/actrc").touch()  # without it act asks a question
        command = [
            tool("act"), event, "--json", "--rm", "--pull=false", "--network=host",
            f"--platform=ubuntu-latest={bed.runner or PUBLIC_RUNNER}",
            f"--workflows={folder}/.github/workflows/{workflow}",
            f"--eventpath={event_file}", f"--directory={folder}",
            *(f"--secret={name}" for name, value in secrets.items() if value),
            *(f"--var={name}={value}" for name, value in variables.items()),
            *(f"--env={name}={value}" for name, value in environment.items()),
        ]  # fmt: skip
        inherited = {**os.environ, **secrets, "XDG_CONFIG_HOME": scratch}
        with subprocess.Popen(
            command, cwd=folder, env=inherited, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as acting:  # fmt: skip
            assert acting.stdout is not None  # noqa: S101
            return _collect(_entries(acting.stdout), show, acting.wait)


def _entries(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            entry = {"msg": line, "level": "error"}
        yield entry if isinstance(entry, dict) else {"msg": line, "level": "error"}


def _collect(entries: Iterator[dict[str, Any]], show: Show, wait: Callable[[], int]) -> Run:
    log: list[str] = []
    outputs: dict[str, dict[str, str]] = {}
    summary = group = ""
    for entry in entries:
        message = str(entry.get("msg", "")).rstrip()
        match entry.get("command"):
            case "group":
                group = str(entry["arg"])
                show(group, "")
            case "endgroup":
                group = ""
            case "set-output":
                step = str((entry.get("stepID") or [""])[-1])
                outputs.setdefault(step, {})[str(entry["name"])] = str(entry["arg"])
            case "summary":
                summary += str(entry.get("content", ""))
            case _ if entry.get("raw_output") or entry.get("level") == "error":
                log.append(message)
                show(group, message)
            case _:
                pass
    return Run(code=wait(), log=tuple(log), outputs=outputs, summary=summary)
