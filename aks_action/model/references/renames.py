"""Objects under other names than the manifests give them, and what names them after that."""

from __future__ import annotations

from collections.abc import Mapping

from aks_action.model.manifests import Document, Manifest, ObjectRef
from aks_action.model.pod_specs import changed_at
from aks_action.model.references import Reference, references

Renames = Mapping[ObjectRef, ObjectRef]
"""Objects of the core group, version v1, and what takes their place in the same namespace."""


def core_ref(reference: Reference) -> ObjectRef | None:
    """The object of the core group that a reference names; None where it names another group's."""
    if reference.group not in ("", None):
        return None
    return ObjectRef(
        api_version="v1", kind=reference.kind, name=reference.name, namespace=reference.namespace
    )


def pointed(manifest: Manifest, names: Renames) -> Manifest:
    """The manifest with the new names in the place of the old ones that it refers to."""
    document = manifest.document
    for each in references(document):
        target = names.get(ref) if (ref := core_ref(each)) else None
        if target is not None:
            document = _put(document, each, target.name)
    return manifest if document is manifest.document else manifest.with_document(document)


def _put(document: Document, reference: Reference, name: str) -> Document:
    changed: Document = changed_at(document, reference.path, lambda _old: name)
    return changed
