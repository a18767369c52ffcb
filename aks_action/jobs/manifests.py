"""The manifests of a deploy: read from the workspace, with the release's images put in."""

from __future__ import annotations

from collections.abc import Mapping

from aks_action import environment
from aks_action.jobs.compose import compose_files
from aks_action.jobs.results import Results
from aks_action.model.image_plan import ImagePlan, plan_images
from aks_action.model.manifests import ManifestSet
from aks_action.model.pull_secret import with_pull_secret
from aks_action.model.references import ImageReference
from aks_action.model.registry_names import parse_registry
from aks_action.model.settings import Settings
from aks_action.model.substitution import Substituted, substitute, with_pull_secrets
from aks_action.sources import manifest_files
from aks_action.workflow import Workflow


def read_manifests(
    settings: Settings, env: Mapping[str, str], workflow: Workflow, results: Results
) -> ManifestSet:
    """The objects to deploy, in the given order, as they are to be. Raises ActionError."""
    read = manifest_files.read(settings.deploy.manifests, environment.folders(env))
    for warning in read.warnings:
        workflow.warning(warning)
    workflow.write(f"{len(read.manifests)} objects from {', '.join(read.files)}")
    substituted = _with_images(read.manifests, settings, env, workflow, results)
    for each in substituted.replacements:
        workflow.write(f"{each.ref}, container {each.container}: {each.before} → {each.after}")
    for text in substituted.warnings:
        workflow.warning(text)
    return _with_pull_secrets(substituted.manifests, settings)


def _with_pull_secrets(manifests: ManifestSet, settings: Settings) -> ManifestSet:
    """The secrets of the input, after the one that is made here."""
    names, made = settings.deploy.image_pull_secrets, settings.deploy.pull_secret
    if not made:
        return with_pull_secrets(manifests, names)
    images = settings.images
    return with_pull_secret(
        with_pull_secrets(manifests, (made, *names)),
        made,
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
    for target in plan.targets:
        results.images.setdefault(str(target), "")
    substituted = substitute(manifests, _items(plan), results.images)
    used = {each.after.partition("@")[0] for each in substituted.replacements}
    for unused in (str(target) for target in plan.targets if str(target) not in used):
        workflow.write(f"{unused} replaces nothing in the manifests.")
    return Substituted(
        manifests=substituted.manifests, replacements=substituted.replacements, warnings=()
    )


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
