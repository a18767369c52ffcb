"""What a build gets of the model that Compose made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aks_action.environment import Folders
from aks_action.errors import InputError
from aks_action.sources.compose.builds import BuildModel, build_model


def model(root: Path, build: dict[str, Any], *, agent: str = "", **more: Any) -> BuildModel:
    project = {
        "name": "shop",
        "services": {
            "a": {"image": "a", "build": {"context": str(root), **build}, "env_file": ["x"]},
            "b": {"build": {"context": "/etc"}},
            **more.pop("services", {}),
        },
        **more,
    }
    folders = Folders(
        workspace=root,
        temp=root.parent / "_temp",
        host_workspaces=(),
        own=(str(root.parent / "_temp/job/kubeconfig"), str(root / "kubeconfig")),
    )
    return build_model(
        project, ["a"], folders=folders, base=str(root), agent=agent, name_of=lambda path: path
    )


def test_a_build_has_its_own_service_and_what_that_is_built_upon_only(tmp_path: Path) -> None:
    (tmp_path / "s.txt").write_text("hush")
    base = {"build": {"context": str(tmp_path)}, "platform": "linux/arm64"}
    found = model(
        tmp_path,
        {"additional_contexts": {"up": "service:base"}, "secrets": [{"source": "s"}]},
        services={"base": base},
        secrets={"s": {"file": str(tmp_path / "s.txt")}, "other": {"file": "/etc/shadow"}},
    )
    assert set(found.project["services"]) == {"a", "base"}
    assert found.project["services"]["base"] == base
    assert "env_file" not in found.project["services"]["a"]
    assert found.secrets == {"s": b"hush"}
    assert set(found.project["secrets"]) == {"s"}


@pytest.mark.parametrize(
    "build",
    [
        {"context": "https://github.com/o/r.git#main"},
        {"context": "git@github.com:o/r.git"},
        {"additional_contexts": {"a": "docker-image://alpine", "b": "target:x"}},
        {"ssh": ["default", "key=/run/agent.sock"]},
        {"cache_from": ["type=gha", "alpine", "type=local,src=cache"]},
        {"dockerfile_inline": "FROM scratch"},
        {"context": "ABSENT"},
    ],
)
def test_what_is_inside_or_fetched_by_nobody_is_left_to_the_builder(
    tmp_path: Path, build: dict[str, Any]
) -> None:
    build = {
        key: value.replace("ABSENT", str(tmp_path / "absent")) if isinstance(value, str) else value
        for key, value in build.items()
    }
    assert model(tmp_path, build, agent="/run/agent.sock").project["services"]["a"]["image"] == "a"


@pytest.mark.parametrize(
    ("build", "told"),
    [
        ({"ssh": ["key=/root/.ssh/id_rsa"]}, "The SSH key /root/.ssh/id_rsa"),
        ({"ssh": ["default=/run/other.sock,/root/key"]}, "The SSH key /root/key"),
        ({"cache_to": ['type=local,"dest=/srv/cache"']}, "The cache /srv/cache"),
        ({"cache_from": ["TYPE=local,SRC=../../etc"]}, "The cache ../../etc"),
        ({"additional_contexts": {"x": "oci-layout:///etc@sha256:1"}}, "The context x"),
        ({"context": "/etc/absent/deeper"}, "The context of the build of a"),
        ({"dockerfile": "/etc/hostname"}, "/etc/hostname, leads outside"),
    ],
)
def test_what_is_outside_is_named(tmp_path: Path, build: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        model(tmp_path, build, agent="/run/agent.sock")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"context": "TEMP"}, "The context of the build of a, TEMP, is, or has in it"),
        ({"context": "TEMP/job"}, "The context of the build of a"),
        ({"additional_contexts": {"x": "TEMP/job/link"}}, "The context x"),
        ({"dockerfile": "TEMP/job/kubeconfig"}, "A file of the build of a"),
        ({"dockerfile": "kubeconfig"}, "A file of the build of a"),
        ({"secrets": [{"source": "s"}]}, "The file of the secret s"),
    ],
)
def test_the_job_s_own_files_go_into_no_build(
    tmp_path: Path, more: dict[str, Any], told: str
) -> None:
    """An earlier step leaves the kubeconfig in the temp folder, from which may be built."""
    root, temp = tmp_path / "ws", tmp_path / "_temp"
    for folder in (root, temp / "job", temp / "files"):
        folder.mkdir(parents=True)
    for file in (temp / "job/kubeconfig", root / "kubeconfig"):
        file.write_text("hush")
    (temp / "job/link").symlink_to("../job")
    build = json.loads(json.dumps(more).replace("TEMP", str(temp)))
    secret = {"s": {"file": str(temp / "job/kubeconfig")}}
    with pytest.raises(InputError, match=told.replace("TEMP", str(temp))):
        model(root, build, secrets=secret)
    assert model(root, {"context": str(temp / "files")})
