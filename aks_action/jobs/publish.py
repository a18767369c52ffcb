"""The publish job: the compose file's images are pushed, or get the release's tag."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from aks_action.clients.registry import RegistryClient
from aks_action.jobs import azure
from aks_action.jobs.compose import compose_files
from aks_action.jobs.results import Results
from aks_action.model.images.plan import ImagePlan
from aks_action.model.images.release_plan import ImageSettings, Published
from aks_action.model.settings import Action, Settings
from aks_action.runtime.images import publishing, releasing
from aks_action.sources.compose import ComposeFiles
from aks_action.workflow import Workflow


def run(
    action: Action,
    settings: Settings,
    env: Mapping[str, str],
    workflow: Workflow,
    results: Results,
) -> None:
    """Push or release. Raises ActionError for what went wrong."""
    tell = workflow.write
    composer = compose_files(settings, env, workflow)
    with workflow.group("Images"):
        plan = publishing.read_plan(settings.images, composer, tell)
        for image in plan.images:
            tell(f"{', '.join(image.services)}: {image.local} → {image.target}")
        image_settings = azure.with_registry_login(plan, settings, env, workflow)
    with workflow.group("Push" if action is Action.PUSH else "Release"):
        if action is Action.PUSH:
            published = push(plan, image_settings, composer, workflow, results)
        else:
            published = releasing.release(
                plan, image_settings, open_registry=partial(RegistryClient, tell=tell), tell=tell
            )
    results.images = {str(each.reference): each.digest for each in published} | results.images


def push(
    plan: ImagePlan,
    settings: ImageSettings,
    composer: ComposeFiles,
    workflow: Workflow,
    results: Results,
) -> tuple[Published, ...]:
    """Push from the engine, whose library is imported on this path only."""
    from aks_action.clients.engine import DockerEngine  # noqa: PLC0415

    with DockerEngine() as engine:
        return publishing.push(
            plan,
            settings,
            composer=composer,
            engine=engine,
            open_registry=partial(RegistryClient, tell=workflow.write),
            tell=workflow.write,
            done=results.published,
        )
