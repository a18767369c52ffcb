"""Records, attempts and histories for the tests of releases."""

from typing import Any

from aks_action.errors import Source
from aks_action.model.manifests import Document, Manifest, ManifestSet, ObjectRef, ref_of
from aks_action.model.records import (
    Attempt,
    History,
    Member,
    Record,
    Stamp,
    naming,
    objects_of,
    read_history,
)
from aks_action.model.records.secrets import record_secrets, release_secret
from tests.unit.configuration.words import NAMESPACE, config_map

RELEASE = "shop"
PARENT = naming.release_ref(RELEASE, NAMESPACE)


def stamp(version: str = "v1", *, commit: str = "", run: str = "") -> Stamp:
    return Stamp(version=version, commit=commit, run=run, at="2026-01-31T10:00:00Z")


def manifests_of(*documents: Document) -> ManifestSet:
    return tuple(
        Manifest(document=each, source=Source(file="k8s/all.yml", line=line))
        for line, each in enumerate(documents, start=1)
    )


def record(
    number: int = 1, version: str = "v1", *documents: Document, **changes: Any
) -> tuple[Record, tuple[bytes, ...]]:
    """A record and its parts; without documents it has one ConfigMap that tells the version."""
    manifests = manifests_of(*(documents or (config_map(LEVEL=version),)))
    objects = objects_of(manifests, {})
    made = Record(
        release=RELEASE,
        namespace=NAMESPACE,
        number=number,
        stamp=stamp(version, commit=changes.pop("commit", ""), run=changes.pop("run", "")),
        digest=objects.digest,
        images=objects.images,
        members=tuple(Member(ref=each.ref, uid=f"uid-{each.ref.name}") for each in manifests),
        packed=objects.packed,
        sources=objects.packed_sources,
    )
    return Record(**{**_fields(made), **changes}), objects.parts


def secrets_of(*made: tuple[Record, tuple[bytes, ...]]) -> list[Document]:
    """Their Secrets, parts too."""
    return [secret for one, parts in made for secret in record_secrets(one, parts)]


def history(*records: Record, begun: Attempt | None = None, **more: Any) -> History:
    return History(release=RELEASE, namespace=NAMESPACE, records=records, begun=begun, **more)


def found(*secrets: Document) -> History:
    """The history that Secrets in the namespace tell."""
    return read_history(secrets, RELEASE, NAMESPACE)


def own_secret(attempt: Attempt | None, *touched: ObjectRef) -> Document:
    return release_secret(PARENT, RELEASE, attempt, touched, labels={}, annotations={})


def attempt(number: int, version: str = "v2", **changes: Any) -> Attempt:
    return Attempt(number=number, stamp=stamp(version), **changes)


def named(secrets: list[Document]) -> list[str]:
    return [ref_of(each).name for each in secrets]


def _fields(made: Record) -> dict[str, Any]:
    return {name: getattr(made, name) for name in Record.__slots__}
