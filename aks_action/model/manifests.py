"""A manifest: one Kubernetes object as it was written, with the place it was written at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from aks_action.errors import Source

Document = Mapping[str, Any]
"""A Kubernetes object as on the wire. Never edited in place: YAML aliases share parts."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ObjectRef:
    """What names an object in a cluster. `namespace` is empty for cluster-scoped objects.

    `name` is empty for an object that only has a `generateName`, which is then in
    `generate_name`.
    """

    api_version: str
    kind: str
    name: str
    namespace: str = ""
    generate_name: str = ""

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def group_kind(self) -> str:
        """`kind.group` as kubectl writes it, `kind` for the core group."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    def __str__(self) -> str:
        """`kind/namespace/name`, or `kind/name` for cluster-scoped objects; `name-*` where the
        server is to give the name.
        """
        name = self.name or (f"{self.generate_name}*" if self.generate_name else "")
        return "/".join(part for part in (self.kind, self.namespace, name) if part)


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """One object of the manifests: its document and where the document begins."""

    document: Document
    source: Source

    @cached_property  # asked some forty times in a deploy
    def ref(self) -> ObjectRef:
        """The identity; the namespace is what the document says, set once it was resolved."""
        return ref_of(self.document)

    @property
    def kind(self) -> str:
        return str(self.document["kind"])

    @property
    def labels(self) -> Mapping[str, str]:
        return self.document["metadata"].get("labels") or {}

    @property
    def annotations(self) -> Mapping[str, str]:
        return self.document["metadata"].get("annotations") or {}

    def with_document(self, document: Document) -> Manifest:
        """The same place, another document."""
        return replace(self, document=document)


ManifestSet = tuple[Manifest, ...]
"""Manifests in the order they were given."""


def ref_of(document: Document) -> ObjectRef:
    """The identity of a document or of a live object."""
    metadata = document.get("metadata") or {}
    name = str(metadata.get("name") or "")
    return ObjectRef(
        api_version=str(document.get("apiVersion", "")),
        kind=str(document.get("kind", "")),
        name=name,
        namespace=str(metadata.get("namespace", "")),
        generate_name="" if name else str(metadata.get("generateName") or ""),
    )
