"""What a run remembers: that something is to be remembered at all, and the record of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from aks_action.model.manifests import Document, ObjectRef
from aks_action.model.provenance import RunContext
from aks_action.model.records.history import History, is_same_content
from aks_action.model.records.objects import Objects
from aks_action.model.records.record import Attempt, Member, Record, Stamp


def stamp_of(run: RunContext, version: str, at: str, target: Record | None) -> Stamp:
    """Who deploys what now; of a rollback, the version and the commit of its target.

    at: RFC 3339.
    """
    return Stamp(
        version=target.stamp.version if target else version,
        commit=target.stamp.commit if target else run.sha,
        run=run.run_id,
        url=run.url if run.run_id else "",
        actor=run.actor,
        at=at,
    )


def is_news(history: History, stamp: Stamp, objects: Objects) -> bool:
    """Whether there is something to remember, even if nothing in the cluster changes.

    Another version or commit is, and so is that what was begun last is complete now.
    """
    newest = history.newest
    if newest is None or history.unfinished is not None:
        return True
    return (newest.digest, newest.stamp.version, newest.stamp.commit) != (
        objects.digest,
        stamp.version,
        stamp.commit,
    )


def attempt_of(
    history: History, stamp: Stamp, strategy: str, *, target: Record | None, parts: int
) -> Attempt:
    """What is begun. parts: of the record that it may leave."""
    return Attempt(
        number=history.next_number,
        stamp=stamp,
        strategy=strategy,
        rollback_of=target.origin if target else 0,
        target=target.number if target else 0,
        parts=parts,
    )


def members_of(refs: Iterable[ObjectRef], live: Mapping[ObjectRef, Document]) -> tuple[Member, ...]:
    """Those of some objects that are there, in a fixed order."""
    return tuple(
        Member(ref=ref, uid=str(live[ref]["metadata"].get("uid", "")))
        for ref in sorted(set(refs))
        if ref in live
    )


def record_of(
    history: History,
    stamp: Stamp,
    objects: Objects,
    members: tuple[Member, ...],
    *,
    target: Record | None,
    pruned: bool,
) -> Record:
    """The next record. One of the same content as a rollback's goes on standing where that does."""
    record = Record(
        release=history.release,
        namespace=history.namespace,
        number=history.next_number,
        stamp=stamp,
        digest=objects.digest,
        images=objects.images,
        members=members,
        pruned=pruned,
        packed=objects.packed,
        sources=target.sources if target else objects.packed_sources,
        rollback_of=target.origin if target else 0,
    )
    newest = history.newest
    if newest and not target and is_same_content(newest, record):
        return replace(record, rollback_of=newest.rollback_of)
    return record
