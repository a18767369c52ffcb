"""A git repository like a user's: the example application, its workflows, and the action.

The action lies in the repository as a release has it: its `action.yml` names a built image.
"""

import re
import shutil
import subprocess
from pathlib import Path

from demo.bed import ROOT

ACTION = "./.github/actions/aks_action"
CHECKOUT = "actions/checkout@v6"
PUBLISHED = re.compile(r"your-org/aks_action@\S+")


def make(folder: Path, image: str) -> Path:
    """A fresh repository in `folder`, with the workflows of examples/."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "examples/app", folder)
    workflows = folder / ".github/workflows"
    workflows.mkdir(parents=True)
    for example in sorted((ROOT / "examples").glob("*.yml")):
        add_workflow(folder, example.name, example.read_text())
    add_action(folder, image)
    git(folder, "init", "--quiet", "--initial-branch=master")
    commit(folder, "The shop")
    return folder


def add_workflow(folder: Path, name: str, text: str) -> None:
    """Write a workflow that uses the local action where it names the published one.

    The local one lies in the repository, so that a job without a checkout gets one.
    """
    path = folder / ".github/workflows" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if "actions/checkout" not in text:
        text = text.replace("    steps:\n", f"    steps:\n      - uses: {CHECKOUT}\n")
    path.write_text(PUBLISHED.sub(ACTION, text))


def add_action(folder: Path, image: str) -> None:
    """What the release workflow does to action.yml, for an image of the local engine."""
    text = (ROOT / "action.yml").read_text()
    pointed, count = re.subn(r"(?m)^  image: .*$", f"  image: docker://{image}", text)
    if count != 1:
        raise RuntimeError("action.yml has to have exactly one line `  image: …`")
    target = folder / ACTION / "action.yml"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(pointed)


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    identity = ("-c", "user.name=demo", "-c", "user.email=demo@localhost")
    git(folder, *identity, "commit", "--quiet", "--allow-empty", "--message", message)


def change(folder: Path, path: str, before: str, after: str) -> None:
    """Replace one text of one file, and commit that."""
    file = folder / path
    text = file.read_text()
    if text.count(before) != 1:
        raise RuntimeError(f"{path} does not have {before!r} once")
    file.write_text(text.replace(before, after))
    commit(folder, f"{path}: {after}")


def git(folder: Path, *arguments: str) -> None:
    quiet = ("-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null")
    subprocess.run(["git", *quiet, "-C", str(folder), *arguments], check=True)
