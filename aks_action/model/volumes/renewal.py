"""The journal of a StatefulSet that is deleted and made anew.

It is a Secret, since a pod template may hold what not everybody shall read. It has all that is
needed to make the StatefulSet again, whatever the next run's manifests say, and is there from
before the deletion until the new one is whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aks_action.model.applying.field_ownership import FIELD_MANAGER, entries, paths
from aks_action.model.bounded import Unpackable, read_json
from aks_action.model.documents import get_in, without
from aks_action.model.manifests import Document, ObjectRef, ref_of
from aks_action.model.records import signing
from aks_action.model.records.packing import decoded, encoded
from aks_action.model.shapes import manifests_of
from aks_action.model.volumes.marks import JOURNAL, RENEWAL
from aks_action.model.volumes.steps import Sizes
from aks_action.model.volumes.templates import with_sizes

_KEY = "statefulset.json"
_STATEFUL_SET = ("apps/v1", "StatefulSet")
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

    def has_left(self, pod: Document) -> bool:
        """Whether a pod is one that the deletion has left running: nobody's, and of this template.

        Who may write Secrets alone can write a journal, and none of these.
        """
        metadata = pod["metadata"]
        name, _, ordinal = str(metadata.get("name")).rpartition("-")
        owned = any(get_in(each, ("controller",)) for each in metadata.get("ownerReferences") or ())
        return (
            (name, metadata.get("namespace")) == (self.ref.name, self.ref.namespace)
            and ordinal.isdecimal()
            and not owned
            and not metadata.get("deletionTimestamp")
            and _is_within(get_in(self.live, ("spec", "template", "spec")), pod.get("spec"))
        )

    def is_about(self, stateful_set: Document) -> bool:
        """Whether that is the one that was to be deleted, not the one that was made anew."""
        return bool(uid_of(stateful_set) == uid_of(self.live))

    def secret(self, keys: signing.Keys = ()) -> Document:
        """As it is applied. keys: sign it, as records are."""
        text = json.dumps({key: value for key, value in self.live.items() if key != "status"})
        data = signing.signed(self.secret_ref, {_KEY: text.encode()}, keys)
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": self.secret_ref.name,
                "namespace": self.ref.namespace,
                "labels": {JOURNAL: RENEWAL},
            },
            "type": "Opaque",
            "data": {key: encoded(value) for key, value in data.items()},
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


def read(secret: Document, keys: signing.Keys = ()) -> Journal:
    """The journal in a Secret. keys: demand a signature. Raises Unpackable."""
    signing.verify(secret, [_KEY], keys)
    live: Any = read_json(decoded(secret, _KEY))
    found, problems = manifests_of(live, "", lambda _: 1)
    if problems or [(each.ref.api_version, each.kind) for each in found] != [_STATEFUL_SET]:
        raise Unpackable("it holds no StatefulSet")
    journal = Journal(live=live)
    if journal.secret_ref != ref_of(secret):
        raise Unpackable(f"it is not where {journal.ref} would be kept")
    return journal


def _is_within(part: Any, whole: Any) -> bool:
    """Whether all that is said in one value is said in another, which may say more."""
    if isinstance(part, Mapping):
        return isinstance(whole, Mapping) and all(
            key in whole and _is_within(value, whole[key]) for key, value in part.items()
        )
    if isinstance(part, list):
        return isinstance(whole, list) and all(
            any(_is_within(item, other) for other in whole) for item in part
        )
    return bool(part == whole)


def uid_of(document: Document) -> str:
    return str(get_in(document, ("metadata", "uid"), ""))


def _is_creation(entry: Document) -> bool:
    """Whether an entry comes from creating: none of our patches sets a selector."""
    ours = (entry.get("manager"), entry.get("operation")) == (FIELD_MANAGER, "Update")
    return ours and any(path[:2] == _SELECTOR_FIELD for path in paths(entry))
