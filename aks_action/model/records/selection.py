"""Which record a rollback goes back to."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aks_action.errors import ActionError, Conflict, InputError
from aks_action.model.records.history import History
from aks_action.model.records.record import Attempt, Record, Stamp
from aks_action.model.strategy_settings import Strategy

_MOST_TOLD = 10
_COMMIT = re.compile(r"[0-9a-f]{7,40}")


def chosen(history: History, to: str, run: str) -> Record:
    """The record to go back to.

    to:  a version, the number of a record, or a commit; of several the newest. Empty: the last
         good one before what is there now.
    run: the id of this workflow run. What it has gone back to already is where it goes when it is
         run again.
    Raises InputError for a place that there is none of, Conflict where none can be told.
    """
    if to:
        return _named(history, to)
    _refuse_without_newest(history)
    lost = history.unfinished
    if lost and lost.rollback_of:
        return _going_on(history, lost)
    found = _default(history, run)
    if found is None:
        newest = history.newest
        raise Conflict(
            f"There is no good record of release `{history.release}` before {newest} to go back "
            f"to. {versions(history)}"
        )
    return found


def refuse_begun_otherwise(history: History, strategy: Strategy) -> None:
    """Raises Conflict where another strategy has begun something that it has to end first."""
    lost = history.unfinished
    if lost and lost.strategy not in (Strategy.BASIC, strategy):
        raise Conflict(
            f"{lost.stamp.version} was begun with strategy {lost.strategy}, and neither "
            "promoted nor rejected. Nothing was changed. Reject it first, or give the "
            f"rollback `strategy: {lost.strategy}` and what goes with it."
        )


def _named(history: History, to: str) -> Record:
    newest_first = tuple(reversed(history.records))
    by_version = (each for each in newest_first if each.stamp.version == to)
    by_number = (each for each in newest_first if str(each.number) == to)
    by_commit = (each for each in newest_first if _is_commit(each, to))
    for candidates in (by_version, by_number, by_commit):
        if found := next(candidates, None):
            return found
    broken = next((each for each in history.unreadable if str(each.number) == to), None)
    if broken:
        raise unusable(history, str(broken))
    raise InputError(
        f"Input `to`: release `{history.release}` in namespace {history.namespace} has no good "
        f"record of `{to}`. {versions(history)}"
    )


def _is_commit(record: Record, to: str) -> bool:
    return bool(_COMMIT.fullmatch(to)) and record.stamp.commit.startswith(to)


def _refuse_without_newest(history: History) -> None:
    """What is there now has to be known, or what comes before it cannot be."""
    if history.doubt:
        raise unusable(history, f"what was begun last is not known ({history.doubt})")
    broken = history.unreadable[-1] if history.unreadable else None
    if broken and (not history.newest or broken.number > history.newest.number):
        raise unusable(history, f"the newest one is not readable ({broken})")
    if not history.newest:
        raise Conflict(
            f"Release `{history.release}` in namespace {history.namespace} has no good record to "
            "go back to. A deploy with this `release-name` leaves one when everything is healthy."
        )


def _going_on(history: History, lost: Attempt) -> Record:
    """Where a rollback was going that was not completed: never further, and never forward.

    One that a version began which did not say so is known by what it was going back to.
    """
    same = (each for each in reversed(history.records) if each.origin == lost.rollback_of)
    found = history.record(lost.target) if lost.target else next(same, None)
    if found is None or found.origin != lost.rollback_of:
        number = lost.target or lost.rollback_of
        raise unusable(
            history,
            f"the rollback to {lost.stamp.version} (record {number}) was not completed, and that "
            "record is not there any more",
        )
    return found


def _default(history: History, run: str) -> Record | None:
    newest = history.newest
    if newest is None:
        return None
    if history.unfinished:  # a deploy that failed or was cut off
        return newest
    if newest.rollback_of and run and newest.stamp.run == run:
        return newest
    before = (each for each in reversed(history.records) if each.number < newest.origin)
    return next((each for each in before if each.digest != newest.digest), None)


def unusable(history: History, what: str) -> ActionError:
    """The error for a record that is there and cannot be gone back to."""
    return Conflict(
        f"Release `{history.release}` in namespace {history.namespace} cannot go back: {what}. "
        f"Say with `to` where it is to go. {versions(history)}"
    )


def versions(history: History) -> str:
    """A sentence with what there is to go back to, the newest first."""
    good = ", ".join(f"{each} of {each.stamp.at[:10]}" for each in reversed(history.records))
    sentence = f"There are: {good}." if good else "There is no good record."
    if history.unreadable:
        newest = history.unreadable[-_MOST_TOLD:]
        broken = "; ".join(map(str, newest))
        more = len(history.unreadable) - len(newest)
        sentence += f" These cannot be used: {f'{more} older ones; ' if more else ''}{broken}."
    return sentence


def told(history: History, target: Record) -> Iterator[str]:
    """What a user should know of where a rollback goes, and what from."""
    yield f"Going back to {target}, deployed {target.stamp.at}{_by(target.stamp)}."
    if lost := history.unfinished:
        how = lost.error or "It was not completed."
        yield f"What was begun last is {lost.stamp.version}{_by(lost.stamp)}. {how}"


def _by(stamp: Stamp) -> str:
    by = f" by {stamp.actor}" if stamp.actor else ""
    return f"{by} ({stamp.url})" if stamp.url else by
