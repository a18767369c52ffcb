"""The hash by which kustomize names a ConfigMap or Secret: same content, same name.

Ten characters of a SHA-256 over a JSON text, with the digits and vowels replaced that could spell
something; as `hasher.go` of kustomize documents and its test vectors pin down.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from aks_action.model.documents import get_in
from aks_action.model.manifests import Document

_LENGTH = 10
_LETTERS = str.maketrans("013ae", "ghkmt")
_AS_GO_WRITES_THEM = str.maketrans(
    {
        "<": "\\u003c",
        ">": "\\u003e",
        "&": "\\u0026",
        "\u2028": "\\u2028",
        "\u2029": "\\u2029",
    }
)


def content_hash(document: Document) -> str:
    """The hash of a ConfigMap, or of a Secret without `stringData`; metadata but the name is out.

    An absent `data` or `type` is hashed as an empty text, and `binaryData` only where it is there.
    """
    hashed = {
        "kind": document["kind"],
        "name": get_in(document, ("metadata", "name"), ""),
        "data": document.get("data") or "",
    }
    if document["kind"] == "Secret":
        hashed["type"] = document.get("type") or ""
    elif document.get("binaryData"):
        hashed["binaryData"] = document["binaryData"]
    return hash_of(hashed)


def hash_of(value: Any) -> str:
    """The hash of a JSON value: ten letters and digits."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    digest = hashlib.sha256(text.translate(_AS_GO_WRITES_THEM).encode()).hexdigest()
    return digest[:_LENGTH].translate(_LETTERS)
