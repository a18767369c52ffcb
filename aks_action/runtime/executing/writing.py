"""Writing one object: apply it, make it anew, take over its fields, or delete it wholly."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

from aks_action.clients.clock import TimeLimit
from aks_action.clients.ports import Cluster, Propagation
from aks_action.errors import ApiError, ApplyError
from aks_action.model.applying.takeover import renewed
from aks_action.model.manifests import Document, Manifest, ObjectRef, ref_of
from aks_action.model.plan import Apply, Assessment, Change, Delete, Restore
from aks_action.model.volumes.steps import Renew
from aks_action.runtime.executing.journal import Journal

_OWNERSHIP_TRIES = 5


class Stopped(Exception):  # noqa: N818 - no error: the run was ended from outside
    """Raised in a worker that must not begin another request."""


def assessment_of(apply: Apply) -> Assessment:
    """What the check found; a plan that was not checked is a defect of the caller."""
    if apply.assessment is None:
        raise AssertionError(f"{apply.ref} was not checked before it was carried out")
    return apply.assessment


class Writer:
    """Writes objects from several threads, and knows them as the server last answered.

    live:  the objects by identity; filled further by every write.
    limit: ends the wait for objects that have to go first.
    keys:  sign what a later run has to believe.
    """

    def __init__(
        self,
        cluster: Cluster,
        limit: TimeLimit,
        journal: Journal,
        live: dict[ObjectRef, Document],
        keys: Sequence[str] = (),
    ) -> None:
        self._cluster = cluster
        self._limit = limit
        self._journal = journal
        self._live = live
        self._keys = keys
        self._stopped = threading.Event()
        self._generated: dict[tuple[object, ...], list[ObjectRef]] = {}
        self._defined: set[tuple[str, str]] = set()

    @property
    def defined(self) -> frozenset[tuple[str, str]]:
        """Group and kind of every definition that was written."""
        return frozenset(self._defined)

    def named(self, manifests: Iterable[Manifest]) -> list[Manifest]:
        """Manifests that were written, under the names that the server gave where it did."""
        generated = {place: iter(refs) for place, refs in self._generated.items()}
        found: list[Manifest] = []
        for manifest in manifests:
            if manifest.ref.name:
                found.append(manifest)
            elif ref := next(generated.get(_place(manifest), iter(())), None):
                found.append(manifest.with_document(self._live[ref]))
        return found

    def stop(self) -> None:
        """No thread begins another request; what it would have done stays in the journal."""
        self._stopped.set()

    def go_on(self) -> None:
        """Raises Stopped after `stop`."""
        if self._stopped.is_set():
            raise Stopped

    def write(self, step: Apply | Restore | Delete | Renew, entry: int) -> ObjectRef:
        """Carry out one step. entry: its number in the journal. Returns the object's identity."""
        if isinstance(step, Apply):
            return self._apply(step, entry)
        if isinstance(step, Renew):
            return self._renew(step, entry)
        if isinstance(step, Restore):
            return self._restore(step)
        live = self._live.pop(step.ref, None) or self._cluster.get(step.ref)
        if live is None or step.uid not in ("", live["metadata"].get("uid")):
            return step.ref
        other = self._delete_wholly(step.ref, live, entry)
        if other and not step.uid:
            self._delete_wholly(step.ref, other, entry)  # made since this run looked at it
        return step.ref

    def _apply(self, apply: Apply, entry: int) -> ObjectRef:
        assessment = assessment_of(apply)
        live = self._live.get(apply.ref)
        if assessment.change is Change.RECREATED and live is not None:
            self._delete_wholly(apply.ref, live, entry)
            self._journal.reached(entry, "It was deleted, and not created again.")
            self.go_on()
        elif assessment.ownership is not None and live is not None:
            taken, version = assessment.ownership, apply.ref.api_version
            self._set_owners(apply.ref, live, taken, lambda now: renewed(taken, now, version))
            self.go_on()
        if apply.ref.name:
            made = self._cluster.apply(apply.manifest.document)
        else:
            made = self._cluster.create(apply.manifest.document)
            self._generated.setdefault(_place(apply.manifest), []).append(ref_of(made))
        ref = ref_of(made)
        self._live[ref] = made
        if made["metadata"].get("deletionTimestamp"):
            why = f"is being deleted{_by_whom(made)}"
            raise ApplyError(f"{ref} {why} Run this again when it is gone.")
        if ref.kind == "CustomResourceDefinition":
            spec = made["spec"]
            self._defined.add((spec["group"], spec["names"]["kind"]))
        return ref

    def _restore(self, step: Restore) -> ObjectRef:
        """Apply what it was, and let everybody own again what they did."""
        from aks_action.model.undoing.restoring import owners_again  # noqa: PLC0415 - a way back alone

        self._live[step.ref] = made = self._cluster.apply(step.manifest.document)
        if wanted := owners_again(step.before, made):
            self.go_on()
            self._set_owners(step.ref, made, wanted, lambda now: owners_again(step.before, now))
        return step.ref

    def _renew(self, step: Renew, entry: int) -> ObjectRef:
        from aks_action.runtime.executing import renewing  # noqa: PLC0415 - only where volumes grow

        def orphan(ref: ObjectRef, live: Document) -> None:
            self._delete_wholly(ref, live, entry, "Orphan")
            self._journal.reached(entry, "It was deleted without its pods; run this again.")
            self.go_on()

        self._live[step.ref] = renewing.renew(step, self._cluster, orphan, self._keys)
        return step.ref

    def _set_owners(
        self,
        ref: ObjectRef,
        live: Document,
        owners: Sequence[Document],
        again: Callable[[Document], Sequence[Document] | None],
    ) -> None:
        """Set the managedFields; where the object moved on meanwhile, `again` for what it is."""
        current: Document | None = live
        wanted: Sequence[Document] | None = owners
        for attempt in range(1, _OWNERSHIP_TRIES + 1):
            if current is None or wanted is None:
                return
            version = str(current["metadata"].get("resourceVersion", ""))
            try:
                self._cluster.set_field_owners(ref, wanted, resource_version=version)
            except ApiError as error:
                if error.status != 409 or attempt == _OWNERSHIP_TRIES:
                    raise
            else:
                return
            current = self._cluster.get(ref)
            wanted = again(current) if current else None

    def _delete_wholly(
        self, ref: ObjectRef, live: Document, entry: int, propagation: Propagation = "Background"
    ) -> Document | None:
        """Delete this very object (by its uid) and wait until it is gone.

        Returns another object that has its name by then.
        """
        uid = str(live["metadata"].get("uid", ""))
        gone = self._cluster.delete(ref, uid=uid, propagation=propagation)
        self._journal.reached(entry, "Its deletion was asked for.")
        pause = 0.05
        while not gone:
            now = self._cluster.get(ref)
            if now is None or now["metadata"].get("uid") != uid:
                return now
            if self._limit.is_over:
                raise ApplyError(_not_gone(ref, now))
            self._limit.clock.sleep(pause)
            pause = min(pause * 1.5, 1.0)
            self.go_on()
        return None


def _place(manifest: Manifest) -> tuple[object, ...]:
    """What tells manifests without a name apart."""
    return manifest.source, manifest.ref, manifest.document["metadata"].get("generateName")


def _not_gone(ref: ObjectRef, live: Document) -> str:
    return f"{ref} was deleted but is not gone within the time limit{_by_whom(live)}"


def _by_whom(live: Document) -> str:
    """The end of a sentence about what does not go."""
    finalizers = ", ".join(live["metadata"].get("finalizers") or ())
    return f". Its finalizers are still to be worked off: {finalizers}." if finalizers else "."
