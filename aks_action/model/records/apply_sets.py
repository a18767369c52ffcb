"""The labels and annotations by which other tools see what belongs to a release: an ApplySet.

The scheme is that of KEP-3659 (kubernetes/enhancements): a parent object, here the release's own
Secret, has an id, and each member a label with that id.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

from aks_action import __version__
from aks_action.model.documents import get_in, set_in
from aks_action.model.manifests import Document, Manifest, ObjectRef

PART_OF = "applyset.kubernetes.io/part-of"
ID = "applyset.kubernetes.io/id"
TOOLING = "applyset.kubernetes.io/tooling"
KINDS = "applyset.kubernetes.io/contains-group-kinds"
NAMESPACES = "applyset.kubernetes.io/additional-namespaces"


def apply_set_id(parent: ObjectRef) -> str:
    """The id of a parent, which is also the value of its members' label."""
    text = f"{parent.name}.{parent.namespace}.{parent.kind}.{parent.group}"
    digest = hashlib.sha256(text.encode()).digest()
    return f"applyset-{base64.urlsafe_b64encode(digest).decode().rstrip('=')}-v1"


def part_of(manifest: Manifest, parent: ObjectRef) -> Manifest:
    """The manifest with the label of a member."""
    path = ("metadata", "labels", PART_OF)
    return manifest.with_document(set_in(manifest.document, path, apply_set_id(parent)))


def parent_labels(parent: ObjectRef) -> dict[str, str]:
    return {ID: apply_set_id(parent)}


def parent_annotations(parent: ObjectRef, members: Iterable[ObjectRef]) -> dict[str, str]:
    """What the parent says about where its members are to be looked for."""
    refs = tuple(members)
    namespaces = {each.namespace for each in refs} - {"", parent.namespace}
    return {
        TOOLING: f"aks-action/v{__version__}",
        KINDS: ",".join(sorted({each.group_kind for each in refs})),
        NAMESPACES: ",".join(sorted(namespaces)),
    }


def set_of(document: Document) -> str:
    """The id of the ApplySet that a live object is a member of; empty for none."""
    return str(get_in(document, ("metadata", "labels", PART_OF)) or "")
