"""The objects of a record: a `v1` List, as `kubectl apply` would take it, and where each came from.

kubectl get secret aks-action.shop.3 -o jsonpath='{.data.objects}' | base64 -d | gunzip
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from aks_action.errors import Source
from aks_action.model.bounded import Bounds, Unpackable, check_size, gunzip, read_json, whole_number
from aks_action.model.images.references import ImageReference
from aks_action.model.manifests import Document, Manifest, ManifestSet
from aks_action.model.pod_specs import containers
from aks_action.model.records.packing import as_json, digest_of, packed, unpacked
from aks_action.model.records.record import Record
from aks_action.model.shapes import manifests_of

PART_BYTES = 768 * 1024
"""Of one part; the API server takes 1 MiB of data in a Secret."""

BOUNDS = Bounds(size=24 * 1024 * 1024, items=400_000)
"""Of the objects of one record, unpacked: some thousand Deployments."""

INLINE_BYTES = 64 * 1024
"""Up to this size objects are in the record itself, which every deploy of the release reads."""


@dataclass(frozen=True, kw_only=True)
class Objects:
    """What a record is to hold; packed only if it comes to that.

    sources: file and line of each.    images: every image → its digest, empty if not known.
    """

    items: tuple[Document, ...]
    sources: tuple[Source, ...]
    images: Mapping[str, str]

    @cached_property
    def digest(self) -> str:
        return digest_of(self.items)

    @cached_property
    def packed(self) -> bytes:
        """The `v1` List."""
        return packed(self._list)

    @property
    def too_large(self) -> str:
        """Why no record of these could be read again; empty where one can."""
        try:
            check_size(as_json(self._list), BOUNDS)
        except Unpackable as reason:
            return str(reason)
        return ""

    @property
    def _list(self) -> Document:
        return {"apiVersion": "v1", "kind": "List", "items": self.items}

    @property
    def packed_sources(self) -> bytes:
        return packed([[each.file, each.line] for each in self.sources])

    @property
    def parts(self) -> tuple[bytes, ...]:
        """The packed objects in pieces, see `pieces`."""
        return pieces(self.packed)


def pieces(data: bytes) -> tuple[bytes, ...]:
    """Packed objects as the parts of a record; none if they fit into the record itself."""
    if len(data) <= INLINE_BYTES:
        return ()
    return tuple(data[start : start + PART_BYTES] for start in range(0, len(data), PART_BYTES))


def objects_of(manifests: ManifestSet, digests: Mapping[str, str], *, login: str = "") -> Objects:
    """The manifests as a record keeps them.

    digests: image → digest, as far as this run knows them.
    login:   the pull Secret that was made from inputs; what it holds may be wrong by tomorrow.
    """
    kept = [each for each in manifests if not (login and _is_login(each, login))]
    images = {image.image for each in kept for image in containers(each.document)}
    return Objects(
        items=tuple(each.document for each in kept),
        sources=tuple(each.source for each in kept),
        images={each: _digest(each, digests) for each in sorted(images - {""})},
    )


def _is_login(manifest: Manifest, name: str) -> bool:
    return manifest.kind == "Secret" and manifest.ref.name == name


def open_objects(record: Record, data: bytes) -> ManifestSet:
    """The manifests that a record holds, which say where they come from: the record, and the file.

    data: as in `Objects.packed`. Raises Unpackable if it is not what was written.
    """
    items = read_json(_as_written(data, record.digest), BOUNDS)["items"]
    if not isinstance(items, list):
        raise Unpackable("it has no list of objects")
    return tuple(_manifests(items, _places(unpacked(record.sources), record)))


def _as_written(data: bytes, digest: str) -> bytes:
    """The text of the List, once it is known to be what the digest is of."""
    text = gunzip(data, BOUNDS)
    items = memoryview(text)[len(_BEFORE) : -len(_AFTER)]
    framed = text.startswith(_BEFORE) and text.endswith(_AFTER)
    if not framed or f"sha256:{hashlib.sha256(items).hexdigest()}" != digest:
        raise Unpackable("its objects are not those that were written")
    return text


_BEFORE, _AFTER = b'{"apiVersion":"v1","items":', b',"kind":"List"}'
"""What is around the items in a List that `as_json` has written: the digest is of these."""


def _manifests(items: Iterable[Any], source_of: Callable[[int], Source]) -> Iterator[Manifest]:
    """The objects, of which a List can hide more than one."""
    for number, item in enumerate(items):
        source = source_of(number)
        found, problems = manifests_of(item, source.file, partial(_line, source))
        if problems:
            raise Unpackable(f"its object {number + 1} is no Kubernetes object")
        yield from found


def _line(source: Source, _part: object) -> int:
    return source.line


def _places(sources: Any, record: Record) -> Callable[[int], Source]:
    """Where an object stood, by its position. Not knowing it is no reason to refuse a record."""
    prefix = f"record {record.number} of {record.release}"

    def place(number: int) -> Source:
        try:
            file, line = sources[number]
        except (TypeError, ValueError, LookupError):
            return Source(file=prefix)
        known = isinstance(file, str) and file.isprintable()
        return Source(file=f"{prefix}, {file}" if known else prefix, line=whole_number(line) or 1)

    return place


def _digest(image: str, digests: Mapping[str, str]) -> str:
    reference = ImageReference.try_parse(image)
    return (reference.digest if reference else "") or digests.get(image, "")
