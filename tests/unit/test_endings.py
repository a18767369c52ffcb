"""What a step leaves behind when it is disturbed: by a defect, by signals, by the runner."""

from __future__ import annotations

import io
import json
import os
import re
import signal
from collections.abc import Mapping
from pathlib import Path

from aks_action.main import UNEXPECTED, main

EMPTY: dict[str, list[str]] = {"created": [], "configured": [], "unchanged": [], "failed": []}


class Broken(dict[str, str]):
    """An environment that fails where nobody expects it, with a secret in its message."""

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]
        if key == "GITHUB_REF_TYPE":
            raise OSError(f"no such file: {'hush' * 1000}")
        return super().get(key, default)


class Interrupting(dict[str, str]):
    """An environment whose reader gets a signal, and a second one while it reports."""

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]
        if key in ("GITHUB_REF_TYPE", "GITHUB_STEP_SUMMARY"):
            os.kill(os.getpid(), signal.SIGTERM)
        return super().get(key, default)


def ended(env: Mapping[str, str]) -> tuple[int, str]:
    log = io.StringIO()
    return main(env, log), log.getvalue()


def test_a_defect_never_quotes_a_whole_value() -> None:
    """A file name that cannot be may be a kubeconfig."""
    code, log = ended(Broken({"INPUT_MANIFESTS": "k8s"}))
    assert code == UNEXPECTED
    assert "This is a defect of the action: OSError. Please report it" in log
    assert len(log.partition("no such file: ")[2].partition("\n")[0]) < 300


def test_a_signal_is_told_and_a_second_one_disturbs_no_report(tmp_path: Path) -> None:
    """The runner sends SIGINT and then SIGTERM; the summary is still written, once."""
    summary = tmp_path / "summary"
    env = {"INPUT_MANIFESTS": "k8s", "GITHUB_STEP_SUMMARY": str(summary)}
    before = signal.getsignal(signal.SIGTERM)
    code, log = ended(Interrupting(env))
    assert code == 128 + signal.SIGTERM
    assert "SIGTERM ended the run" in log
    assert summary.read_text().count("SIGTERM ended the run") == 1
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_deploy_that_did_not_get_far_has_a_result_nonetheless(tmp_path: Path) -> None:
    """Later steps read JSON from the output, also of a step that failed."""
    output = tmp_path / "output"
    env = {
        "INPUT_MANIFESTS": "k8s",
        "GITHUB_OUTPUT": str(output),
        "GITHUB_WORKSPACE": str(tmp_path),
    }
    code, _ = ended(env)
    assert code == 2
    told = re.search(r"^result<<(\S+)\n(.*)\n\1$", output.read_text(), re.MULTILINE)
    assert told
    result = json.loads(told[2])
    assert EMPTY.items() <= result.items()
    assert not any(result["counts"].values())


def test_files_of_the_runner_that_cannot_be_written_are_one_error_each(tmp_path: Path) -> None:
    """The summary is written though the outputs are not."""
    summary = tmp_path / "summary"
    env = {
        "INPUT_MANIFESTS": "k8s",
        "GITHUB_OUTPUT": str(tmp_path),
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_WORKSPACE": str(tmp_path),
    }
    code, log = ended(env)
    assert code == 2
    assert (
        log.count(f"The outputs of this step cannot be written to {tmp_path}: Is a directory") == 1
    )
    assert "does not exist" in summary.read_text()
