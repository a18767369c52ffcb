"""The step as a whole: what it tells, and the exit code, for what ends it before a cluster does."""

from __future__ import annotations

import io
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from aks_action import inputs
from aks_action.jobs.results import Results
from aks_action.main import main
from aks_action.model.provenance import RunContext


@pytest.fixture(name="env")
def _env(tmp_path: Path) -> dict[str, str]:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    return {
        "GITHUB_WORKSPACE": str(workspace),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "HOME": str(tmp_path),
        "INPUT_TOKEN": "s3cret-t0ken",
    }


@pytest.fixture(autouse=True)
def _signal_handlers_stay() -> Iterator[None]:
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


def run(env: dict[str, str], **inputs: str) -> tuple[int, str]:
    log = io.StringIO()
    code = main({**env, **{f"INPUT_{name.upper()}": text for name, text in inputs.items()}}, log)
    return code, log.getvalue()


def test_input_errors_end_the_step_with_2_and_an_annotation_for_each(env: dict[str, str]) -> None:
    code, log = run(env, timeout="soon")
    assert code == 2
    assert log.count("::error title=The inputs cannot be used::") == 2
    assert "Input `manifests` is missing" in log
    assert "::error" not in Path(env["GITHUB_STEP_SUMMARY"]).read_text()
    assert "Input \\`timeout\\`" in Path(env["GITHUB_STEP_SUMMARY"]).read_text()


def test_a_wrong_manifest_ends_the_step_with_3_at_its_line(env: dict[str, str]) -> None:
    manifest = Path(env["GITHUB_WORKSPACE"]) / "app.yml"
    manifest.write_text("# comment\n---\nkind: ConfigMap\nmetadata: {name: x}\n")
    code, log = run(env, manifests="app.yml")
    assert code == 3
    assert "file=app.yml,line=3::" in log


def test_a_deploy_without_a_kubeconfig_says_what_to_do(env: dict[str, str]) -> None:
    manifest = Path(env["GITHUB_WORKSPACE"]) / "app.yml"
    manifest.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")
    code, log = run(env, manifests="app.yml")
    assert code == 2
    assert "There is no cluster. Give `cluster-name`" in log


def test_version_and_release_type_are_outputs_also_of_a_step_that_failed(
    env: dict[str, str],
) -> None:
    env |= {"GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": "v1.2.0-rc.1"}
    code, _ = run(env, manifests="absent.yml")
    output = Path(env["GITHUB_OUTPUT"]).read_text()
    assert code == 2
    assert "v1.2.0-rc.1" in output
    assert "\nrc\n" in output


@pytest.mark.parametrize("name", ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"])
def test_a_report_that_cannot_be_written_keeps_the_verdict_and_has_a_code_of_its_own(
    name: str, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, log = run(env | {name: "/dev/full"}, manifests="absent.yml")
    assert code == 2
    assert "cannot be written to /dev/full: No space left on device" in log

    def succeed(_env: object, _workflow: object, results: Results) -> None:
        results.settings = inputs.parse({"manifests": "k8s"}, RunContext())

    monkeypatch.setattr("aks_action.main.run", succeed)
    assert run(env)[0] == 0
    code, log = run(env | {name: "/dev/full"})
    assert code == 10
    assert "::error title=The report could not be written::" in log


def test_a_secret_that_no_mask_can_hide_is_told_by_its_input(env: dict[str, str]) -> None:
    _, log = run(env | {"GITHUB_ACTIONS": "true"}, registry_password="latest")
    assert "::add-mask::latest" not in log
    assert "::warning::Input `registry-password` is so short, or so common a word" in log


def test_secrets_are_masked_before_anything_else_is_written(env: dict[str, str]) -> None:
    _, log = run(env | {"GITHUB_ACTIONS": "true"}, registry_password="hunter2", action="fly")
    first, *rest = log.splitlines()
    assert first == "::add-mask::hunter2"
    assert "hunter2" not in "\n".join(rest)
