"""The port `Engine` on a real Docker engine, with a real registry behind it."""

from __future__ import annotations

import gc
import io
import os
import shutil
import subprocess
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from aks_action.clients.engine import DockerEngine
from aks_action.clients.image_ports import Credentials
from aks_action.clients.registry import RegistryClient
from aks_action.environment import Folders
from aks_action.errors import AuthError, RegistryError
from aks_action.model.images.plan import plan_images
from aks_action.model.images.references import ImageReference
from aks_action.model.images.release_plan import ImageSettings, PublishedHow
from aks_action.runtime.images.publishing import push
from aks_action.sources.compose import ComposeFiles
from tests.contract.registries import PASSWORD, USERNAME, RunningRegistry, running_registry

ME = Credentials(username=USERNAME, password=PASSWORD)
BIN = Path(__file__).resolve().parents[2] / ".venv/bin"


def docker(*arguments: str, data: bytes | None = None) -> str:
    """The docker command, for what the action itself never does."""
    done = subprocess.run(["docker", *arguments], input=data, capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.fixture(scope="module", autouse=True)
def _engine() -> None:
    answers = shutil.which("docker") and (
        subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0
    )
    if not answers:
        assert not os.environ.get("CI"), "no Docker engine answers, and CI must have one"
        pytest.skip("no Docker engine answers: `make testbed` starts one")


@pytest.fixture
def engine() -> Iterator[DockerEngine]:
    with DockerEngine() as engine:
        yield engine


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    with running_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture
def name() -> Iterator[str]:
    """A small image with content of its own; removed with all of its tags."""
    name = f"aks-action-test/{uuid.uuid4().hex}"
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        file = tarfile.TarInfo("who")
        file.size = len(name)
        archive.addfile(file, io.BytesIO(name.encode()))
    identity = docker("import", "-", name, data=data.getvalue())
    yield name
    subprocess.run(["docker", "rmi", "--force", identity], capture_output=True, check=False)


def test_an_image_is_known_by_name(engine: DockerEngine, name: str) -> None:
    """Its id is that of its configuration; one that is not there is None."""
    found = engine.image(name)
    assert found is not None
    assert found.id == docker("inspect", "--format", "{{.Id}}", name)
    assert engine.image(f"{name}:absent") is None


def test_a_push_ends_with_the_registry_s_digest(
    engine: DockerEngine, name: str, registry: RunningRegistry
) -> None:
    """What the engine reports is what the registry has, and the image is known by it after."""
    target = ImageReference.parse(f"{registry.host}/{name}:v1")
    digest = engine.push(name, target, ME, lambda _: None)
    client = RegistryClient(registry.host, ME)
    assert client.digest(target) == digest
    manifest, local = client.manifest(target), engine.image(name)
    assert manifest is not None
    assert local is not None
    assert digest in local.digests
    assert local.id in (manifest.config, manifest.digest)


def test_a_refused_push_is_an_error(
    engine: DockerEngine, name: str, registry: RunningRegistry
) -> None:
    """The engine answers 200 and says it in the stream; the password stays out of it."""
    target = ImageReference.parse(f"{registry.host}/{name}:v1")
    for credentials in (Credentials(username=USERNAME, password="hunter2"), Credentials()):
        with pytest.raises(AuthError) as error:
            engine.push(name, target, credentials, lambda _: None)
        assert f"refused the push of {target}" in str(error.value)
        assert "hunter2" not in str(error.value)


def test_a_registry_that_is_not_there_is_an_error(engine: DockerEngine, name: str) -> None:
    """The engine's own words are kept."""
    target = ImageReference.parse(f"127.0.0.1:9/{name}:v1")
    with pytest.raises(RegistryError, match=f"The push of {target} failed: .*refused"):
        engine.push(name, target, ME, lambda _: None)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_without_an_engine_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that nobody listens at is the usual case on one's own runner."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(RegistryError, match=r"No Docker engine answers .*docker\.sock"):
        DockerEngine()
    gc.collect()  # the docker package leaves the socket open that it could not connect


def test_compose_builds_and_all_is_pushed_once(
    engine: DockerEngine, registry: RunningRegistry, tmp_path: Path
) -> None:
    """Build, push with an extra tag, and a second push that moves nothing."""
    app = f"aks-action-test/{uuid.uuid4().hex}"
    (tmp_path / "Dockerfile").write_text(f"FROM scratch\nCOPY Dockerfile /{app}\n")
    (tmp_path / "compose.yml").write_text(
        f"services:\n  web:\n    build: {{context: ., tags: ['{app}:extra']}}\n"
        f"    image: {app}\n  job:\n    image: {app}\n"
    )
    settings = ImageSettings(
        registry=registry.host,
        username=USERNAME,
        password=PASSWORD,
        tag="v1",
        build=True,
        services=("all",),
    )
    told: list[str] = []
    env = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    compose = ComposeFiles(
        ("compose.yml",),
        folders=Folders(workspace=tmp_path, temp=None, host_workspaces=()),
        env=env,
        tell=told.append,
    )

    def run() -> list[tuple[str, PublishedHow]]:
        published = push(
            plan_images(compose.services(), settings),
            settings,
            composer=compose,
            engine=engine,
            open_registry=RegistryClient,
            tell=told.append,
            done=lambda _: None,
        )
        return [(str(one.reference), one.action) for one in published]

    names = [f"{registry.host}/{app}:v1", f"{registry.host}/{app}:extra"]
    try:
        assert run() == [(name, PublishedHow.PUSHED) for name in names], told
        assert run() == [(name, PublishedHow.UNCHANGED) for name in names]
    finally:
        for image in (app, f"{app}:extra", *names):
            subprocess.run(["docker", "rmi", image], capture_output=True, check=False)
