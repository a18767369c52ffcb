"""Old versions of configuration: how many are kept, and that their removal is not forgotten.

They are removed when all is healthy. A run that is cut off before that leaves nothing for the next
one to change, so the oldest of them carries an annotation until the removal is through.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from aks_action.model.configuration.marks import age, base_of, is_version
from aks_action.model.documents import get_in, set_in
from aks_action.model.manifests import Document, ObjectRef, ref_of
from aks_action.model.plan import Apply, Change, Delete, Plan, Stage
from aks_action.model.traffic.steps import Patch

REMOVAL_PENDING = "aks-action/removal-pending"
"""On a version (`true`) while the old ones, of which it is one, may still have to be removed."""

_PENDING_PATH = ("metadata", "annotations", REMOVAL_PENDING)


def surplus(
    bases: Mapping[ObjectRef, ObjectRef | None], live: Mapping[ObjectRef, Document], history: int
) -> tuple[ObjectRef, ...]:
    """The versions beyond the `history` newest of each base, the oldest first.

    bases: plain configuration, with the version that this run wants of it; None: the plain one.
    """
    found: dict[tuple[str, str, str], list[Document]] = {}
    for each in filter(is_version, live.values()):
        found.setdefault(base_of(each), []).append(each)
    old: list[Document] = []
    for base, wanted in bases.items():
        others = [
            each
            for each in found.get((base.kind, base.namespace, base.name), ())
            if ref_of(each) != wanted
        ]
        kept = history - (wanted is not None)
        newest_first = sorted(others, key=age, reverse=True)
        old += newest_first[kept:]
    return tuple(ref_of(each) for each in sorted(old, key=age))


def pending(old: Iterable[ObjectRef], live: Mapping[ObjectRef, Document]) -> tuple[ObjectRef, ...]:
    """The old versions that a run marked which was cut off before it had removed them."""
    return tuple(each for each in old if get_in(live[each], _PENDING_PATH) == "true")


def with_reminder(plan: Plan, old: Sequence[ObjectRef], history: int) -> Plan:
    """A checked plan that begins by marking the oldest of the old versions, if it changes anything.

    old: see `surplus`.
    """
    if not old or not any(_changes(each) for each in plan.applies):
        return plan
    reminder = Patch(
        ref=old[0],
        body=set_in({}, _PENDING_PATH, "true"),
        why="a reminder to remove old versions, should this run be cut off",
    )
    note = (
        "When all is healthy, old versions that nothing names any more are removed: "
        f"{', '.join(map(str, old))}, each with {history} newer ones."
    )
    return replace(
        plan,
        stages=(Stage(name="Remember old versions", steps=(reminder,)), *plan.stages),
        notes=(*plan.notes, note),
    )


def removal(
    old: Sequence[ObjectRef], unused: Collection[ObjectRef], marked: Collection[ObjectRef], why: str
) -> tuple[Stage, ...]:
    """The stages that remove what is unused of the old versions, those that are marked at last.

    A marked one that is in use goes on without its mark.
    """
    first = [Delete(ref=each, why=why) for each in old if each in unused and each not in marked]
    last = [
        Delete(ref=each, why=why)
        if each in unused
        else Patch(ref=each, body=set_in({}, _PENDING_PATH, None), why="it is still in use")
        for each in old
        if each in marked
    ]
    stages = (
        Stage(name="Remove old versions", steps=tuple(first)),
        Stage(name="Old versions are removed", steps=tuple(last)),
    )
    return tuple(each for each in stages if each.steps)


def _changes(apply: Apply) -> bool:
    return apply.assessment is None or apply.assessment.change is not Change.UNCHANGED
