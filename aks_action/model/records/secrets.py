"""How a record and an attempt are written down as Secrets, and read again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

from aks_action.model.bounded import Bounds, Unpackable, read_json, whole_number
from aks_action.model.manifests import Document, ObjectRef
from aks_action.model.records import naming, signing
from aks_action.model.records.packing import as_json, decoded, packed, unpacked
from aks_action.model.records.record import Attempt, Member, Record, Stamp
from aks_action.model.shapes import names_an_object

FORMAT = 1
"""What this version writes, and the newest that it reads."""

MOST_NUMBER = 999_999_999
"""Of a record. A release that is deployed each second has as many in thirty years."""

MOST_PARTS = 33
"""Of a record: what `objects.BOUNDS` allows, as it is packed at worst."""

MOST_OBJECTS = 10_000
"""That a record, or what was begun, names."""

_NAMES = Bounds(size=4 * 1024 * 1024, items=6 * MOST_OBJECTS + 1)
_LONGEST = 1_000
"""Characters of one text of a record or an attempt."""

_RECORD_KEYS = ("record", "members", "sources")
_RELEASE_KEYS = ("attempt", "touched")


def record_secrets(
    record: Record, parts: Sequence[bytes], keys: signing.Keys = ()
) -> tuple[Document, ...]:
    """The Secrets of a record, in the order in which they are written: the one that counts last.

    parts: of its packed objects; none if they are in the record itself.
    keys:  sign it, see `signing`.
    They are immutable: writing the same again is fine, writing something else is refused.
    """
    refs = naming.part_refs(record.release, record.namespace, record.number, len(parts))
    data = {
        "record": as_json(_written(replace(record, parts=len(parts)))),
        "members": packed([[*_ref(each.ref), each.uid] for each in record.members]),
        "sources": record.sources,
    }
    ref = naming.record_ref(record.release, record.namespace, record.number)
    data = signing.signed(ref, data, keys) | ({} if parts else {"objects": record.packed})
    labels = naming.labels_of(record.release, record.number, record.stamp.version)
    return (
        *(
            naming.secret(part_ref, {"part": part}, type_=naming.RECORD_TYPE)
            for part_ref, part in zip(refs, parts, strict=True)
        ),
        naming.secret(
            ref,
            data,
            type_=naming.RECORD_TYPE,
            labels=labels,
        ),
    )


def release_secret(
    ref: ObjectRef,
    release: str,
    attempt: Attempt | None,
    touched: Iterable[ObjectRef],
    *,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    keys: signing.Keys = (),
) -> Document:
    """The Secret of a release.

    attempt: what was begun last; None where that was taken back.
    touched: objects that attempts without a record may have made.
    labels, annotations: see `apply_sets`; empty without `prune`.
    keys:    sign it, see `signing`.
    """
    data = {"touched": packed([_ref(each) for each in touched])}
    if attempt is not None:
        data["attempt"] = as_json(_attempted(attempt))
    return naming.secret(
        ref,
        signing.signed(ref, data, keys),
        type_=naming.RELEASE_TYPE,
        labels={naming.RELEASE: release, **labels},
        annotations=annotations,
        immutable=False,
    )


def read_record(secret: Document, keys: signing.Keys = ()) -> Record:
    """The record that a Secret holds, as it says. keys: demand a signature. Raises Unpackable."""
    signing.verify(secret, _RECORD_KEYS, keys)
    meta = _meta(secret, "record")
    parts = _number(meta, "parts", MOST_PARTS)
    return Record(
        release=_text(meta, "release"),
        namespace=_text(meta, "namespace"),
        number=_number(meta, "number"),
        stamp=_stamp(meta),
        digest=_text(meta, "digest"),
        images=_texts(meta, "images"),
        members=tuple(
            Member(ref=_as_ref(each[:4]), uid=each[4])
            for each in _rows(decoded(secret, "members"), 5)
        ),
        rollback_of=_number(meta, "rollbackOf"),
        pruned=meta.get("pruned") is True,
        parts=parts,
        packed=b"" if parts else decoded(secret, "objects"),
        sources=decoded(secret, "sources"),
    )


def read_touched(secret: Document, keys: signing.Keys = ()) -> tuple[ObjectRef, ...]:
    """What a release's Secret says that attempts without a record may have made.

    Raises Unpackable.
    """
    signing.verify(secret, _RELEASE_KEYS, keys)
    return tuple(_as_ref(each) for each in _rows(decoded(secret, "touched"), 4))


def read_attempt(secret: Document, keys: signing.Keys = ()) -> Attempt | None:
    """What a release's Secret says was begun last. Raises Unpackable."""
    signing.verify(secret, _RELEASE_KEYS, keys)
    if "attempt" not in (secret.get("data") or {}):
        return None
    meta = _meta(secret, "attempt")
    return Attempt(
        number=_number(meta, "number"),
        stamp=_stamp(meta),
        strategy=_text(meta, "strategy"),
        rollback_of=_number(meta, "rollbackOf"),
        target=_number(meta, "target", otherwise=0),  # earlier versions wrote none
        parts=_number(meta, "parts", MOST_PARTS),
        error=_text(meta, "error"),
    )


def _meta(secret: Document, key: str) -> Mapping[str, Any]:
    meta = read_json(decoded(secret, key))
    if not isinstance(meta, Mapping) or not isinstance(meta.get("format"), int):
        raise Unpackable("it does not say in which format it is")
    if meta["format"] > FORMAT:
        raise Unpackable(
            f"it has format {meta['format']} of a newer version of this action, which reads "
            f"formats up to {FORMAT}"
        )
    return meta


def _text(meta: Mapping[str, Any], key: str) -> str:
    value = meta.get(key)
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise Unpackable(f"its `{key}` is missing, or no text of at most {_LONGEST} characters")
    return value


def _number(
    meta: Mapping[str, Any], key: str, highest: int = MOST_NUMBER, otherwise: int | None = None
) -> int:
    value = meta.get(key, otherwise)
    number = None if isinstance(value, str) else whole_number(value, highest)
    if number is None:
        raise Unpackable(f"its `{key}` is missing, or no whole number up to {highest}")
    return number


def _texts(meta: Mapping[str, Any], key: str) -> dict[str, str]:
    value = meta.get(key)
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise Unpackable(f"its `{key}` is missing, or has something else than texts")
    return value


def _rows(data: bytes, length: int) -> list[list[str]]:
    """A list of lists of so many texts, which name objects."""
    rows = unpacked(data, _NAMES)
    if not isinstance(rows, list) or not all(
        isinstance(row, list)
        and len(row) == length
        and all(isinstance(each, str) and len(each) <= _LONGEST for each in row)
        for row in rows
    ):
        raise Unpackable("it does not name objects")
    if len(rows) > MOST_OBJECTS:
        raise Unpackable(f"it names more than {MOST_OBJECTS} objects")
    return rows


def _written(record: Record) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "release": record.release,
        "namespace": record.namespace,
        "number": record.number,
        **asdict(record.stamp),
        "digest": record.digest,
        "images": dict(record.images),
        "rollbackOf": record.rollback_of,
        "pruned": record.pruned,
        "parts": record.parts,
    }


def _attempted(attempt: Attempt) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "number": attempt.number,
        **asdict(attempt.stamp),
        "strategy": attempt.strategy,
        "rollbackOf": attempt.rollback_of,
        "target": attempt.target,
        "parts": attempt.parts,
        "error": attempt.error,
    }


def _stamp(meta: Mapping[str, Any]) -> Stamp:
    texts = {each.name: _text(meta, each.name) for each in fields(Stamp)}
    if not all(each.isprintable() for each in texts.values()):
        raise Unpackable("a text of it has characters that cannot be shown")
    return Stamp(**texts)


def _ref(ref: ObjectRef) -> list[str]:
    return [ref.api_version, ref.kind, ref.namespace, ref.name]


def _as_ref(row: Sequence[str]) -> ObjectRef:
    api_version, kind, namespace, name = row
    if not names_an_object(api_version, kind, namespace, name):
        raise Unpackable("it names an object by what is no name")
    return ObjectRef(api_version=api_version, kind=kind, namespace=namespace, name=name)
