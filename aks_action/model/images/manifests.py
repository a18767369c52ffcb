"""What a registry stores under a tag: an image's manifest, or an index of several.

The bytes are the identity (their SHA-256 is the digest), so they are kept as they came.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aks_action.model.bounded import Unpackable, read_json

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
MEDIA_TYPES = (OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageManifest:
    """One manifest or index, byte for byte, with the media type that it is served as.

    digest:   `sha256:…` of the bytes.
    config:   the digest of the image's configuration (an engine's image id); empty for an index.
    blobs:    digests of what the manifest itself needs: its configuration and layers.
    children: digests of the manifests that an index lists.
    """

    body: bytes = field(repr=False)
    media_type: str
    digest: str
    config: str = ""
    blobs: tuple[str, ...] = ()
    children: tuple[str, ...] = ()

    @classmethod
    def read(cls, body: bytes, content_type: str = "") -> ImageManifest:
        """Read an answer's body. Raises ValueError, half a sentence, for what is no manifest."""
        media_type = content_type.partition(";")[0].strip().lower()
        if media_type == "text/html":
            raise ValueError("it is a web page")
        document = _json_object(body)
        media_type = _media_type(media_type, document)
        config = document.get("config")
        return cls(
            body=body,
            media_type=media_type,
            digest=digest_of(body),
            config=_digest(config) if config else "",
            blobs=_digests([*([config] if config else []), *_stored(document.get("layers"))]),
            children=_digests(document.get("manifests")),
        )

    def marked(self, mark: str) -> ImageManifest:
        """The same content under another digest: an annotation is added to the bytes."""
        document = read_json(self.body)
        notes = {**(document.get("annotations") or {}), "io.github.aks-action.undo": mark}
        body = json.dumps({**document, "annotations": notes}).encode()
        return ImageManifest.read(body, self.media_type)


def digest_of(body: bytes) -> str:
    """`sha256:` and 64 hex digits."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def _json_object(body: bytes) -> Mapping[str, Any]:
    try:
        document = read_json(body)
    except Unpackable as reason:
        raise ValueError(str(reason)) from None
    if not isinstance(document, dict):
        raise ValueError("it is not a JSON object")  # noqa: TRY004 - the caller's one error
    if document.get("schemaVersion") != 2:
        raise ValueError("its schemaVersion is not 2")
    return document


def _media_type(served: str, document: Mapping[str, Any]) -> str:
    """As served; an answer that says just "JSON" is asked what it calls itself."""
    if served in MEDIA_TYPES:
        return served
    said = document.get("mediaType")
    if said in MEDIA_TYPES:
        return str(said)
    if isinstance(document.get("manifests"), list):
        return OCI_INDEX
    if isinstance(document.get("config"), dict):
        return OCI_MANIFEST
    raise ValueError(f"its type {said or served or 'is not given and'} is unknown")


def _stored(layers: Any) -> list[Any]:
    """Layers that the registry holds itself: `foreign` ones only have a URL elsewhere."""
    if not isinstance(layers, list):
        return []
    foreign = ("foreign", "nondistributable")
    return [
        layer
        for layer in layers
        if not (isinstance(layer, dict) and any(f in str(layer.get("mediaType")) for f in foreign))
    ]


def _digests(descriptors: Any) -> tuple[str, ...]:
    if descriptors is None:
        return ()
    if not isinstance(descriptors, list):
        raise ValueError("its list of parts is no list")  # noqa: TRY004 - the caller's one error
    return tuple(dict.fromkeys(_digest(descriptor) for descriptor in descriptors))


def _digest(descriptor: Any) -> str:
    digest = descriptor.get("digest") if isinstance(descriptor, dict) else None
    if not isinstance(digest, str) or ":" not in digest or "/" in digest:
        raise ValueError("one of its parts has no digest")
    return digest
