"""The history of a release: its records as they are found, and which of them may go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from aks_action.model.bounded import Unpackable, whole_number
from aks_action.model.documents import get_in
from aks_action.model.manifests import Document, ObjectRef, ref_of
from aks_action.model.records import naming, secrets, signing
from aks_action.model.records.record import Attempt, Record

KEPT = 10
"""Records of a release that are kept."""

MOST_RECORDS = 50
"""That are read. Who may not delete Secrets keeps more, but nobody goes back that far."""

_MOST_MEMBERS = KEPT * secrets.MOST_OBJECTS
"""That all records together may name."""


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
    doubt:   why both of these are not known, though there is such a Secret; ends no sentence.
    secret:  the release's own Secret; None where there is none.
    """

    release: str
    namespace: str
    records: tuple[Record, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    begun: Attempt | None = None
    touched: tuple[ObjectRef, ...] = ()
    doubt: str = ""
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
        """Of the record that this run may write.

        Somebody can use numbers up to the last; those of what cannot be read are passed over then.
        An attempt that is not known may have left parts under the next one, which never change.
        """
        known = {self.begun.number if self.begun else 0, *(each.number for each in self.records)}
        following = max(known | self._numbers) + 1 + bool(self.doubt)
        if following <= secrets.MOST_NUMBER:
            return following
        return next(each for each in count(max(known) + 1) if each not in self._numbers)

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
        needed = self.unfinished.target if self.unfinished else 0
        old = (each for each in others[:-kept] if each.number != needed)
        gone = [*old, *([newest] if newest and same else [])]
        for each in gone:
            yield from naming.part_refs(each.release, each.namespace, each.number, each.parts)
            yield naming.record_ref(each.release, each.namespace, each.number)
        oldest = others[-kept].number if len(others) >= kept else 0
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


def read_history(
    found: Iterable[Document], release: str, namespace: str, keys: signing.Keys = ()
) -> History:
    """The history of a release, from the Secrets that have its label in its namespace.

    keys: what is not signed with one of them is not believed; without any everything is.
    """
    labelled = {ref_of(each): each for each in found}
    own = labelled.pop(naming.release_ref(release, namespace), None)
    records: list[Record] = []
    unreadable: list[Unreadable] = []
    for ref, secret in sorted(labelled.items(), key=lambda each: -_number(each[1])):
        number = _number(secret)
        try:
            _check_amount(records, unreadable)
            record = secrets.read_record(secret, keys)
            _check(record, release, namespace, number, ref)
        except Unpackable as reason:
            unreadable.append(Unreadable(ref=ref, number=number, why=str(reason)))
        else:
            records.append(record)
    newest = max((each.number for each in records), default=0)
    return History(
        release=release,
        namespace=namespace,
        records=tuple(sorted(records, key=lambda each: each.number)),
        unreadable=tuple(sorted(unreadable, key=lambda each: each.number)),
        **_own(own, keys, newest),
    )


def _own(secret: Document | None, keys: signing.Keys, newest: int) -> dict[str, Any]:
    """What cannot be read the next deploy writes anew; a rollback has to be told where to."""
    if secret is None:
        return {}
    try:
        begun, touched = secrets.read_attempt(secret, keys), secrets.read_touched(secret, keys)
        _check_newest(begun, newest)
    except Unpackable as reason:
        return {"doubt": f"{ref_of(secret)}: {reason}", "secret": secret}
    return {"begun": begun, "touched": touched, "secret": secret}


def _check_newest(begun: Attempt | None, newest: int) -> None:
    """Whether what was begun is what was begun last: a record is begun before it is written.

    Somebody may have put the Secret back to what it said before, which was signed, too.
    """
    if begun is not None and begun.number < newest:
        raise Unpackable(
            f"it tells of record {begun.number} as begun last, and record {newest} is there"
        )


def _check_amount(records: Sequence[Record], unreadable: Sequence[Unreadable]) -> None:
    """Whether one more is read, from the newest on."""
    if len(records) + len(unreadable) >= MOST_RECORDS:
        raise Unpackable(f"it is not one of the newest {MOST_RECORDS}")
    if sum(len(each.members) for each in records) > _MOST_MEMBERS:
        raise Unpackable(f"newer ones name more than {_MOST_MEMBERS} objects already")


def _check(record: Record, release: str, namespace: str, number: int, ref: ObjectRef) -> None:
    if record.release != release:
        raise Unpackable(f"it is a record of release `{record.release}`, not of `{release}`")
    if record.namespace != namespace:
        raise Unpackable(
            f"it was written for namespace `{record.namespace}` and copied to `{namespace}`"
        )
    if record.number != number or ref != naming.record_ref(release, namespace, number):
        raise Unpackable(f"it is record {record.number}, under another number or name")
    if not number:
        raise Unpackable("it has no number")


def _number(secret: Document) -> int:
    label = get_in(secret, ("metadata", "labels", naming.RECORD))
    return whole_number(label, secrets.MOST_NUMBER) or 0
