"""How records are packed: JSON, gzip and base64, so that a shell can unpack them as well."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import zlib
from typing import Any

from aks_action.model.manifests import Document

_GZIP = zlib.MAX_WBITS + 16


class Unpackable(ValueError):  # noqa: N818 - reads as what it says of the data
    """Data that is none of ours, or no longer; the message ends no sentence and quotes no data."""


def packed(value: Any) -> bytes:
    """A value as gzipped JSON; the same value is always the same bytes."""
    packer = zlib.compressobj(6, zlib.DEFLATED, _GZIP)
    return packer.compress(as_json(value)) + packer.flush()


def unpacked(data: bytes) -> Any:
    """What was packed. Raises Unpackable."""
    try:
        text = zlib.decompress(data, _GZIP)
    except zlib.error:
        raise Unpackable("it is not gzip, or cut off") from None
    return from_json(text)


def as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def from_json(text: bytes) -> Any:
    """Raises Unpackable."""
    try:
        return json.loads(text)
    except ValueError:  # its message would quote what a Secret holds
        raise Unpackable("it is not JSON") from None


def digest_of(value: Any) -> str:
    """`sha256:…` of a value's JSON."""
    return f"sha256:{hashlib.sha256(as_json(value)).hexdigest()}"


def encoded(data: bytes) -> str:
    """Bytes as the value of a Secret's `data`."""
    return base64.b64encode(data).decode()


def decoded(secret: Document, key: str) -> bytes:
    """The bytes under a key of a Secret's `data`. Raises Unpackable."""
    value = (secret.get("data") or {}).get(key)
    if not isinstance(value, str):
        raise Unpackable(f"its key `{key}` is missing")
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        raise Unpackable(f"its key `{key}` is not base64") from None
