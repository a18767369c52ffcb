"""A registry by the OCI distribution API: manifests as bytes, blobs by mount, nothing pulled.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from urllib.parse import urlencode, urljoin

from aks_action.clients.clock import SystemClock
from aks_action.clients.http import Answer
from aks_action.clients.image_ports import Credentials
from aks_action.clients.ports import Clock
from aks_action.clients.registry.signing_in import SignIn, repository_scope
from aks_action.clients.registry.transport import Transport
from aks_action.errors import AuthError, RegistryError
from aks_action.model.images.manifests import MEDIA_TYPES, ImageManifest
from aks_action.model.images.references import DOCKER_HUB, ImageReference

_ACCEPT = ", ".join(MEDIA_TYPES)
_HUB_API = "registry-1.docker.io"
_ACR = (".azurecr.io", ".azurecr.us", ".azurecr.cn")


class RegistryClient:
    """One registry, as the port `Registry` of image_ports describes it.

    Opening sends nothing. The first request asks `/v2/` how to sign in, so that ten images do
    not each learn it from a refusal.
    """

    def __init__(
        self,
        host: str,
        credentials: Credentials,
        *,
        clock: Clock | None = None,
        tell: Callable[[str], None] = lambda _: None,
        patience: float = 60.0,
        ca_file: str = "",
    ) -> None:
        self.host = host
        self._password = credentials.password
        api = _HUB_API if host == DOCKER_HUB else host
        clock = clock or SystemClock()
        self._transport = Transport(api, clock=clock, tell=tell, patience=patience, ca_file=ca_file)
        self._sign_in = SignIn(host, credentials, self._transport, clock)
        self._api = api
        self._base = ""
        self._lock = threading.Lock()

    def digest(self, reference: ImageReference) -> str:
        """The digest that the reference has now; empty when there is no such tag."""
        answer = self._manifest_request("HEAD", reference)
        if answer.status == 404:
            return ""
        self._expect(answer, (200,), f"was asked for {reference}")
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
        self._expect(answer, (200,), f"was asked for {reference}")
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
        answer = self._send(
            "PUT",
            _path(reference, f"manifests/{reference.digest or reference.tag_or_latest}"),
            (repository_scope(reference.repository, push=True),),
            about=str(reference),
            headers={"Content-Type": manifest.media_type},
            body=manifest.body,
        )
        self._expect(answer, (200, 201, 202), f"was to store {reference}")
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
        answer = self._send("POST", _path(target, f"blobs/uploads/?{query}"), scopes, about=about)
        if answer.status == 202:  # an upload was opened instead: the registry does not mount
            self._give_up(answer, scopes, about)
            raise RegistryError(
                f"{self.host} does not give {target.familiar_name} the layers of "
                f"{source.familiar_name}: push the image to {target.familiar_name} instead."
            )
        self._expect(answer, (201,), f"was to mount {blob} for {about}")

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
        answer = self._send("DELETE", path, (scope,), about=str(reference))
        if answer.status == 405:
            raise RegistryError(f"{self.host} has deleting switched off: {reference} stays.")
        return answer.status in (200, 202, 204, 404)

    def _give_up(self, answer: Answer, scopes: tuple[str, ...], about: str) -> None:
        location = answer.headers.get("location", "")
        base = self._base_url()
        url = urljoin(f"{base}/v2/", location)
        if location and url.startswith(f"{base}/"):
            self._send("DELETE", url.removeprefix(base), scopes, about=about)

    def _manifest_request(self, method: str, reference: ImageReference) -> Answer:
        return self._send(
            method,
            _path(reference, f"manifests/{reference.digest or reference.tag_or_latest}"),
            (repository_scope(reference.repository, push=True),),
            about=str(reference),
            headers={"Accept": _ACCEPT},
        )

    def _send(
        self,
        method: str,
        path: str,
        scopes: tuple[str, ...],
        *,
        about: str,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        url = self._base_url() + path
        header = self._sign_in.header(scopes)
        answer = self._signed(method, url, header, headers or {}, body)
        if answer.status == 401:
            self._sign_in.challenged(answer)
            again = self._sign_in.header(scopes, refused=header)
            if again != header:
                answer = self._signed(method, url, again, headers or {}, body)
        if answer.status == 401:
            raise self._sign_in.refusal(about, self._said(answer))
        if answer.status == 403:
            said = self._said(answer)
            raise AuthError(
                f"{self.host} does not let {self._sign_in.who()} {_verb(method)} {about}"
                + (f" ({said})." if said else ".")
            )
        return answer

    def _signed(
        self, method: str, url: str, header: str, headers: dict[str, str], body: bytes | None
    ) -> Answer:
        signed = {**headers, "Authorization": header} if header else headers
        return self._transport.send(method, url, headers=signed, body=body)

    def _base_url(self) -> str:
        with self._lock:
            if not self._base:
                base = f"{self._transport.scheme()}://{self._api}"
                answer = self._transport.send("GET", f"{base}/v2/")
                web_page = "html" in answer.headers.get("content-type", "").lower()
                if answer.status == 401:
                    self._sign_in.challenged(answer)
                elif answer.status != 200 or web_page:
                    what = "a web page" if web_page else str(answer.status)
                    raise RegistryError(
                        f"{self.host} answers {what} where a registry answers (/v2/): "
                        "check `registry`."
                    )
                self._base = base
            return self._base

    def _expect(self, answer: Answer, allowed: tuple[int, ...], what: str) -> None:
        if answer.status not in allowed:
            said = self._said(answer)
            tail = f": {said}." if said else "."
            raise RegistryError(f"{self.host} {what} and answered {answer.status}{tail}")

    def _said(self, answer: Answer) -> str:
        """The registry's own words, on one line, without the password in any case."""
        try:
            errors = json.loads(answer.body)["errors"]
            parts = [f"{e.get('code', '')} {e.get('message', '')}".strip() for e in errors]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return ""
        text = " ".join(", ".join(parts).split()).rstrip(".")[:200]
        return text.replace(self._password, "***") if self._password else text


def _path(reference: ImageReference, rest: str) -> str:
    return f"/v2/{reference.repository}/{rest}"


def _verb(method: str) -> str:
    match method:
        case "GET" | "HEAD":
            return "read"
        case "DELETE":
            return "delete"
        case _:
            return "write"
