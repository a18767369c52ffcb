"""How a record and an attempt are written down as Secrets, and read again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

from aks_action.model.manifests import Document, ObjectRef
from aks_action.model.records import naming
from aks_action.model.records.packing import (
    Unpackable,
    as_json,
    decoded,
    from_json,
    packed,
    unpacked,
)
from aks_action.model.records.record import Attempt, Member, Record, Stamp

FORMAT = 1
"""What this version writes, and the newest that it reads."""


def record_secrets(record: Record, parts: Sequence[bytes]) -> tuple[Document, ...]:
    """The Secrets of a record, in the order in which they are written: the one that counts last.

    parts: of its packed objects; none if they are in the record itself.
    They are immutable: writing the same again is fine, writing something else is refused.
    """
    refs = naming.part_refs(record.release, record.namespace, record.number, len(parts))
    data = {
        "record": as_json(_written(replace(record, parts=len(parts)))),
        "members": packed([[*_ref(each.ref), each.uid] for each in record.members]),
        "sources": record.sources,
        **({} if parts else {"objects": record.packed}),
    }
    ref = naming.record_ref(record.release, record.namespace, record.number)
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
) -> Document:
    """The Secret of a release.

    attempt: what was begun last; None where that was taken back.
    touched: objects that attempts without a record may have made.
    labels, annotations: see `apply_sets`; empty without `prune`.
    """
    data = {"touched": packed([_ref(each) for each in touched])}
    if attempt is not None:
        data["attempt"] = as_json(_attempted(attempt))
    return naming.secret(
        ref,
        data,
        type_=naming.RELEASE_TYPE,
        labels={naming.RELEASE: release, **labels},
        annotations=annotations,
        immutable=False,
    )


def read_record(secret: Document) -> Record:
    """The record that a Secret holds, as it says. Raises Unpackable."""
    meta = _meta(secret, "record")
    try:
        return Record(
            release=str(meta["release"]),
            namespace=str(meta["namespace"]),
            number=int(meta["number"]),
            stamp=_stamp(meta),
            digest=str(meta["digest"]),
            images={str(key): str(value) for key, value in meta["images"].items()},
            members=tuple(
                Member(ref=_as_ref(each[:4]), uid=str(each[4]))
                for each in unpacked(decoded(secret, "members"))
            ),
            rollback_of=int(meta["rollbackOf"]),
            pruned=bool(meta["pruned"]),
            parts=int(meta["parts"]),
            packed=b"" if meta["parts"] else decoded(secret, "objects"),
            sources=decoded(secret, "sources"),
        )
    except Unpackable:
        raise
    except (LookupError, TypeError, ValueError, AttributeError):
        raise Unpackable("something is missing in it") from None


def read_touched(secret: Document) -> tuple[ObjectRef, ...]:
    """What a release's Secret says that attempts without a record may have made.

    Raises Unpackable.
    """
    try:
        return tuple(_as_ref(each) for each in unpacked(decoded(secret, "touched")))
    except (TypeError, ValueError):
        raise Unpackable("it does not name objects") from None


def read_attempt(secret: Document) -> Attempt | None:
    """What a release's Secret says was begun last. Raises Unpackable."""
    if "attempt" not in (secret.get("data") or {}):
        return None
    meta = _meta(secret, "attempt")
    try:
        return Attempt(
            number=int(meta["number"]),
            stamp=_stamp(meta),
            strategy=str(meta["strategy"]),
            rollback_of=int(meta["rollbackOf"]),
            parts=int(meta["parts"]),
            error=str(meta["error"]),
        )
    except Unpackable:
        raise
    except (LookupError, TypeError, ValueError, AttributeError):
        raise Unpackable("something is missing in it") from None


def _meta(secret: Document, key: str) -> Mapping[str, Any]:
    meta = from_json(decoded(secret, key))
    if not isinstance(meta, Mapping) or not isinstance(meta.get("format"), int):
        raise Unpackable("it does not say in which format it is")
    if meta["format"] > FORMAT:
        raise Unpackable(
            f"it has format {meta['format']} of a newer version of this action, which reads "
            f"formats up to {FORMAT}"
        )
    return meta


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
        "parts": attempt.parts,
        "error": attempt.error,
    }


def _stamp(meta: Mapping[str, Any]) -> Stamp:
    return Stamp(**{each.name: str(meta[each.name]) for each in fields(Stamp)})


def _ref(ref: ObjectRef) -> list[str]:
    return [ref.api_version, ref.kind, ref.namespace, ref.name]


def _as_ref(parts: Any) -> ObjectRef:
    api_version, kind, namespace, name = (str(each) for each in parts)
    return ObjectRef(api_version=api_version, kind=kind, namespace=namespace, name=name)
