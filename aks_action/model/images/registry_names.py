"""Names on the engine become names in the registry: one rule for push, release and deploy."""

from __future__ import annotations

from aks_action.errors import InputError
from aks_action.model.images.references import DOCKER_HUB, ImageReference, is_registry


def parse_registry(text: str) -> tuple[str, str]:
    """Host and path of the `registry` input; both empty when it is empty.

    Raises InputError for what cannot be a registry.
    """
    if not text:
        return "", ""
    host, _, path = text.strip().rstrip("/").partition("/")
    host = DOCKER_HUB if host in ("index.docker.io", "registry-1.docker.io") else host
    looks_like_host = "." in host or ":" in host or host == "localhost"
    if not is_registry(host) or not looks_like_host:
        raise InputError(
            f'`registry` "{text}" is no registry: give its host, such as myregistry.azurecr.io, '
            "with a port or a path if it has one."
        )
    if path and ImageReference.try_parse(f"{host}/{path}/x") is None:
        raise InputError(f'`registry` "{text}": "{path}" cannot be the beginning of an image name.')
    return host, path


def in_registry(reference: ImageReference, registry: tuple[str, str]) -> ImageReference:
    """The name that an image has under a registry (host and path of `parse_registry`).

    A name that begins with the registry already stays; the host of another registry is dropped,
    since one run signs in to one registry. Without a registry the name says where it belongs.
    """
    host, path = registry
    if not host:
        return reference
    repository = reference.repository
    if reference.registry == host:
        if not path or repository == path or repository.startswith(f"{path}/"):
            return reference
    elif reference.registry == DOCKER_HUB:
        repository = reference.familiar_name.removeprefix(f"{DOCKER_HUB}/")
    if host == DOCKER_HUB and path:
        repository = repository.removeprefix("library/")
    return ImageReference.parse(f"{host}/{path}/{repository}" if path else f"{host}/{repository}")


def foreign_host(reference: ImageReference, registry: tuple[str, str]) -> str:
    ours = registry[0]
    return reference.registry if ours and reference.registry not in (ours, DOCKER_HUB) else ""
