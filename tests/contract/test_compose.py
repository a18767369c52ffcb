"""Compose files are read by the real Compose."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from aks_action import environment, inputs
from aks_action.environment import Folders
from aks_action.errors import InputError, Source
from aks_action.jobs.compose import compose_files
from aks_action.model.images.plan import ComposeService
from aks_action.sources.compose import ComposeFiles
from aks_action.workflow import Workflow

BIN = Path(__file__).resolve().parents[2] / ".venv/bin"
Read = Callable[..., tuple[ComposeService, ...]]


class Reader:
    """Reads compose files of a folder and keeps what was told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "workspace"
        self.folder.mkdir()
        (folder / "_temp").mkdir()
        self.folders = Folders(
            workspace=self.folder, temp=folder / "_temp", host_workspaces=("/home/runner/work/s/s",)
        )
        self.told: list[str] = []

    def write(self, name: str, text: str | bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def read(
        self, *files: str, passed: tuple[str, ...] = (), **env: str
    ) -> tuple[ComposeService, ...]:
        environment = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(self.folder), **env}
        compose = ComposeFiles(
            files, folders=self.folders, env=environment, passed=passed, tell=self.told.append
        )
        return compose.services()


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


def test_a_file_is_read_as_compose_reads_it(reader: Reader) -> None:
    """Interpolation, `.env`, extends, include, profiles and tags; env files are not needed."""
    reader.write(".env", "REPO=shop\n")
    reader.write("base.yml", "services:\n  base:\n    build: .\n    env_file: absent.env\n")
    reader.write("more.yml", "services:\n  cache:\n    image: redis:8\n    profiles: [dev]\n")
    reader.write(
        "production.yml",
        "include: [more.yml]\n"
        "services:\n"
        "  web:\n"
        "    extends: {file: base.yml, service: base}\n"
        "    image: ${REPO}/web:${TAG:-latest}\n"
        "    environment: {PASSWORD: hunter2}\n"
        "  worker:\n"
        "    build: {context: ., tags: ['shop/worker:extra']}\n"
        "    image: shop/worker\n"
        "  local:\n"
        "    build: .\n",
    )
    assert reader.read("production.yml", passed=("TAG",), TAG="v1") == (
        ComposeService(name="cache", image="redis:8"),
        ComposeService(name="local", has_build=True),
        ComposeService(name="web", image="shop/web:v1", has_build=True),
        ComposeService(
            name="worker", image="shop/worker", has_build=True, tags=("shop/worker:extra",)
        ),
    )
    assert reader.told == []


def test_several_files_are_merged_in_order(reader: Reader) -> None:
    """The later file wins."""
    reader.write("a.yml", "services: {web: {image: 'web:1', build: .}}\n")
    reader.write("b.yml", "services: {web: {image: 'web:2'}}\n")
    (web,) = reader.read("a.yml", "b.yml")
    assert web == ComposeService(name="web", image="web:2", has_build=True)


def test_without_a_name_compose_picks(reader: Reader) -> None:
    """compose.yaml before docker-compose.yml, as Compose documents it."""
    reader.write("docker-compose.yml", "services: {old: {image: old}}\n")
    reader.write("compose.yaml", "services: {new: {image: new}}\n")
    assert [service.name for service in reader.read()] == ["new"]


def test_paths_begin_at_the_first_file_s_folder(reader: Reader) -> None:
    """As Compose has it: `.env` and build contexts are beside the file."""
    reader.write("deploy/.env", "TAG=v7\n")
    reader.write("deploy/production.yml", "services: {web: {image: 'web:${TAG}'}}\n")
    assert reader.read("deploy/production.yml")[0].image == "web:v7"


def test_an_unset_variable_is_told(reader: Reader) -> None:
    """It would end as a hole in an image's name."""
    reader.write("compose.yml", "services: {web: {image: '${REPO}web:1'}}\n")
    reader.read("compose.yml")
    (told,) = reader.told
    assert told == (
        'compose.yml: The "REPO" variable is not set. Defaulting to a blank string. Its value may '
        "stand in `.env`, or in the step's env with its name in `compose-env`."
    )


@pytest.mark.parametrize(
    "name",
    ["INPUT_TAG", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "AZURE_CLIENT_SECRET", "DOCKER_PASSWORD"],
)
def test_the_job_s_variables_are_not_compose_s(reader: Reader, name: str) -> None:
    """Neither inputs nor tokens nor secrets of the job get into a compose file."""
    reader.write("compose.yml", f"services: {{web: {{image: 'web:${{{name}:-none}}'}}}}\n")
    assert reader.read("compose.yml", **{name: "secret"})[0].image == "web:none"


@pytest.mark.parametrize(
    ("text", "says", "line"),
    [
        ("services: {web: {image: 'x:${TAG:?give a tag}'}}\n", "TAG is missing a value: give", 0),
        ("services: [\n", "did not find expected node content", 2),
        ("services:\n  a:\n    imagee: x\n", "services.a.imagee", 0),
        ("services:\n  a: {image: x}\n  a: {image: y}\n", 'key "a" already defined', 2),
        ("", "empty compose file", 0),
        (b"\xff\xfe\x00", "UTF-16", 1),
        ("hello\n", "cannot construct", 1),
    ],
)
def test_a_wrong_file_is_one_sentence(
    reader: Reader, text: str | bytes, says: str, line: int
) -> None:
    """Compose's own words, the file, and the line where Compose knows it."""
    reader.write("production.yml", text)
    with pytest.raises(InputError) as error:
        reader.read("production.yml")
    (problem,) = error.value.problems
    assert problem.message.startswith("Compose does not accept production.yml: ")
    assert says in problem.message
    assert problem.message.count("\n") == 0
    assert problem.source == (Source(file="production.yml", line=line) if line else None)


@pytest.mark.parametrize(
    ("environment", "dotenv"),
    [("{P: 'hunter2${'}", ""), ("{P: hunter2 }}", ""), ("{P: !!int hunter2}", ""),
     ("{}", "A B=hunter2\n"), ("{}", "SECRET-KEY=hunter2\nOTHER!=hunter2\n")],
)  # fmt: skip
def test_an_error_quotes_no_values(reader: Reader, environment: str, dotenv: str) -> None:
    """Whatever is wrong near a secret, the secret is not in the message."""
    reader.write(".env", dotenv)
    reader.write("compose.yml", f"services:\n  a:\n    image: x\n    environment: {environment}\n")
    with pytest.raises(InputError) as error:
        reader.read("compose.yml")
    assert "hunter" not in str(error.value)


def test_a_file_that_is_none(reader: Reader) -> None:
    """Absent, a folder, or no default file: each is said in one sentence."""
    (reader.folder / "folder").mkdir()
    with pytest.raises(InputError, match=r"`compose-file` nope.yml is not there"):
        reader.read("nope.yml")
    with pytest.raises(InputError, match=r"`compose-file` folder is a folder"):
        reader.read("folder")
    with pytest.raises(InputError, match=r"`compose-file` /dev/zero is no regular file"):
        reader.read("/dev/zero")
    with pytest.raises(InputError, match=r"there is none in the workspace; give `compose-file`"):
        reader.read()


def test_without_compose_the_programs_are_named(reader: Reader) -> None:
    """What was looked for is what the message names."""
    reader.write("compose.yml", "services: {}\n")
    with pytest.raises(InputError, match="neither `docker-compose` nor `docker compose`"):
        reader.read("compose.yml", PATH=str(reader.folder))


def test_a_program_that_prints_something_else(reader: Reader) -> None:
    """An answer that is not Compose's is an error of its own."""
    reader.write("compose.yml", "services: {}\n")
    with pytest.raises(InputError, match=r"something unknown for compose\.yml"):
        reader.read("compose.yml", DOCKER_COMPOSE="/bin/echo")
    with pytest.raises(InputError, match="Compose cannot be run"):
        reader.read("compose.yml", DOCKER_COMPOSE=str(reader.folder / "none"))


def test_docker_without_its_compose_plugin_is_no_fault_of_the_file(reader: Reader) -> None:
    """It says `unknown flag: --file`, which nobody would understand."""
    reader.write("compose.yml", "services: {}\n")
    docker = reader.folder / "docker"
    docker.write_text('#!/bin/sh\necho "unknown flag: $2" >&2; exit 125\n')
    docker.chmod(0o755)
    with pytest.raises(InputError, match="Compose is not installed"):
        reader.read("compose.yml", PATH=str(reader.folder))


def test_the_compose_beside_our_python_is_used_whatever_the_path(reader: Reader) -> None:
    """`.venv/bin/python entrypoint.py` works without the venv on PATH."""
    reader.write("compose.yml", "services: {web: {image: shop/web}}\n")
    env = {"GITHUB_WORKSPACE": str(reader.folder), "HOME": str(reader.folder), "PATH": ""}
    values = {"action": "push", "compose-file": "compose.yml"}
    settings = inputs.parse(values, environment.run_context(env))
    files = compose_files(settings, env, Workflow(env, io.StringIO()))
    assert [service.name for service in files.services()] == ["web"]
