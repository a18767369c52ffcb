"""Secrets as the server stores them: `stringData` written as `data`.

Server-side apply records the owner of `stringData.key`, but stores `data.key`, which then nobody
owns: a key that leaves the manifest would stay in the cluster for ever. A field manager that sends
`data` has no such leftovers.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from aks_action.model.documents import set_in, without
from aks_action.model.manifests import Manifest


def with_encoded_data(manifest: Manifest) -> Manifest:
    """A Secret's `stringData` moved into `data`, over keys of the same name as the server does.

    Left as it is where the server has to complain: values that are no text, `data` that is no map.
    """
    document = manifest.document
    texts, data = document.get("stringData"), document.get("data") or {}
    if (manifest.ref.api_version, manifest.kind) != ("v1", "Secret"):
        return manifest
    if not isinstance(texts, Mapping) or not isinstance(data, Mapping):
        return manifest
    if not all(isinstance(value, str) for value in texts.values()):
        return manifest
    encoded = {
        key: base64.b64encode(value.encode()).decode("ascii") for key, value in texts.items()
    }
    return manifest.with_document(
        set_in(without(document, ("stringData",)), ("data",), {**data, **encoded})
    )
