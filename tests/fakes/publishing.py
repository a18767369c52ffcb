"""Fakes of the ports that publishing needs beside a registry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from aks_action.clients.image_ports import Credentials, LocalImage, Tell
from aks_action.model.images.manifests import ImageManifest
from aks_action.model.images.plan import ComposeService
from aks_action.model.images.references import ImageReference
from tests.fakes.registry import FakeRegistry


@dataclass
class FakeComposer:
    """Implements the port `Composer`: services as given, and what was built."""

    content: tuple[ComposeService, ...] = ()
    built: list[str] = field(default_factory=list)

    def services(self) -> tuple[ComposeService, ...]:
        return self.content

    def build(self, services: Sequence[str], tell: Tell) -> None:
        self.built += services


@dataclass
class FakeEngine:
    """Implements the port `Engine`: images by name, pushed into a fake registry.

    failures: target → the error of its push.   reports: target → a digest to lie about.
    """

    registry: FakeRegistry
    images: dict[str, ImageManifest] = field(default_factory=dict)
    pushed: list[tuple[str, str]] = field(default_factory=list)
    users: set[str] = field(default_factory=set)
    failures: dict[str, Exception] = field(default_factory=dict)
    reports: dict[str, str] = field(default_factory=dict)
    digests: dict[str, frozenset[str]] = field(default_factory=dict)

    def image(self, name: str) -> LocalImage | None:
        manifest = self.images.get(name)
        if manifest is None:
            return None
        return LocalImage(id=manifest.config, digests=self.digests.get(name, frozenset()))

    def push(self, name: str, target: ImageReference, credentials: Credentials, tell: Tell) -> str:
        if error := self.failures.get(str(target)):
            raise error
        self.pushed.append((name, str(target)))
        self.users.add(credentials.username)
        self.registry.store(target, self.images[name])
        return self.reports.get(str(target), self.images[name].digest)
