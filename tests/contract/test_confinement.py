"""A confined child reads what it was given and nothing else, by the real kernel."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from aks_action.sources import confinement

pytestmark = pytest.mark.skipif(
    not confinement.is_available(), reason="this kernel or container has no Landlock"
)


def run(script: str, *readable: Path) -> str:
    process = confinement.start(
        ["/bin/sh", "-c", script],
        readable=[str(path) for path in readable],
        cwd="/",
        env={"PATH": os.environ["PATH"]},
        stderr=subprocess.STDOUT,
    )
    return process.communicate(timeout=30)[0].decode()


def test_a_child_reads_the_named_files_and_folders_only(tmp_path: Path) -> None:
    for name in ("in/a", "in/sub/b", "out/c", "one", "two"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"<{path.name}>")
    (tmp_path / "in/link").symlink_to(tmp_path / "out/c")
    os.link(tmp_path / "out/c", tmp_path / "in/hard")
    script = f"cd {tmp_path}; for f in in/a in/sub/b out/c one two in/link; do cat $f; done"
    said = run(script, tmp_path / "in", tmp_path / "one", tmp_path / "absent")
    assert [name in said for name in ("<a>", "<b>", "<c>", "<one>", "<two>")] == [
        True,
        True,
        False,
        True,
        False,
    ]
    assert said.count("Permission denied") == 3
    # What no check can tell from a file of the workspace.
    assert run(f"cat {tmp_path}/in/hard", tmp_path / "in") == "<c>"


def test_a_link_that_is_made_while_the_child_runs_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret").write_text("hush")
    script = f"cd {tmp_path}/in; ln -s ../secret x; cat x; mv x y; cat y"
    assert "hush" not in run(script, tmp_path / "in")


def test_the_environment_of_other_processes_is_out_of_reach(tmp_path: Path) -> None:
    assert "Permission denied" in run(f"cat /proc/{os.getpid()}/environ /proc/self/environ")


def test_a_child_writes_and_moves_files_and_we_stay_free(tmp_path: Path) -> None:
    """Only reading is narrowed: builders keep caches and move them between folders."""
    script = f"cd {tmp_path}; mkdir a b; echo text > a/x; mv a/x b/x; cat b/x"
    assert run(script, tmp_path) == "text\n"
    assert Path("/etc/hostname").read_text()


def test_a_command_that_is_not_there_is_an_error_as_everywhere(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        confinement.start(
            [str(tmp_path / "absent")], readable=[], cwd="/", env={}, stderr=subprocess.PIPE
        )
