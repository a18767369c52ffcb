"""What was seen in the cluster before anything was decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aks_action.model.manifests import Document, ObjectRef
from aks_action.model.resources import ResourceTypes

Collection = tuple[str, str, str]
"""apiVersion, kind and namespace (empty for cluster-scoped kinds) of objects to list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """A snapshot by one LIST per kind and namespace.

    live:  objects by identity; kinds and namespaces that were not listed are absent.
    types: what the API server serves, by (apiVersion, kind), with what CRDs among the
           manifests will add.
    """

    live: Mapping[ObjectRef, Document]
    types: ResourceTypes

    def of_kind(self, kind: str, namespace: str | None = None) -> Iterator[Document]:
        """Live objects of a kind, in one namespace or in all that were listed."""
        for ref, document in self.live.items():
            if ref.kind == kind and namespace in (None, ref.namespace):
                yield document
