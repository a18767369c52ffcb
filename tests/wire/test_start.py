"""What a step imports before it needs it: nothing that costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COSTLY = ("azure", "cryptography", "docker", "kubernetes", "msal", "requests", "urllib3")


def imported_by(module: str) -> set[str]:
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


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
    assert imported_by(module) & set(COSTLY) == allowed
