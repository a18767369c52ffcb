"""The history of a release: its records as they are found, and which of them may go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from aks_action.model.manifests import Document, ObjectRef, ref_of
from aks_action.model.records import naming, secrets
from aks_action.model.records.packing import Unpackable
from aks_action.model.records.record import Attempt, Record

KEPT = 10
"""Records of a release that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A Secret that is labelled as a record and cannot be used; `why` ends no sentence."""

    ref: ObjectRef
    number: int
    why: str

    def __str__(self) -> str:
        number = f"record {self.number}, " if self.number else ""
        return f"{number}{self.ref}: {self.why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What is remembered of a release.

    records: those that can be read, the oldest first.
    begun:   what its own Secret says was begun last, whatever became of that.
    touched: what it says that attempts without a record may have made.
    secret:  the release's own Secret; None where there is none.
    """

    release: str
    namespace: str
    records: tuple[Record, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    begun: Attempt | None = None
    touched: tuple[ObjectRef, ...] = ()
    secret: Document | None = None

    @property
    def newest(self) -> Record | None:
        """The last good one."""
        return self.records[-1] if self.records else None

    @property
    def unfinished(self) -> Attempt | None:
        """What was begun last and has no record: it failed, was cut off, or is not promoted yet."""
        return self.begun if self.begun and self.begun.number not in self._numbers else None

    @property
    def next_number(self) -> int:
        begun = self.begun.number if self.begun else 0
        return max({begun, *self._numbers}) + 1

    @property
    def _numbers(self) -> set[int]:
        return {each.number for each in self.records} | {each.number for each in self.unreadable}

    @property
    def adrift(self) -> tuple[ObjectRef, ...]:
        """What attempts may have made since the last deploy that has pruned."""
        done = self.record(self.begun.number) if self.begun else None
        return () if done and done.pruned else self.touched

    def record(self, number: int) -> Record | None:
        return next((each for each in self.records if each.number == number), None)

    def surplus(self, after: Record) -> Iterator[ObjectRef]:
        """The Secrets that nobody needs once `after` is written, parts before what names them.

        Beyond the newest ones, that is one of the same content and version: it differs in when
        and by whom it was deployed, and would push an older version out.
        """
        newest = self.newest
        same = newest is not None and is_same_content(newest, after)
        kept = KEPT - 1
        others = self.records[:-1] if same else self.records
        gone = [*others[:-kept], *([newest] if newest and same else [])]
        for each in gone:
            yield from naming.part_refs(each.release, each.namespace, each.number, each.parts)
            yield naming.record_ref(each.release, each.namespace, each.number)
        oldest = others[-kept:][0].number if others else after.number
        for broken in self.unreadable:
            ours = naming.record_ref(self.release, self.namespace, broken.number)
            if broken.number < oldest and broken.ref == ours:
                yield broken.ref

    def orphans(self) -> tuple[ObjectRef, ...]:
        """Parts that an attempt may have left behind whose record was never written."""
        lost = self.unfinished
        if lost is None:
            return ()
        return naming.part_refs(self.release, self.namespace, lost.number, lost.parts)


def is_same_content(one: Record, other: Record) -> bool:
    return one.digest == other.digest and one.stamp.version == other.stamp.version


def read_history(found: Iterable[Document], release: str, namespace: str) -> History:
    """The history of a release, from the Secrets that have its label in its namespace."""
    own, records, unreadable = None, [], []
    for secret in found:
        if ref_of(secret) == naming.release_ref(release, namespace):
            own = secret
            continue
        number = _number(secret)
        try:
            record = secrets.read_record(secret)
            _check(record, release, namespace, number)
        except Unpackable as reason:
            unreadable.append(Unreadable(ref=ref_of(secret), number=number, why=str(reason)))
        else:
            records.append(record)
    return History(
        release=release,
        namespace=namespace,
        records=tuple(sorted(records, key=lambda each: each.number)),
        unreadable=tuple(sorted(unreadable, key=lambda each: each.number)),
        **_own(own),
    )


def _own(secret: Document | None) -> dict[str, Any]:
    """What cannot be read is taken for nothing: it is written anew by the next deploy."""
    if secret is None:
        return {}
    try:
        begun, touched = secrets.read_attempt(secret), secrets.read_touched(secret)
    except Unpackable:
        begun, touched = None, ()
    return {"begun": begun, "touched": touched, "secret": secret}


def _check(record: Record, release: str, namespace: str, number: int) -> None:
    if record.release != release:
        raise Unpackable(f"it is a record of release `{record.release}`, not of `{release}`")
    if record.namespace != namespace:
        raise Unpackable(
            f"it was written for namespace `{record.namespace}` and copied to `{namespace}`"
        )
    if record.number != number:
        raise Unpackable(f"it is record {record.number}, under another number")


def _number(secret: Document) -> int:
    text = str((secret["metadata"].get("labels") or {}).get(naming.RECORD, ""))
    return int(text) if text.isdecimal() else 0
