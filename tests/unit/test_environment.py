"""What the runner's environment says, inside and outside of a container."""

from __future__ import annotations

from pathlib import Path

import pytest

from aks_action import environment


@pytest.mark.parametrize(
    ("env", "tag"),
    [
        ({"GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": "v1.0.0"}, "v1.0.0"),
        ({"GITHUB_REF": "refs/tags/v1.0.0"}, "v1.0.0"),
        ({"GITHUB_REF_TYPE": "branch", "GITHUB_REF": "refs/heads/master"}, ""),
        ({}, ""),
    ],
)
def test_the_git_tag_is_known_only_when_the_run_is_about_one(env: dict[str, str], tag: str) -> None:
    assert environment.git_tag(env) == tag


def test_a_hosts_path_below_its_temp_folder_is_found_below_the_containers(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kube" / "config"
    kubeconfig.parent.mkdir()
    kubeconfig.touch()
    folders = environment.folders({"RUNNER_TEMP": str(tmp_path)})
    assert folders.seen("/home/runner/work/_temp/kube/config") == kubeconfig


def test_a_path_that_exists_is_never_mapped(tmp_path: Path) -> None:
    path = tmp_path / "_temp" / "config"
    path.parent.mkdir()
    path.touch()
    folders = environment.folders({"RUNNER_TEMP": str(tmp_path / "other")})
    assert folders.seen(str(path)) == path


def test_the_hosts_workspace_is_known_by_the_repositorys_name() -> None:
    env = {"GITHUB_REPOSITORY": "me/shop", "RUNNER_WORKSPACE": "/data/_work/shop"}
    assert environment.folders(env).host_workspaces[0] == "/data/_work/shop/shop"


def test_the_run_is_read_from_githubs_variables() -> None:
    run = environment.run_context(
        {
            "GITHUB_REPOSITORY": "me/shop",
            "GITHUB_RUN_ID": "7",
            "GITHUB_WORKFLOW_REF": "me/shop/.github/workflows/release.yml@refs/tags/v1",
            "GITHUB_SERVER_URL": "https://git.example",
            "HELM_CHART_PATHS": "charts/a; ;charts/b",
        }
    )
    assert run.url == "https://git.example/me/shop/actions/runs/7"
    assert run.workflow_file == "release.yml"
    assert run.helm_chart_paths == ("charts/a", "charts/b")


def test_files_of_the_job_are_known_wherever_the_host_has_them(tmp_path: Path) -> None:
    (tmp_path / "kubeconfig_1").write_text("")
    env = {
        "RUNNER_TEMP": str(tmp_path),
        "KUBECONFIG": f"/home/runner/work/_temp/kubeconfig_1::{tmp_path}/absent",
        "GITHUB_ENV": "",
        "DOCKER_CONFIG": str(tmp_path),
    }
    assert environment.folders(env).own == (str(tmp_path / "kubeconfig_1"), str(tmp_path))


@pytest.mark.parametrize("text", ["x" * 5000, "a\0b"])
def test_a_kubeconfig_that_no_path_can_be_is_left_as_it_is(text: str, tmp_path: Path) -> None:
    """Base64 on one line is longer than any file name."""
    env = {"RUNNER_TEMP": str(tmp_path), "KUBECONFIG": text}
    assert environment.kubeconfig(text, {}) == text
    assert environment.kubeconfig("", env) == text
