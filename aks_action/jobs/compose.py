"""The compose files of the workspace, for the jobs that need them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from aks_action import environment
from aks_action.model.settings import Settings
from aks_action.sources.compose import ComposeFiles
from aks_action.workflow import Workflow


def compose_files(settings: Settings, env: Mapping[str, str], workflow: Workflow) -> ComposeFiles:
    """Nothing is read before it is asked; paths of the host become our own."""
    folders = environment.folders(env, settings.cluster.kubeconfig)
    return ComposeFiles(
        settings.images.compose_files,
        folders=folders,
        env={**_our_program(), **env},
        passed=settings.images.compose_env,
        tell=workflow.write,
    )


def _our_program() -> Mapping[str, str]:
    """The Compose that was installed with us, so that a venv need not be on PATH."""
    ours = Path(sys.executable).with_name("docker-compose")
    return {"DOCKER_COMPOSE": str(ours)} if ours.is_file() else {}
