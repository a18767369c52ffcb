"""A registry in memory: as strict as distribution about what a manifest needs."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from aks_action.clients.image_ports import Credentials
from aks_action.errors import RegistryError
from aks_action.model.images.manifests import ImageManifest
from aks_action.model.images.references import ImageReference


@dataclass
class FakeRegistry:
    """Implements the port `Registry`.

    manifests: (repository, digest) → manifest.   tags: (repository, tag) → digest.
    blobs:     (repository, digest).              calls: what was asked, in order.
    failures:  (method, reference) → the error to raise instead, once.
    """

    host: str = "x.io"
    manifests: dict[tuple[str, str], ImageManifest] = field(default_factory=dict)
    tags: dict[tuple[str, str], str] = field(default_factory=dict)
    blobs: set[tuple[str, str]] = field(default_factory=set)
    calls: list[tuple[str, str]] = field(default_factory=list)
    failures: dict[tuple[str, str], BaseException] = field(default_factory=dict)
    can_remove: bool = True
    lock: threading.Lock = field(default_factory=threading.Lock)

    def opened(self, host: str, _credentials: Credentials) -> FakeRegistry:
        """As an OpenRegistry."""
        assert host == self.host
        return self

    def store(self, reference: ImageReference, manifest: ImageManifest) -> None:
        """Put an image there as a push would, blobs included."""
        self.blobs |= {(reference.repository, blob) for blob in manifest.blobs}
        self._keep(reference, manifest)

    def digest(self, reference: ImageReference) -> str:
        manifest = self._find("digest", reference)
        return manifest.digest if manifest else ""

    def manifest(self, reference: ImageReference) -> ImageManifest | None:
        return self._find("manifest", reference)

    def put(self, reference: ImageReference, manifest: ImageManifest) -> None:
        with self.lock:
            self._called("put", reference)
            repository = reference.repository
            missing = [b for b in manifest.blobs if (repository, b) not in self.blobs]
            missing += [c for c in manifest.children if (repository, c) not in self.manifests]
            if missing:
                raise RegistryError(f"{self.host} was to store {reference} and lacks {missing}.")
            self._keep(reference, manifest)

    def mount(self, blob: str, *, source: ImageReference, target: ImageReference) -> None:
        with self.lock:
            self._called("mount", target)
            if (source.repository, blob) not in self.blobs:
                raise RegistryError(f"{self.host} has no {blob} in {source.repository}.")
            self.blobs.add((target.repository, blob))

    def remove_tag(self, reference: ImageReference) -> None:
        with self.lock:
            self._called("remove_tag", reference)
            if not self.can_remove:
                raise RegistryError(f"{self.host} does not remove {reference}.")
            self.tags.pop((reference.repository, reference.tag_or_latest), None)

    def writes(self) -> list[tuple[str, str]]:
        """What changed something."""
        return [call for call in self.calls if call[0] in ("put", "mount", "remove_tag")]

    def _called(self, method: str, reference: ImageReference) -> None:
        self.calls.append((method, str(reference)))
        if failure := self.failures.pop((method, str(reference)), None):
            raise failure

    def _find(self, method: str, reference: ImageReference) -> ImageManifest | None:
        with self.lock:
            self._called(method, reference)
            key = (reference.repository, reference.tag_or_latest)
            return self.manifests.get(
                (reference.repository, reference.digest or self.tags.get(key, ""))
            )

    def _keep(self, reference: ImageReference, manifest: ImageManifest) -> None:
        self.manifests[reference.repository, manifest.digest] = manifest
        if not reference.digest:
            self.tags[reference.repository, reference.tag_or_latest] = manifest.digest
