"""Reads the files that a workflow's author reads."""

import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
ACTION = ROOT / "action.yml"
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
EXAMPLES = sorted((ROOT / "examples").glob("*.yml"))


def load(path: Path) -> Any:
    """The one document of a YAML file, every scalar as text, so that `on:` stays `on`."""
    return yaml.load(path.read_text(), yaml.BaseLoader)  # noqa: S506 - makes texts only


def steps(workflow: Any) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job.get("steps", [])]


def run(*command: str | Path) -> str:
    """Everything that a program wrote, its failure included."""
    finished = subprocess.run(
        [str(part) for part in command], check=False, text=True, capture_output=True
    )
    words = f"{finished.stdout}{finished.stderr}"
    return words if finished.returncode == 0 else f"exit code {finished.returncode}\n{words}"
