"""The publish job: the compose file's images are pushed, or get the release's tag."""

from __future__ import annotations

from collections.abc import Mapping

from aks_action.clients.clock import SystemClock, TimeLimit, limit_of_step
from aks_action.clients.image_ports import OpenRegistry
from aks_action.clients.registry import registry_opener
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
    tell, seconds = workflow.write, settings.deploy.timeout_seconds
    # A push takes as long as its bytes, but no answer of a registry does.
    limit = TimeLimit(SystemClock()) if action is Action.PUSH else limit_of_step(seconds)
    patience = min(60.0, max(seconds, 5.0))
    open_registry = registry_opener(settings.images, limit=limit, tell=tell, patience=patience)
    composer = compose_files(settings, env, workflow)
    with workflow.group("Images"):
        plan = publishing.read_plan(settings.images, composer, tell)
        for image in plan.images:
            tell(f"{', '.join(image.services)}: {image.local} → {image.target}")
        image_settings = azure.with_registry_login(plan, settings, env, workflow, limit)
    with workflow.group("Push" if action is Action.PUSH else "Release"):
        if action is Action.PUSH:
            published = push(plan, image_settings, composer, open_registry, workflow, results)
        else:
            published = releasing.release(
                plan, image_settings, open_registry=open_registry, tell=tell
            )
    results.images = {str(each.reference): each.digest for each in published} | results.images


def push(
    plan: ImagePlan,
    settings: ImageSettings,
    composer: ComposeFiles,
    open_registry: OpenRegistry,
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
            open_registry=open_registry,
            tell=workflow.write,
            done=results.published,
        )
