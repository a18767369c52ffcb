"""A registry by the OCI distribution API: manifests as bytes, blobs by mount, nothing pulled.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from aks_action.clients.clock import SystemClock, TimeLimit
from aks_action.clients.http import Answer
from aks_action.clients.image_ports import Credentials, OpenRegistry
from aks_action.clients.registry.signed_requests import SignedRequests
from aks_action.clients.registry.signing_in import repository_scope
from aks_action.errors import RegistryError
from aks_action.model.images.manifests import MEDIA_TYPES, ImageManifest
from aks_action.model.images.references import ImageReference
from aks_action.model.images.release_plan import ImageSettings

_ACCEPT = ", ".join(MEDIA_TYPES)
_ACR = (".azurecr.io", ".azurecr.us", ".azurecr.cn")


class RegistryClient:
    """One registry, as the port `Registry` of image_ports describes it. Opening sends nothing.

    named:        the workflow's author named it, not only a file.
    token_server: a host that the author named as its token server.
    """

    def __init__(
        self,
        host: str,
        credentials: Credentials,
        *,
        limit: TimeLimit | None = None,
        named: bool = True,
        token_server: str = "",
        tell: Callable[[str], None] = lambda _: None,
        patience: float = 60.0,
        ca_file: str = "",
    ) -> None:
        self.host = host
        self._requests = SignedRequests(
            host,
            credentials,
            limit=limit or TimeLimit(SystemClock()),
            named=named,
            token_server=token_server,
            tell=tell,
            patience=patience,
            ca_file=ca_file,
        )

    def digest(self, reference: ImageReference) -> str:
        """The digest that the reference has now; empty when there is no such tag."""
        answer = self._manifest_request("HEAD", reference)
        if answer.status == 404:
            return ""
        self._requests.expect(answer, (200,), f"was asked for {reference}")
        digest = answer.headers.get("docker-content-digest", "")
        if digest.startswith("sha256:"):
            return digest
        manifest = self.manifest(reference)  # the header is optional for a registry
        return manifest.digest if manifest else ""

    def manifest(self, reference: ImageReference) -> ImageManifest | None:
        """The manifest's own bytes, checked against the digest they were announced with."""
        answer = self._manifest_request("GET", reference)
        if answer.status == 404:
            return None
        self._requests.expect(answer, (200,), f"was asked for {reference}")
        try:
            manifest = ImageManifest.read(answer.body, answer.headers.get("content-type", ""))
        except ValueError as error:
            raise RegistryError(
                f"{self.host} answered something else than a manifest for {reference}: {error}. "
                "Is it a registry?"
            ) from None
        announced = reference.digest or answer.headers.get("docker-content-digest", "")
        if announced.startswith("sha256:") and announced != manifest.digest:
            raise RegistryError(
                f"{self.host} answered {reference} with bytes of the digest {manifest.digest}, "
                f"announced was {announced}: something between damages answers."
            )
        return manifest

    def put(self, reference: ImageReference, manifest: ImageManifest) -> None:
        """Store these bytes under the reference's digest or tag."""
        answer = self._requests.send(
            "PUT",
            _path(reference, f"manifests/{reference.digest or reference.tag_or_latest}"),
            (repository_scope(reference.repository, push=True),),
            about=str(reference),
            headers={"Content-Type": manifest.media_type},
            body=manifest.body,
        )
        self._requests.expect(answer, (200, 201, 202), f"was to store {reference}")
        stored = answer.headers.get("docker-content-digest", "")
        if stored.startswith("sha256:") and stored != manifest.digest:
            raise RegistryError(
                f"{self.host} stored {reference} as {stored} instead of {manifest.digest}."
            )

    def mount(self, blob: str, *, source: ImageReference, target: ImageReference) -> None:
        """Make a blob of `source`'s repository part of `target`'s, moving no bytes."""
        query = urlencode({"mount": blob, "from": source.repository})
        scopes = (
            repository_scope(target.repository, push=True),
            repository_scope(source.repository, push=False),
        )
        about = f"{target.familiar_name} from {source.familiar_name}"
        answer = self._requests.send(
            "POST", _path(target, f"blobs/uploads/?{query}"), scopes, about=about
        )
        if answer.status == 202:  # an upload was opened instead: the registry does not mount
            self._requests.give_up(answer, scopes, about)
            raise RegistryError(
                f"{self.host} does not give {target.familiar_name} the layers of "
                f"{source.familiar_name}: push the image to {target.familiar_name} instead."
            )
        self._requests.expect(answer, (201,), f"was to mount {blob} for {about}")

    def remove_tag(self, reference: ImageReference) -> None:
        """Take a tag away and leave its manifest to other tags. RegistryError if it cannot."""
        tag = reference.tag_or_latest
        acr = self.host.endswith(_ACR)
        path = f"/acr/v1/{reference.repository}/_tags/{tag}" if acr else ""
        if self._delete(reference, path or _path(reference, f"manifests/{tag}")):
            return
        if acr:
            raise RegistryError(f"{self.host} does not remove {reference}.")
        self._remove_by_stand_in(reference)

    def _remove_by_stand_in(self, reference: ImageReference) -> None:
        """Registries before distribution 3 only delete manifests, with all of their tags.

        So the tag is moved to a manifest that nobody else has (same content, one annotation
        more), and that one is deleted.
        """
        manifest = self.manifest(reference)
        if manifest is None:
            return
        stand_in = manifest.marked(f"{reference} {manifest.digest}")
        self.put(reference, stand_in)
        if not self._delete(reference, _path(reference, f"manifests/{stand_in.digest}")):
            self.put(reference, manifest)
            raise RegistryError(f"{self.host} does not remove {reference}.")

    def _delete(self, reference: ImageReference, path: str) -> bool:
        """Whether it is gone; False where this registry does not know this way.

        Raises RegistryError where deleting is switched off altogether.
        """
        scope = f"repository:{reference.repository}:pull,push,delete"
        answer = self._requests.send("DELETE", path, (scope,), about=str(reference))
        if answer.status == 405:
            raise RegistryError(f"{self.host} has deleting switched off: {reference} stays.")
        return answer.status in (200, 202, 204, 404)

    def _manifest_request(self, method: str, reference: ImageReference) -> Answer:
        return self._requests.send(
            method,
            _path(reference, f"manifests/{reference.digest or reference.tag_or_latest}"),
            (repository_scope(reference.repository, push=True),),
            about=str(reference),
            headers={"Accept": _ACCEPT},
        )


def registry_opener(
    settings: ImageSettings,
    *,
    limit: TimeLimit,
    tell: Callable[[str], None],
    patience: float = 60.0,
) -> OpenRegistry:
    """Opens registries for a run, knowing which of them the workflow's author named."""

    def opened(host: str, credentials: Credentials) -> RegistryClient:
        return RegistryClient(
            host,
            credentials,
            named=bool(settings.registry) or host in settings.named_hosts,
            token_server=settings.token_server,
            limit=limit,
            tell=tell,
            patience=patience,
        )

    return opened


def _path(reference: ImageReference, rest: str) -> str:
    return f"/v2/{reference.repository}/{rest}"
