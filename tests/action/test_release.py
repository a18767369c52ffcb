"""`.github/move_tags.sh`: which tags follow a release, and what they hold."""

import subprocess
from pathlib import Path

import pytest

from tests.action.support import ROOT

IMAGE = "ghcr.io/your-org/aks_action@sha256:" + "a" * 64


class Repository:
    """A clone and the bare repository that it pushes to."""

    def __init__(self, folder: Path) -> None:
        self.clone, self.remote = folder / "clone", folder / "remote.git"
        self.clone.mkdir()
        self._git("init", "--quiet", "--bare", str(self.remote), at=folder)
        self._git("init", "--quiet", "--initial-branch=main")
        (self.clone / "action.yml").write_text((ROOT / "action.yml").read_text())
        self.commit("first")

    def _git(self, *arguments: str, at: Path | None = None) -> str:
        identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
        command = ["git", *identity, "-C", str(at or self.clone), *arguments]
        return subprocess.run(command, check=True, text=True, capture_output=True).stdout.strip()

    def commit(self, message: str) -> None:
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message", message)

    def release(self, tag: str, *, image: str = IMAGE, prerelease: bool = False) -> int:
        """Tag a commit of its own, as a maintainer does, and let the script run on it."""
        self._git("switch", "--quiet", "main")
        self.commit(f"for {tag}")
        self._git("tag", tag)
        self._git("push", "--quiet", str(self.remote), tag)
        self._git("switch", "--quiet", "--detach", tag)
        return self.move(tag, image=image, prerelease=prerelease)

    def move(self, tag: str, *, image: str = IMAGE, prerelease: bool = False) -> int:
        command = [str(ROOT / ".github/move_tags.sh"), tag, image, str(prerelease).lower()]
        environment = {"PATH": "/usr/bin:/bin", "REMOTE": str(self.remote), "HOME": str(self.clone)}
        return subprocess.run(
            command, cwd=self.clone, env=environment, check=False, capture_output=True
        ).returncode

    def tags(self) -> dict[str, str]:
        """Tag in the remote repository → its commit."""
        listed = self._git(
            "for-each-ref", "--format=%(refname:short) %(objectname)", at=self.remote
        )
        return dict(line.split() for line in listed.splitlines())

    def action(self, tag: str) -> str:
        return self._git("show", f"{tag}:action.yml", at=self.remote)


@pytest.fixture(name="repository")
def _repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_a_release_moves_the_major_and_the_minor_tag_to_itself(repository: Repository) -> None:
    """`uses: …@v1` and `…@v1.2` get the new release, which runs the published image."""
    assert repository.release("v1.2.0") == 0
    tags = repository.tags()
    assert tags["v1.2.0"] == tags["v1.2"] == tags["v1"]
    assert f"  image: docker://{IMAGE}" in repository.action("v1").splitlines()


def test_a_prerelease_moves_only_itself(repository: Repository) -> None:
    """Nobody gets a release candidate who did not ask for it, by the mark or by the name."""
    repository.release("v1.2.0")
    before = repository.tags()
    assert repository.release("v1.3.0-rc.1") == 0
    assert repository.release("v1.3.0", prerelease=True) == 0
    after = repository.tags()
    assert (after["v1"], after["v1.2"]) == (before["v1"], before["v1.2"])
    assert "v1.3" not in after
    assert f"docker://{IMAGE}" in repository.action("v1.3.0-rc.1")


def test_a_fix_of_an_old_line_does_not_take_the_major_tag_back(repository: Repository) -> None:
    """v1.1.7 after v1.2.0 moves v1.1, and v1 stays at v1.2.0; v1.10 is later than v1.9."""
    for tag in ("v1.1.6", "v1.2.0", "v1.1.7"):
        assert repository.release(tag) == 0
    tags = repository.tags()
    assert tags["v1"] == tags["v1.2.0"]
    assert tags["v1.1"] == tags["v1.1.7"]
    assert repository.release("v1.10.0") == 0
    assert repository.release("v1.9.0") == 0
    assert repository.tags()["v1"] == repository.tags()["v1.10.0"]


def test_running_it_again_changes_nothing(repository: Repository) -> None:
    """A job that is run again after a network fault must not make another commit."""
    repository.release("v1.0.0")
    before = repository.tags()
    assert repository.move("v1.0.0") == 0
    assert repository.tags() == before


def test_an_image_without_a_digest_is_refused(repository: Repository) -> None:
    """A tag of an image could be moved under the release."""
    assert repository.release("v1.0.0", image="ghcr.io/your-org/aks_action:v1.0.0") != 0
    assert "image: Dockerfile" in repository.action("v1.0.0")
