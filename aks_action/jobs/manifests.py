"""The manifests of a deploy: read from the workspace, with the release's images put in."""

from __future__ import annotations

from collections.abc import Mapping

from aks_action import environment
from aks_action.clients.clock import TimeLimit
from aks_action.errors import AuthError
from aks_action.jobs import azure
from aks_action.jobs.compose import compose_files
from aks_action.jobs.results import Results
from aks_action.model.images.plan import ImagePlan, plan_images
from aks_action.model.images.pull_secret import with_pull_secret
from aks_action.model.images.references import ImageReference
from aks_action.model.images.registry_names import parse_registry
from aks_action.model.images.substitution import Substituted, substitute, with_pull_secrets
from aks_action.model.manifests import ManifestSet
from aks_action.model.settings import Action, Settings
from aks_action.model.strategy_settings import StrategyAction
from aks_action.runtime.images.resolving import resolve
from aks_action.sources import manifest_files
from aks_action.workflow import Workflow


def read_manifests(
    action: Action,
    settings: Settings,
    env: Mapping[str, str],
    workflow: Workflow,
    results: Results,
    limit: TimeLimit,
) -> ManifestSet:
    """The objects to deploy, in the given order, as they are to be. Raises ActionError.

    A reject goes back to what is there: no image is looked up or put in for it.
    """
    read = manifest_files.read(settings.deploy.manifests, environment.folders(env), limit=limit)
    for warning in read.warnings:
        workflow.warning(warning)
    workflow.write(f"{len(read.manifests)} objects from {', '.join(read.files)}")
    if action.of_strategy is StrategyAction.REJECT:
        return read.manifests
    substituted = _with_images(read.manifests, settings, env, workflow, results, limit)
    for each in substituted.replacements:
        workflow.write(f"{each.ref}, container {each.container}: {each.before} → {each.after}")
    for text in substituted.warnings:
        workflow.warning(text)
    return _with_pull_secrets(substituted.manifests, settings)


def _with_pull_secrets(manifests: ManifestSet, settings: Settings) -> ManifestSet:
    """The secrets of the input, after the one that is made here."""
    names, made = settings.deploy.image_pull_secrets, settings.deploy.pull_secret
    return with_login(with_pull_secrets(manifests, (made, *names) if made else names), settings)


def with_login(manifests: ManifestSet, settings: Settings) -> ManifestSet:
    """The manifests, after the pull secret that is made of the registry's login, if one is."""
    if not settings.deploy.pull_secret:
        return manifests
    images = settings.images
    return with_pull_secret(
        manifests,
        settings.deploy.pull_secret,
        host=parse_registry(images.registry)[0],
        username=images.username,
        password=images.password,
    )


def _with_images(
    manifests: ManifestSet,
    settings: Settings,
    env: Mapping[str, str],
    workflow: Workflow,
    results: Results,
    limit: TimeLimit,
) -> Substituted:
    """The images of the input; without it those of the compose file, at this run's tag."""
    if settings.deploy.images:
        substituted = substitute(manifests, settings.deploy.images, results.images)
        results.images |= {
            image: digest_of(image, results.images)
            for image in settings.deploy.images
            if "=" not in image
        }
        return substituted
    if not (settings.deploy.images_from_compose or results.images):
        return substitute(manifests, ())
    plan = plan_images(compose_files(settings, env, workflow).services(), settings.images)
    if not results.images.keys() >= {str(target) for target in plan.targets}:
        results.images |= _digests(plan, settings, env, workflow, limit)
    substituted = substitute(manifests, _items(plan), results.images)
    used = {each.after.partition("@")[0] for each in substituted.replacements}
    for unused in (str(target) for target in plan.targets if str(target) not in used):
        workflow.write(f"{unused} replaces nothing in the manifests.")
    return Substituted(
        manifests=substituted.manifests, replacements=substituted.replacements, warnings=()
    )


def _digests(
    plan: ImagePlan,
    settings: Settings,
    env: Mapping[str, str],
    workflow: Workflow,
    limit: TimeLimit,
) -> dict[str, str]:
    """Full reference → digest; empty texts where no credentials let us ask the registry.

    Who deploys by a sign-in to Azure needs no right to the registry: without one it is not asked.
    """
    unknown = {str(target): "" for target in plan.targets}
    try:
        images = azure.with_registry_login(plan, settings, env, workflow, limit)
        if not images.username:
            return unknown
        from aks_action.clients.registry import registry_opener  # noqa: PLC0415 - 60 ms to import

        opened = registry_opener(images, limit=limit, tell=workflow.write)
        return resolve(plan, images, open_registry=opened)
    except AuthError as refused:
        if settings.images.username:
            raise
        workflow.write(f"Images are deployed by their tags, without digests: {refused}")
        return unknown


def _items(plan: ImagePlan) -> list[str]:
    """Manifests may name an image as the compose file does, or as the registry does."""
    items = []
    for image in plan.images:
        items.append(f"{ImageReference.parse(image.local).familiar_name}={image.target}")
        items.append(str(image.target))
    return items


def digest_of(image: str, known: Mapping[str, str]) -> str:
    """The digest of a reference as far as this run knows it; empty where it does not."""
    reference = ImageReference.try_parse(image)
    return known.get(image) or (reference.digest if reference else "") or ""
