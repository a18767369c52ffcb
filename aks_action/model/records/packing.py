"""How records are packed: JSON, gzip and base64, so that a shell can unpack them as well."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from typing import Any

from aks_action.model.bounded import SMALL, Bounds, Unpackable, gunzip, read_json
from aks_action.model.documents import get_in
from aks_action.model.manifests import Document

_GZIP = zlib.MAX_WBITS + 16


def packed(value: Any) -> bytes:
    """A value as gzipped JSON; the same value is always the same bytes."""
    packer = zlib.compressobj(6, zlib.DEFLATED, _GZIP)
    return packer.compress(as_json(value)) + packer.flush()


def unpacked(data: bytes, bounds: Bounds = SMALL) -> Any:
    """What was packed. Raises Unpackable."""
    return read_json(gunzip(data, bounds), bounds)


def as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def digest_of(value: Any) -> str:
    """`sha256:…` of a value's JSON."""
    return f"sha256:{hashlib.sha256(as_json(value)).hexdigest()}"


def encoded(data: bytes) -> str:
    """Bytes as the value of a Secret's `data`."""
    return base64.b64encode(data).decode()


def decoded(secret: Document, key: str) -> bytes:
    """The bytes under a key of a Secret's `data`. Raises Unpackable."""
    value = get_in(secret, ("data", key))
    if not isinstance(value, str):
        raise Unpackable(f"its key `{key}` is missing")
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:  # binascii.Error, and for what is not ASCII
        raise Unpackable(f"its key `{key}` is not base64") from None
