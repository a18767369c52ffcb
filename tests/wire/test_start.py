"""What a step imports before it needs it: nothing that costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COSTLY = ("azure", "cryptography", "docker", "kubernetes", "msal", "requests", "urllib3")


def imported_by(module: str) -> set[str]:
    """Modules by their whole names."""
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("aks_action.main", set()),
        ("aks_action.jobs.deploy", set()),
        ("aks_action.jobs.publish", {"urllib3"}),
        ("aks_action.clients.kube.connection", set()),
    ],
)
def test_a_step_imports_a_costly_library_only_on_the_path_that_needs_it(
    module: str, allowed: set[str]
) -> None:
    """So a wrong input is told at once, and a deploy by kubeconfig pays nothing for Azure."""
    packages = {name.partition(".")[0] for name in imported_by(module)}
    assert packages & set(COSTLY) == allowed


def test_a_deploy_of_which_nothing_is_remembered_imports_nothing_that_remembers() -> None:
    found = imported_by("aks_action.jobs.deploy")
    assert not [name for name in found if name.startswith("aks_action.model.records")]
    assert not found & {"aks_action.jobs.release", "aks_action.model.records.pruning"}


def test_a_sign_in_to_azure_imports_nothing_of_private_clusters_and_registries() -> None:
    found = imported_by("aks_action.clients.azure.session")
    assert not [name for name in found if name.startswith("aks_action.clients.azure.private")]
    assert "aks_action.clients.azure.registries" not in found
