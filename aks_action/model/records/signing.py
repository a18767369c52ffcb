"""The HMAC-SHA256 (RFC 2104) by which records are known as this workflow's own: `record-key`.

A signature covers all that is read from a Secret, and where it is, so that none can be moved. The
objects of a record are covered by the digest that the record has of them.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence

from aks_action.model.bounded import Unpackable
from aks_action.model.manifests import Document, ObjectRef, ref_of
from aks_action.model.records.packing import decoded

HMAC = "hmac"
"""The key of a Secret's data that has the signature, in hexadecimal digits."""

Keys = Sequence[str]
"""The first one signs, all verify. Without any nothing is signed or verified."""


def signed(ref: ObjectRef, data: Mapping[str, bytes], keys: Keys) -> dict[str, bytes]:
    """The data of a Secret, with a signature of all of it."""
    if not keys:
        return dict(data)
    return {**data, HMAC: _signature(ref, data, keys[0])}


def verify(secret: Document, names: Sequence[str], keys: Keys) -> None:
    """Raises Unpackable where what a Secret has under these names is not signed by one of the keys.

    names: every key of its data that is read; one that is absent was absent when it was signed.
    """
    if not keys:
        return
    found = secret.get("data") or {}
    if HMAC not in found:
        raise Unpackable(
            "it has no HMAC, which `record-key` demands: it was written without that input, or by "
            "somebody else"
        )
    given = decoded(secret, HMAC)
    data = {name: decoded(secret, name) for name in names if name in found}
    ref = ref_of(secret)
    # Of each key, so that the time tells nothing of which one it is.
    valid = [hmac.compare_digest(_signature(ref, data, key), given) for key in keys]
    if not any(valid):
        raise Unpackable(
            "its HMAC is of none of the keys in `record-key`: it was written with another key, or "
            "by somebody else, or changed"
        )


def _signature(ref: ObjectRef, data: Mapping[str, bytes], key: str) -> bytes:
    """Each part with its length before it, so that no two sets of parts are the same text."""
    mac = hmac.new(key.encode(), digestmod=hashlib.sha256)
    where = (b"aks-action/v1", ref.namespace.encode(), ref.name.encode())
    pairs = (part for name in sorted(data) for part in (name.encode(), data[name]))
    for part in (*where, *pairs):
        mac.update(len(part).to_bytes(8, "big") + part)
    return mac.hexdigest().encode()
