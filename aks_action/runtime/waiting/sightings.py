"""What the feeds have told so far, found by owner or claim: ReplicaSets, Pods and Events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from aks_action.model.documents import get_in, set_in, without
from aks_action.model.health import Related
from aks_action.model.health.probes import event_time, is_of_the_future
from aks_action.model.health.records import controller_of, uid_of
from aks_action.model.manifests import Document, ObjectRef, ref_of
from aks_action.model.volumes.mounts import CLAIM, claims_of
from aks_action.runtime.feeds import Change, Collection, Snapshot

_DEPTH = 4  # an event, its pod, the pod's ReplicaSet, the target


class Sightings:
    """An index for one thread; feeds' messages in, the touched targets out.

    floors: the lowest generation that counts, by target: what this run has written.
    facts:  what holds for every target; `related` adds what was seen of one.
    """

    def __init__(self, floors: Mapping[ObjectRef, int], facts: Related) -> None:
        self.gone: set[ObjectRef] = set()
        self.facts = facts
        self._floors = floors
        self._targets: dict[ObjectRef, Document] = {}
        self._target_of: dict[str, ObjectRef] = {}
        self._owner_of: dict[str, str] = {}
        self._owned: defaultdict[str, dict[str, Document]] = defaultdict(dict)
        self._users: defaultdict[ObjectRef, dict[str, Document]] = defaultdict(dict)
        self._events: defaultdict[str, dict[str, Document]] = defaultdict(dict)
        self._members: dict[Collection, dict[str, Document]] = {}

    def document(self, ref: ObjectRef) -> Document | None:
        """The target as last seen."""
        return self._targets.get(ref)

    def remember(self, document: Document) -> None:
        """Take a target as it was before any feed told of it."""
        self._see_target(ref_of(document), document)

    def take(self, message: Snapshot | Change) -> set[ObjectRef]:
        """Take a message in; returns the targets whose health it may change."""
        if isinstance(message, Change):
            members = self._members.setdefault(message.collection, {})
            document = message.event.object
            if message.event.type == "DELETED":
                members.pop(uid_of(document), None)
                return {*self._see_last(document), *self._forget(document)}
            members[uid_of(document)] = _identity(document)
            return set(self._see(document))
        touched: set[ObjectRef] = set()
        before = self._members.get(message.collection, {})
        now = {uid_of(each): _identity(each) for each in message.items}
        self._members[message.collection] = now
        for uid, document in before.items():
            if uid not in now:
                touched.update(self._forget(document))
        for document in message.items:
            touched.update(self._see(document))
        touched.update(self._missing(message))
        if message.collection.kind == "Pod":
            touched.update(each for each in self._floors if each.group_kind == CLAIM)
        return touched

    def related(self, ref: ObjectRef) -> Related:
        """What is known about a target now."""
        document = self._targets.get(ref)
        uid = uid_of(document) if document else ""
        owned = list(self._owned.get(uid, {}).values())
        replica_sets = [each for each in owned if each.get("kind") == "ReplicaSet"]
        pods = [each for each in owned if each.get("kind") == "Pod"]
        for replica_set in replica_sets:
            pods += self._owned.get(uid_of(replica_set), {}).values()
        about = [uid, *map(uid_of, replica_sets), *map(uid_of, pods)]
        return replace(
            self.facts,
            replica_sets=tuple(replica_sets),
            pods=tuple(pods),
            users=self._users_of(ref),
            events=tuple(event for each in about for event in self._events.get(each, {}).values()),
        )

    def _users_of(self, ref: ObjectRef) -> tuple[Document, ...] | None:
        """The pods that name a claim, once the pods of its namespace were listed."""
        listed = (each for each in self._members if each.kind == "Pod")
        if ref.group_kind != CLAIM or all(each.namespace != ref.namespace for each in listed):
            return None
        return tuple(self._users[ref].values())

    def _see(self, document: Document) -> Iterator[ObjectRef]:
        uid = uid_of(document)
        if document.get("kind") == "Event":
            about = str(get_in(document, ("involvedObject", "uid"), ""))
            if self.facts.is_recent(event_time(document)) and not is_of_the_future(document):
                self._events[about][uid] = document
                yield from self._climb(about)
            return
        ref = ref_of(document)
        if ref in self._floors:
            if (get_in(document, ("metadata", "generation")) or 0) < self._floors[ref]:
                return
            self._see_target(ref, document)
        owner = controller_of(document)
        if owner and document.get("kind") in ("Pod", "ReplicaSet"):
            self._owner_of[uid] = owner
            self._owned[owner][uid] = without(document, ("metadata", "managedFields"))
        if document.get("kind") == "Pod":
            yield from self._see_user(uid, document)
        yield from self._climb(uid)

    def _see_user(self, uid: str, pod: Document) -> Iterator[ObjectRef]:
        """The claims among the targets that a pod names, which is known of them from now on."""
        for claim in claims_of(pod):
            if claim in self._floors:
                self._users[claim][uid] = pod
                yield claim

    def _see_last(self, document: Document) -> Iterator[ObjectRef]:
        """Take in the last state of a pod, which its deletion brings along."""
        if document.get("kind") == "Pod" and controller_of(document) in self._target_of:
            gone = set_in(document, ("metadata", "deletionTimestamp"), "now")
            yield from self._see(gone)

    def _see_target(self, ref: ObjectRef, document: Document) -> None:
        self._targets[ref] = document
        self._target_of[uid_of(document)] = ref
        self.gone.discard(ref)

    def _forget(self, document: Document) -> Iterator[ObjectRef]:
        uid = uid_of(document)
        if document.get("kind") == "Event":
            return  # events expire; what they told stays true
        yield from self._climb(uid)
        for claim, users in self._users.items():
            if users.pop(uid, None):
                yield claim
        if ref := self._target_of.get(uid):
            self.gone.add(ref)
        owner = self._owner_of.get(uid, "")
        controller = self._target_of.get(owner)
        if controller is not None and controller.kind == "Job":
            return  # the pods of a Job that gives up are deleted, and they say why it did
        self._owner_of.pop(uid, None)
        self._owned[owner].pop(uid, None)

    def _missing(self, message: Snapshot) -> Iterator[ObjectRef]:
        """Targets of a collection that its LIST does not hold."""
        collection = message.collection
        names: set[str] = {ref_of(each).name for each in message.items}
        for ref in self._floors:
            same = (ref.api_version, ref.kind, ref.namespace) == (
                collection.api_version,
                collection.kind,
                collection.namespace,
            )
            selected = collection.field_selector in ("", f"metadata.name={ref.name}")
            if same and selected and ref.name not in names:
                self.gone.add(ref)
                yield ref

    def _climb(self, uid: str) -> Iterable[ObjectRef]:
        """The target that an object is, or belongs to."""
        for _ in range(_DEPTH):
            if ref := self._target_of.get(uid):
                return (ref,)
            uid = self._owner_of.get(uid, "")
            if not uid:
                break
        return ()


def _identity(document: Document) -> Document:
    """As little of an object as `_forget` needs."""
    metadata = document.get("metadata") or {}
    kept = {key: metadata.get(key) for key in ("name", "namespace", "uid") if key in metadata}
    return {
        "apiVersion": document.get("apiVersion"),
        "kind": document.get("kind"),
        "metadata": kept,
    }
