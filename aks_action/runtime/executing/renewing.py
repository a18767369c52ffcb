"""Making a StatefulSet anew around its running pods, so that a run may be cut off anywhere.

In this order: the mark on the StatefulSet, the journal, the deletion that leaves the pods, the new
StatefulSet, its fields' owners, the end of the journal. The mark stays until the volumes have
grown. `finish` does what a run that was cut off has left to do.
"""

from __future__ import annotations

from collections.abc import Callable

from aks_action.clients.ports import Clock, Cluster
from aks_action.errors import ApiError, ApplyError
from aks_action.model.documents import get_in
from aks_action.model.manifests import Document, ObjectRef
from aks_action.model.records.signing import Keys
from aks_action.model.volumes.marks import MARKED, UNMARKED
from aks_action.model.volumes.renewal import Journal, journal_of
from aks_action.model.volumes.steps import Renew

_TRIES = 5
_PAUSE = 0.05

Orphaned = Callable[[ObjectRef, Document], None]
"""Deletes this very object without what it owns, and returns when it is gone."""


def renew(step: Renew, cluster: Cluster, orphan: Orphaned, keys: Keys = ()) -> Document:
    """Make a StatefulSet anew with larger templates; returns the new one.

    keys: sign the journal.
    Raises ApplyError (ApiError for an answer) with the StatefulSet as it was, or with the journal
    there from which the next run goes on.
    """
    if cluster.get(step.ref) is None:
        raise ApplyError(f"{step.ref} is gone; its volumes were to grow. Run this again.")
    live = cluster.patch(step.ref, MARKED)
    journal = journal_of(live, step.sizes)
    cluster.apply(journal.secret(keys))
    orphan(step.ref, live)
    return _made(journal, cluster)


def finish(journal: Journal, cluster: Cluster, clock: Clock, deadline: float) -> bool:
    """Go on where a run was cut off; whether the StatefulSet had to be made again.

    One that the run had not come to delete is left as it is.
    """
    live = _settled(journal.ref, cluster, clock, deadline)
    if live is not None and journal.is_about(live):
        cluster.delete(journal.secret_ref)
        cluster.patch(journal.ref, UNMARKED)
        return False
    _made(journal, cluster)
    return live is None


def _settled(ref: ObjectRef, cluster: Cluster, clock: Clock, deadline: float) -> Document | None:
    """What is live when no deletion is under way any more."""
    while (live := cluster.get(ref)) is not None:
        if not get_in(live, ("metadata", "deletionTimestamp")):
            return live
        if clock.now() >= deadline:
            raise ApplyError(f"{ref} was deleted but is not gone within the time limit.")
        clock.sleep(_PAUSE)
    return None


def _made(journal: Journal, cluster: Cluster) -> Document:
    """The new StatefulSet, created if it is not there yet, with its owners; ends the journal."""
    if cluster.get(journal.ref) is None:
        try:
            cluster.create(journal.anew)
        except ApiError as error:
            if error.status != 409:  # an answer that was lost: it is there after all
                raise
    _restore_owners(journal, cluster)
    cluster.delete(journal.secret_ref)
    return _existing(journal.ref, cluster)


def _restore_owners(journal: Journal, cluster: Cluster) -> None:
    """The controller writes the status of what is new at once, so the first try often fails."""
    for attempt in range(1, _TRIES + 1):
        made = _existing(journal.ref, cluster)
        owners = journal.owners(made)
        if owners is None:
            return
        version = str(get_in(made, ("metadata", "resourceVersion"), ""))
        try:
            cluster.set_field_owners(journal.ref, owners, resource_version=version)
        except ApiError as error:
            if error.status != 409 or attempt == _TRIES:
                raise
        else:
            return


def _existing(ref: ObjectRef, cluster: Cluster) -> Document:
    live = cluster.get(ref)
    if live is None:
        raise ApplyError(f"{ref} was made anew and is gone again. Run this again.")
    return live
