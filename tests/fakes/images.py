"""Images made of a few bytes, for tests that need some."""

from __future__ import annotations

import json

from aks_action.model.images.manifests import (
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    ImageManifest,
    digest_of,
)


def blobs_of(name: str) -> tuple[bytes, bytes]:
    """The configuration and the only layer of an image."""
    config = {"architecture": "amd64", "os": "linux", "config": {"Labels": {"name": name}}}
    return json.dumps({**config, "rootfs": {"type": "layers", "diff_ids": []}}).encode(), (
        f"layer of {name}".encode()
    )


def image(name: str, *, media_type: str = DOCKER_MANIFEST) -> ImageManifest:
    """The manifest of an image, with odd spaces that a rewrite would lose."""
    config, layer = (_descriptor(blob) for blob in blobs_of(name))
    oci = media_type == OCI_MANIFEST
    kind = "application/vnd.oci.image" if oci else "application/vnd.docker"
    config["mediaType"] = f"{kind}.config.v1+json" if oci else f"{kind}.container.image.v1+json"
    layer["mediaType"] = f"{kind}.layer.v1.tar" if oci else f"{kind}.image.rootfs.diff.tar.gzip"
    document = {"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": [layer]}
    return ImageManifest.read(json.dumps(document, indent=3).encode(), media_type)


def index(*children: ImageManifest) -> ImageManifest:
    """An OCI index of images."""
    manifests = [
        {
            "mediaType": child.media_type,
            "digest": child.digest,
            "size": len(child.body),
            "platform": {"os": "linux", "architecture": name},
        }
        for child, name in zip(children, ("amd64", "arm64", "s390x"), strict=False)
    ]
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
    return ImageManifest.read(json.dumps(document, indent=1).encode(), OCI_INDEX)


def _descriptor(blob: bytes) -> dict[str, object]:
    return {"digest": digest_of(blob), "size": len(blob)}
