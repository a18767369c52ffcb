"""What a release had: the objects that its kept records, and runs that were cut off, name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from aks_action.model.manifests import ObjectRef
from aks_action.model.records import History, Member
from aks_action.model.resources import ResourceTypes


@dataclass(frozen=True, slots=True, kw_only=True)
class Former:
    """An object that the release had.

    uid:    as it was recorded; empty where only a run that was not completed names it.
    of:     what had it last, as in `v1.2.0 (record 3)`.
    recent: whether that is the newest record, or the run that was not completed.
    """

    ref: ObjectRef
    uid: str
    of: str
    recent: bool


def formers(history: History, types: ResourceTypes) -> tuple[Former, ...]:
    """Every object that the release had, once, by what had it last.

    An API version that is not served any more stands for one that is: the object is the same.
    What no version is served of is left out.
    """
    served = {
        (each.api_version.rpartition("/")[0], each.kind): each.api_version
        for each in types.values()
    }
    found: dict[tuple[str, ...], Former] = {}
    for each in _newest_first(history):
        ref = each.ref
        if (ref.api_version, ref.kind) not in types:
            version = served.get((ref.group, ref.kind))
            if version is None:
                continue
            ref = replace(ref, api_version=version)
        known = found.setdefault(identity(ref), replace(each, ref=ref))
        if not known.uid and each.uid:  # it was there before the run that was not completed
            found[identity(ref)] = replace(known, uid=each.uid)
    return tuple(found.values())


def identity(ref: ObjectRef) -> tuple[str, ...]:
    """What names an object in any version of its API."""
    return ref.group, ref.kind, ref.namespace, ref.name


def _newest_first(history: History) -> Iterator[Former]:
    for ref in history.adrift:
        yield Former(ref=ref, uid="", of="a run that was not completed", recent=True)
    for record in reversed(history.records):
        for member in record.members:
            yield _of(member, str(record), recent=record is history.newest)


def _of(member: Member, of: str, *, recent: bool) -> Former:
    return Former(ref=member.ref, uid=member.uid, of=of, recent=recent)
