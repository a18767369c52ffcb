"""The journal of a StatefulSet that is deleted and made anew.

It is a Secret, since a pod template may hold what not everybody shall read. It has all that is
needed to make the StatefulSet again, whatever the next run's manifests say, and is there from
before the deletion until the new one is whole.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aks_action.model.applying.field_ownership import FIELD_MANAGER, entries, paths
from aks_action.model.documents import get_in, without
from aks_action.model.manifests import Document, ObjectRef, ref_of
from aks_action.model.volumes.marks import JOURNAL, RENEWAL
from aks_action.model.volumes.steps import Sizes
from aks_action.model.volumes.templates import with_sizes

_KEY = "statefulset.json"
_OF_THE_SERVER = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields")
_SELECTOR_FIELD = ("f:spec", "f:selector")


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """What one Secret says. live: the StatefulSet before it is deleted, with its new templates."""

    live: Document

    @property
    def ref(self) -> ObjectRef:
        return ref_of(self.live)

    @property
    def secret_ref(self) -> ObjectRef:
        name = f"aks-action.{RENEWAL}.{self.ref.name}"
        return ObjectRef(api_version="v1", kind="Secret", name=name, namespace=self.ref.namespace)

    def is_about(self, stateful_set: Document) -> bool:
        """Whether that is the one that was to be deleted, not the one that was made anew."""
        return bool(uid_of(stateful_set) == uid_of(self.live))

    @property
    def secret(self) -> Document:
        text = json.dumps({key: value for key, value in self.live.items() if key != "status"})
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": self.secret_ref.name,
                "namespace": self.ref.namespace,
                "labels": {JOURNAL: RENEWAL},
            },
            "type": "Opaque",
            "data": {_KEY: base64.b64encode(text.encode()).decode()},
        }

    @property
    def anew(self) -> Document:
        """What to create: all but what only the server decides."""
        kept = without(self.live, ("status",))
        for key in _OF_THE_SERVER:
            kept = without(kept, ("metadata", key))
        return kept

    def owners(self, made: Document) -> tuple[Document, ...] | None:
        """The managedFields as they were; None where they are so again.

        Whoever creates an object owns all of it. A field that our apply has set would then stay
        when a manifest drops it.
        """
        if not any(_is_creation(each) for each in entries(made)):
            return None
        status = (each for each in entries(made) if each.get("subresource") == "status")
        fields = (each for each in entries(self.live) if each.get("subresource") != "status")
        return (*fields, *status)


def journal_of(live: Document, sizes: Mapping[str, Sizes]) -> Journal:
    return Journal(live=with_sizes(live, sizes))


def read(secret: Document) -> Journal | None:
    """The journal in a Secret; None where somebody else's text is in it."""
    try:
        live: Any = json.loads(base64.b64decode(get_in(secret, ("data", _KEY), ""), validate=True))
    except ValueError:
        return None
    if not isinstance(live, Mapping) or live.get("kind") != "StatefulSet":
        return None
    own = ref_of(live).namespace == ref_of(secret).namespace
    return Journal(live=live) if own else None


def uid_of(document: Document) -> str:
    return str(get_in(document, ("metadata", "uid"), ""))


def _is_creation(entry: Document) -> bool:
    """Whether an entry comes from creating: none of our patches sets a selector."""
    ours = (entry.get("manager"), entry.get("operation")) == (FIELD_MANAGER, "Update")
    return ours and any(path[:2] == _SELECTOR_FIELD for path in paths(entry))
