"""The ports of publishing: Compose, the engine that holds images, the registry that keeps them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from aks_action.model.images.manifests import ImageManifest
from aks_action.model.images.plan import ComposeService
from aks_action.model.images.references import ImageReference

Tell = Callable[[str], None]
"""Takes one line of plain text for the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Who signs in to a registry; both empty for nobody."""

    username: str = ""
    password: str = field(default="", repr=False)


class Composer(Protocol):
    """The compose files of the workspace, read as Compose reads them."""

    def services(self) -> tuple[ComposeService, ...]:
        """Every service, whatever its profile, by name. Raises InputError."""

    def build(self, services: Sequence[str], tell: Tell) -> None:
        """Build the images of these services. Raises RegistryError when a build fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalImage:
    """An image on the engine.

    id:      `sha256:…` of its configuration (of its manifest, with containerd's image store).
    digests: digests of the manifests that it was pushed or pulled as.
    """

    id: str
    digests: frozenset[str] = frozenset()


class Engine(Protocol):
    """A Docker engine. Safe to use from several threads. Raises RegistryError, AuthError."""

    def image(self, name: str) -> LocalImage | None:
        """The image of that name, or None."""

    def push(self, name: str, target: ImageReference, credentials: Credentials, tell: Tell) -> str:
        """Tag the image `name` as `target` and push it; the digest that the engine reports."""


class Registry(Protocol):
    """One registry, signed in to. Safe to use from several threads.

    References must be of this registry; one with a digest is looked up by it, else by its tag.
    Every method raises AuthError for refused credentials or rights, RegistryError for the rest.
    """

    def digest(self, reference: ImageReference) -> str:
        """The digest that the reference has now; empty when there is no such tag."""

    def manifest(self, reference: ImageReference) -> ImageManifest | None:
        """The manifest's own bytes, or None when there is none."""

    def put(self, reference: ImageReference, manifest: ImageManifest) -> None:
        """Store these bytes under the reference's tag (or digest)."""

    def mount(self, blob: str, *, source: ImageReference, target: ImageReference) -> None:
        """Make a blob of `source`'s repository part of `target`'s, moving no bytes."""

    def remove_tag(self, reference: ImageReference) -> None:
        """Take a tag away and leave its manifest to other tags. RegistryError if it cannot."""


OpenRegistry = Callable[[str, Credentials], Registry]
"""Opens a registry by host; nothing is sent before it is first used."""
