"""What is in the action's image, what it weighs, and how it behaves where the runner puts it."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from demo.bed import Bed
from demo.image import default_base, size_without_base

pytestmark = pytest.mark.timeout(300)  # the first test builds the image

PYTHON = "/opt/aks-action/bin/python3"
MEGABYTE = 1_000_000

COMPILED_AT_START = """
import sys
compiled = []
def hook(event, arguments):
    if event == "compile" and str(arguments[1]).endswith(".py"):
        compiled.append(arguments[1])
sys.addaudithook(hook)
import aks_action.main, actions_toolkit.core, azure.identity, docker, urllib3, yaml
import aks_action.jobs.deploy, aks_action.jobs.publish
from kubernetes import client, config
client.ApiClient, config.load_kube_config
print(*compiled, sep="\\n")
"""


def docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], check=False, text=True, capture_output=True)


def inside(image: str, program: str, *arguments: str) -> str:
    """Standard output of a program of the image."""
    finished = docker("run", "--rm", "--network=none", f"--entrypoint={program}", image, *arguments)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


class Job:
    """The folders of a job as the runner mounts them into a container action."""

    def __init__(self, folder: Path, image: str) -> None:
        self.image = image
        self.workspace, self.temp = folder / "workspace", folder / "_temp"
        self.commands = folder / "file_commands"
        for path in (self.workspace, self.temp, self.commands):
            path.mkdir()
        for name in ("output", "summary"):
            (self.commands / name).touch()

    def run(
        self, inputs: Mapping[str, str], environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        variables = {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": "/github/workspace",
            "GITHUB_OUTPUT": "/github/file_commands/output",
            "GITHUB_STEP_SUMMARY": "/github/file_commands/summary",
            "GITHUB_REPOSITORY": "your-org/shop",
            "GITHUB_REF": "refs/heads/master",
            "GITHUB_WORKFLOW_REF": "your-org/shop/.github/workflows/x.yml@refs/heads/master",
            "RUNNER_TEMP": "/github/runner_temp",
            "HOME": "/github/home",
            **{f"INPUT_{name.upper()}": value for name, value in inputs.items()},
            **(environment or {}),
        }
        mounts = {
            self.workspace: "/github/workspace",
            self.temp: "/github/runner_temp",
            self.commands: "/github/file_commands",
        }
        return docker(
            *("run", "--rm", "--network=host", "--workdir=/github/workspace"),
            *(f"--volume={host}:{seen}" for host, seen in mounts.items()),
            *(f"--env={name}={value}" for name, value in variables.items()),
            self.image,
        )

    @property
    def summary(self) -> str:
        return (self.commands / "summary").read_text()

    @property
    def output(self) -> str:
        return (self.commands / "output").read_text()


@pytest.fixture(name="job")
def _job(tmp_path: Path, image: str) -> Job:
    return Job(tmp_path, image)


def test_the_image_weighs_at_most_60_mb_on_top_of_its_base(image: str, bed: Bed) -> None:
    """Every job of every user downloads it."""
    assert size_without_base(image, bed.base or default_base(), level=1) <= 60 * MEGABYTE


def test_nothing_is_compiled_at_start(image: str) -> None:
    """Every module that a run can import is there as bytecode, the standard library included."""
    assert inside(image, PYTHON, "-I", "-c", COMPILED_AT_START).split() == []


@pytest.mark.parametrize("program", ["gcc", "cc", "g++", "clang", "make", "ld", "pip", "pip3"])
def test_there_is_no_compiler_and_no_installer(image: str, program: str) -> None:
    """Nothing that a run does not need, and that an intruder would."""
    script = f"command -v {program} || ls /opt/aks-action/bin/{program} 2>/dev/null || echo none"
    assert inside(image, "/bin/sh", "-c", script).strip() == "none"


def test_what_is_never_imported_is_not_there(image: str) -> None:
    """The second, asynchronous client of kubernetes alone would be 64 MB."""
    script = "cd /opt/aks-action/lib/python3.*/site-packages && echo */ kubernetes/*/"
    folders = set(inside(image, "/bin/sh", "-c", script).split())
    assert {"aks_action/", "kubernetes/client/"} <= folders
    assert not {"kubernetes/aio/", "github/", "nacl/", "aiohttp/", "pip/"} & folders


def test_the_compose_binary_answers(image: str) -> None:
    """Compose files are read by Compose itself."""
    assert "Docker Compose version" in inside(image, "/usr/local/bin/docker-compose", "version")


def test_no_setting_keeps_bytecode_from_being_used(image: str) -> None:
    """And the labels say what the image is."""
    config = json.loads(docker("image", "inspect", image).stdout)[0]["Config"]
    assert not [entry for entry in config["Env"] if entry.startswith("PYTHONDONTWRITE")]
    assert config["Labels"]["org.opencontainers.image.title"] == "aks_action"
    assert config["User"] == ""


def test_a_wrong_input_is_told_in_one_sentence_with_exit_code_2(job: Job) -> None:
    """The whole way: entry point, inputs, workflow commands, summary."""
    finished = job.run({"action": "delpoy"})
    assert finished.returncode == 2
    assert "::error" in finished.stdout
    assert "delpoy" in finished.stdout
    assert "Traceback" not in finished.stdout + finished.stderr


def test_a_python_file_or_variable_of_the_workspace_does_not_change_what_runs(job: Job) -> None:
    """`-I`: a repository with a `yaml.py` of its own must not be imported."""
    for name in ("yaml", "kubernetes", "aks_action", "sitecustomize"):
        (job.workspace / f"{name}.py").write_text("raise SystemExit('taken over')")
    finished = job.run({"action": "delpoy"}, {"PYTHONPATH": "/github/workspace"})
    assert finished.returncode == 2
    assert "taken over" not in finished.stdout + finished.stderr


def test_a_kubeconfig_that_an_earlier_step_left_on_the_host_is_found(job: Job, bed: Bed) -> None:
    """`KUBECONFIG` names the host's path below the runner's temp folder, mounted elsewhere here."""
    shutil.copy(bed.kubeconfig, job.temp / "kubeconfig_1700000000000")
    (job.workspace / "config.yml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: from-the-image\ndata:\n  a: b\n"
    )
    left = {"KUBECONFIG": "/home/runner/work/_temp/kubeconfig_1700000000000"}
    finished = job.run({"action": "plan", "namespace": "default", "manifests": "config.yml"}, left)
    assert finished.returncode == 0, finished.stdout
    assert "from-the-image" in finished.stdout
    assert "from-the-image" in job.summary
