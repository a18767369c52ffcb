"""What a run writes about its release: that it begins, how it ends, and the record of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from aks_action.clients.ports import Cluster
from aks_action.errors import ActionError, Cancelled
from aks_action.model.documents import get_in
from aks_action.model.manifests import Document, ObjectRef
from aks_action.model.records import Attempt, History, Record, apply_sets, naming
from aks_action.model.records.secrets import record_secrets, release_secret
from aks_action.model.records.signing import Keys
from aks_action.runtime.records import store as record_store

_LONGEST_ERROR = 1000


class Keeper:
    """The release's own Secret as this run knows it, and its records.

    prune: whether the release is an ApplySet.    tell: takes a line for the log.
    keys:  sign what is written.
    """

    def __init__(
        self,
        cluster: Cluster,
        history: History,
        *,
        prune: bool,
        keys: Keys = (),
        tell: Callable[[str], None],
    ) -> None:
        self._cluster = cluster
        self._history = history
        self._prune = prune
        self._keys = keys
        self.tell = tell
        self._ref = naming.release_ref(history.release, history.namespace)
        self._secret = history.secret
        self._attempt = history.begun
        self._touched = history.touched
        self._members: tuple[ObjectRef, ...] = ()

    def begin(
        self, attempt: Attempt, *, touched: Iterable[ObjectRef], members: Iterable[ObjectRef]
    ) -> None:
        """Say what is begun, before anything else is written. Raises ActionError.

        touched: what this and earlier attempts may make.    members: where to look for it.
        """
        record_store.remove(self._cluster, self._history.orphans())
        self._attempt, self._touched = attempt, tuple(touched)
        self._members = tuple(members)
        self._write()

    def failed(self, error: ActionError) -> None:
        """Say why it failed. Whoever ended the run waits for no request more."""
        if self._attempt is None or isinstance(error, Cancelled):
            return
        told = f"{error.title}: {error}"[:_LONGEST_ERROR]
        self._attempt = replace(self._attempt, error=told)
        try:
            self._write()
        except ActionError as second:
            self.tell(f"That it failed could not be remembered: {second}")

    def write(self, record: Record, parts: Sequence[bytes]) -> None:
        """Write the record of what is healthy now, and remove old ones. Raises ActionError.

        parts: see `record_secrets`.
        """
        record_store.write(self._cluster, record_secrets(record, parts, self._keys))
        self.tell(f"Remembered as {record} of release `{record.release}`.")
        try:
            record_store.remove(self._cluster, self._history.surplus(record))
        except ActionError as error:
            self.tell(f"Old records stay: {error}")

    def settle(self, members: Iterable[ObjectRef]) -> None:
        """Say where the members are, if it is said otherwise. Raises ActionError."""
        self._members = tuple(members)
        if self._secret is not None and _marks(self._secret) != _marks(self._document()):
            self._write()

    def take_back(self) -> None:
        """What was begun last is rejected: it is no failure, and nothing to go on with."""
        self._attempt = None
        self._write()

    def _write(self) -> None:
        self._secret = self._document()
        record_store.write(self._cluster, [self._secret])

    def _document(self) -> Document:
        ref = self._ref
        labels, annotations = {}, {}
        if self._prune:
            labels = apply_sets.parent_labels(ref)
            annotations = apply_sets.parent_annotations(ref, self._members)
        return release_secret(
            ref,
            self._history.release,
            self._attempt,
            self._touched,
            labels=labels,
            annotations=annotations,
            keys=self._keys,
        )


def _marks(secret: Document) -> list[object]:
    """What a release's Secret says as an ApplySet, but for the tool's version."""
    keys = (apply_sets.KINDS, apply_sets.NAMESPACES)
    found = [get_in(secret, ("metadata", "annotations", key)) for key in keys]
    return [get_in(secret, ("metadata", "labels", apply_sets.ID)), *found]
