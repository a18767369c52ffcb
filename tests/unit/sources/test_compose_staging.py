"""The copies that Compose reads in place of the workspace's files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from aks_action.environment import Folders
from aks_action.errors import InputError
from aks_action.sources.compose.staging import Chain, Stage


def as_they_are(texts: Sequence[str], _: Chain) -> Sequence[str]:
    return texts


def stage(root: Path, *, confined: bool = True) -> Stage:
    for name in ("ws", "stage"):
        (root / name).mkdir()
    folders = Folders(workspace=root / "ws", temp=None, host_workspaces=())
    return Stage(folder=root / "stage", folders=folders, home=str(root / "ws"), confined=confined)


def read(stage: Stage, file: str = "compose.yml") -> None:
    stage.compose_files([f"{stage.workspace}/{file}"], stage.workspace, "", as_they_are)


def test_copies_lie_as_the_files_do_and_nothing_else_is_there(tmp_path: Path) -> None:
    staged = stage(tmp_path)
    (tmp_path / "ws/sub").mkdir()
    (tmp_path / "ws/compose.yml").write_text("include: [sub/a.yml, absent.yml]\n")
    (tmp_path / "ws/real.yml").write_text("services: {}\n")
    (tmp_path / "ws/sub/a.yml").symlink_to("../real.yml")
    (tmp_path / "ws/sub/.env").write_text("A=1\n")
    (tmp_path / "ws/sub/other.yml").write_text("not asked for\n")
    read(staged)
    below = staged.folder / str(tmp_path)[1:] / "ws"
    copies = sorted(str(path.relative_to(below)) for path in below.rglob("*") if path.is_file())
    assert copies == ["compose.yml", "sub/.env", "sub/a.yml"]
    assert not any(path.is_symlink() for path in below.rglob("*"))
    assert staged.original(f"{below}/sub/a.yml") == f"{tmp_path}/ws/sub/a.yml"


def test_what_variables_are_worth_is_asked_once_for_a_file_by_the_way_it_is_read(
    tmp_path: Path,
) -> None:
    staged = stage(tmp_path)
    (tmp_path / "ws/e.env").write_text("X=a\n")
    (tmp_path / "ws/compose.yml").write_text("include: [{path: b.yml, env_file: e.env}]\n")
    (tmp_path / "ws/b.yml").write_text("include: ['$X.yml', {path: $X.yml, env_file: $X.env}]\n")
    (tmp_path / "ws/a.yml").write_text("services: {}\n")
    asked: list[tuple[Sequence[str], Chain]] = []

    def interpolate(texts: Sequence[str], chain: Chain) -> Sequence[str]:
        asked.append((texts, chain))
        return [text.replace("$X", "a") for text in texts]

    path = f"{staged.workspace}/compose.yml"
    staged.compose_files([path], staged.workspace, "", interpolate)
    assert asked == [(["$X.yml", "$X.env"], ((f"{staged.workspace}/e.env",),))]
    assert (Path(staged.copy_of(staged.workspace)) / "a.yml").exists()


def test_without_the_kernel_s_help_no_file_is_named_by_its_absolute_path(tmp_path: Path) -> None:
    """Compose opens such a file by its name, and not the copy that was checked."""
    staged = stage(tmp_path, confined=False)
    (tmp_path / "ws/a.yml").write_text("services: {}\n")
    (tmp_path / "ws/compose.yml").write_text(f"include: [{tmp_path}/ws/a.yml]\n")
    with pytest.raises(InputError, match=r"name it relative to the compose file"):
        read(staged)


def test_circles_are_left_to_compose(tmp_path: Path) -> None:
    staged = stage(tmp_path)
    (tmp_path / "ws/compose.yml").write_text("include: [a.yml]\n")
    (tmp_path / "ws/a.yml").write_text(
        "include: [compose.yml]\nservices: {a: {extends: {file: a.yml}}}"
    )
    read(staged)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a: \xe9"])
def test_a_file_of_another_encoding_is_named(tmp_path: Path, content: bytes) -> None:
    staged = stage(tmp_path)
    (tmp_path / "ws/compose.yml").write_bytes(content)
    with pytest.raises(InputError, match=r"does not accept compose\.yml: This is not UTF"):
        read(staged)
