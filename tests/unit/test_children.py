"""What child processes get of the job's environment; no other way to start one is left."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aks_action.model import children

ROOT = Path(__file__).resolve().parents[2]

JOB = {
    "PATH": "/bin",
    "HOME": "/github/home",
    "LC_ALL": "C.UTF-8",
    "https_proxy": "http://proxy:3128",
    "SSL_CERT_FILE": "/ca.pem",
    "DOCKER_HOST": "unix:///run/docker.sock",
    "DOCKER_AUTH_CONFIG": "s3cret",
    "DOCKER_PASSWORD": "s3cret",
    "COMPOSE_FILE": "a.yml:b.yml",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "s3cret",
    "ACTIONS_ID_TOKEN_REQUEST_URL": "s3cret",
    "ACTIONS_RUNTIME_TOKEN": "s3cret",
    "INPUT_REGISTRY-PASSWORD": "s3cret",
    "GITHUB_TOKEN": "s3cret",
    "AZURE_CLIENT_SECRET": "of-azure",
    "AAD_LOGIN_METHOD": "spn",
    "NPM_TOKEN": "s3cret",
}
_STARTING = re.compile(
    r"subprocess\.(?:run|call|check_|get|Popen)|os\.(?:system|popen|fork|exec|spawn|posix_spawn)"
    r"|pty\.|multiprocessing\.|asyncio\.create_subprocess|concurrent\.futures\.(?:process|Process)"
)


def test_compose_gets_the_list_and_what_the_author_names() -> None:
    given_ = children.of_compose(JOB, ("NPM_TOKEN", "ABSENT"))
    assert given_ == {
        "PATH": "/bin",
        "HOME": "/github/home",
        "LC_ALL": "C.UTF-8",
        "https_proxy": "http://proxy:3128",
        "SSL_CERT_FILE": "/ca.pem",
        "DOCKER_HOST": "unix:///run/docker.sock",
        "COMPOSE_FILE": "a.yml:b.yml",
        "NPM_TOKEN": "s3cret",
    }


def test_a_plugin_gets_how_to_sign_in_to_its_cloud_and_what_its_kubeconfig_sets() -> None:
    given_ = children.of_plugin(JOB, {"MODE": "quiet", "HOME": "/plugin"})
    assert "s3cret" not in given_.values()
    assert (given_["AZURE_CLIENT_SECRET"], given_["AAD_LOGIN_METHOD"]) == ("of-azure", "spn")
    assert (given_["MODE"], given_["HOME"]) == ("quiet", "/plugin")


@given(st.lists(st.sampled_from(sorted(JOB)), unique=True))
def test_nobody_can_pass_a_token_of_the_runner(passed: list[str]) -> None:
    named = children.of_compose(JOB, passed)
    assert not [name for name in named if name.startswith(("ACTIONS_", "INPUT_"))]


def test_what_a_compose_file_asks_for_in_vain_is_told_by_name() -> None:
    asked = ["NPM_TOKEN", "NPM_TOKEN", "PATH", "ABSENT", "GITHUB_TOKEN", "ACTIONS_RUNTIME_TOKEN"]
    text = children.not_passed(asked, JOB, children.of_compose(JOB, ()))
    assert text == (
        "it asks for GITHUB_TOKEN, NPM_TOKEN, which the job has and Compose does not get (what it "
        "may have, name in the input `compose-env`); it asks for ACTIONS_RUNTIME_TOKEN, which no "
        "compose file ever gets: they are the runner's and this action's."
    )
    assert children.not_passed(["PATH", "ABSENT"], JOB, JOB) == ""


def _starts(tree: ast.AST) -> Iterator[ast.Call]:
    """Every call that starts a process, however its module is imported."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname or alias.name: alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {
                alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names
            }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _STARTING.match(_called(node.func, names)):
            yield node


def _called(node: ast.expr, names: dict[str, str]) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_called(node.value, names)}.{node.attr}"
    return names.get(node.id, node.id) if isinstance(node, ast.Name) else ""


def test_every_child_is_started_with_an_environment_made_here() -> None:
    """A new place that starts a process fails here until its environment comes from the list."""
    places = {}
    for file in sorted([*ROOT.glob("aks_action/**/*.py"), ROOT / "entrypoint.py"]):
        for call in _starts(ast.parse(file.read_text())):
            env = next((ast.unparse(word.value) for word in call.keywords if word.arg == "env"), "")
            places[str(file.relative_to(ROOT)), ast.unparse(call.func)] = env
    assert places == {
        ("aks_action/clients/kube/credentials.py", "subprocess.run"): (
            "children.of_plugin(os.environ, {**own, 'KUBERNETES_EXEC_INFO': json.dumps(info)})"
        ),
        # whose only caller is Compose's, with `children.of_compose`
        ("aks_action/sources/confinement.py", "subprocess.Popen"): "how['env']",
    }


@pytest.mark.parametrize(
    "text",
    [
        "import subprocess as s\ns.check_output(['x'])",
        "from subprocess import Popen as P\nP(['x'])",
        "import os\nos.execve('x', [], {})",
        "import asyncio\nasyncio.create_subprocess_exec('x')",
        "from os import posix_spawn\nposix_spawn('x', [], {})",
    ],
)
def test_no_way_of_starting_a_process_is_overlooked(text: str) -> None:
    assert len(list(_starts(ast.parse(text)))) == 1
