"""What the test bed's keeper may read at any moment."""

import json
import os
import signal
from pathlib import Path

import pytest

from testbed import azure, processes
from testbed.settings import Settings


def test_a_part_that_is_amended_is_never_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keeper, busy with the signal before, read an empty file and ended with all its parts."""
    (tmp_path / "services").mkdir()
    wanted = tmp_path / "services" / "kube-apiserver.json"
    wanted.write_text(json.dumps({"argv": ["kube-apiserver"], "env": {}}))
    told: list[tuple[int, int]] = []
    for module in (azure, processes):
        monkeypatch.setattr(module, "RUN", tmp_path)
    monkeypatch.setattr(processes.Processes, "keeper_pid", lambda _: 7)
    monkeypatch.setattr(os, "kill", lambda pid, number: told.append((pid, number)))
    with wanted.open() as read:
        azure.amend(processes.Processes(settings=Settings.of({})), "kube-apiserver", "--flag")
        assert json.load(read)["argv"] == ["kube-apiserver"]
    assert json.loads(wanted.read_text())["argv"] == ["kube-apiserver", "--flag"]
    assert told == [(7, signal.SIGHUP)]
