"""What tells a version of a ConfigMap or Secret from a plain one, live or in a manifest."""

from __future__ import annotations

from aks_action.model.configuration.readers import is_configuration
from aks_action.model.documents import get_in
from aks_action.model.manifests import Document, ref_of

VERSIONED = "aks-action/versioned"
"""The label of versions (`true`); as an annotation of a manifest, `false` opts out."""

VERSION_OF = "aks-action/version-of"
"""The annotation with the plain name; a label's value would be too short for some."""


def is_version(document: Document) -> bool:
    """Whether this action made it as a version: nothing else is ever removed as an old one."""
    marked = get_in(document, ("metadata", "labels", VERSIONED)) == "true"
    named = get_in(document, ("metadata", "annotations", VERSION_OF))
    return marked and bool(named) and is_configuration(document)


def base_of(version: Document) -> tuple[str, str, str]:
    """What it is a version of: kind, namespace and plain name."""
    ref = ref_of(version)
    return ref.kind, ref.namespace, str(version["metadata"]["annotations"][VERSION_OF])


def age(document: Document) -> tuple[str, str]:
    """What live objects are sorted by; the server's times compare as text."""
    metadata = document["metadata"]
    return str(metadata.get("creationTimestamp", "")), str(metadata["name"])
