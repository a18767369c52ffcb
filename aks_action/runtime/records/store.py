"""The Secrets of a release in the cluster: read by one LIST, written so that any may be the last.

A record counts from the moment at which its own Secret is there; its parts are there before, and
the release's Secret has said before that which parts these may be.
"""

from __future__ import annotations

from collections.abc import Iterable

from aks_action.clients.ports import Cluster
from aks_action.errors import ActionError, ApiError, AuthError
from aks_action.model.bounded import Unpackable
from aks_action.model.manifests import Document, ManifestSet, ObjectRef
from aks_action.model.records import History, Record, naming, open_objects, read_history
from aks_action.model.records.objects import PART_BYTES
from aks_action.model.records.packing import decoded
from aks_action.model.records.selection import unusable
from aks_action.model.records.signing import Keys
from aks_action.runtime import parallel

_NEEDS = "`release-name` needs get, list, patch and delete for Secrets there."


def read(cluster: Cluster, release: str, namespace: str, keys: Keys = ()) -> History:
    """The history of a release. keys: see `read_history`. Raises ActionError."""
    try:
        listing = cluster.list(
            "v1", "Secret", namespace=namespace, label_selector=naming.selector(release)
        )
    except ApiError as error:
        raise _explained(error) from error
    return read_history(listing.items, release, namespace, keys)


def objects(cluster: Cluster, history: History, record: Record) -> ManifestSet:
    """What a record holds. Raises Conflict where it is not what was written."""
    refs = naming.part_refs(record.release, record.namespace, record.number, record.parts)
    try:
        return open_objects(record, record.packed or b"".join(_parts(cluster, refs)))
    except Unpackable as reason:
        raise unusable(history, f"{record} is not readable: {reason}") from None


def _parts(cluster: Cluster, refs: Iterable[ObjectRef]) -> list[bytes]:
    def part(ref: ObjectRef) -> bytes:
        found = cluster.get(ref)
        if found is None:
            raise Unpackable(f"its part {ref} is missing")
        data = decoded(found, "part")
        if len(data) > PART_BYTES:
            raise Unpackable(f"its part {ref} is larger than any that was written")
        return data

    return parallel.each(part, refs)


def write(cluster: Cluster, secrets: Iterable[Document]) -> None:
    """Write Secrets one after the other. Raises ActionError."""
    for secret in secrets:
        try:
            cluster.apply(secret)
        except ApiError as error:
            raise _explained(error) from error


def remove(cluster: Cluster, refs: Iterable[ObjectRef]) -> None:
    """Delete Secrets one after the other; those that are gone are fine. Raises ActionError."""
    for ref in refs:
        cluster.delete(ref)


def _explained(error: ApiError) -> ActionError:
    """What a role lacks, with what the input asks of it."""
    denied = error.exit_code == AuthError.exit_code
    return AuthError(f"{error} {_NEEDS}") if denied else error
