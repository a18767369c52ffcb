"""What a run remembers of its release: what it begins, why that failed, and what became healthy."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from aks_action.errors import ActionError, ApiError
from aks_action.model.manifests import Document, ObjectRef
from aks_action.model.plan import Apply, Change, Plan, Wait
from aks_action.model.records import History, Objects, Record, Stamp
from aks_action.model.records.making import attempt_of, is_news, members_of, record_of
from aks_action.runtime.records.keeping import Keeper


@dataclass(slots=True, kw_only=True)
class Remembering:
    """One run's part in the history of its release.

    target:    the record that is gone back to; None for a deploy.
    completes: whether the release is the new version when this run is at its end, and not only
               deployed beside it.
    had:       what the release had before.
    """

    keeper: Keeper
    history: History
    stamp: Stamp
    strategy: str
    target: Record | None
    prunes: bool
    completes: bool
    had: Collection[ObjectRef]
    _is_begun: bool = field(default=False, init=False)

    def writes(self, plan: Plan, objects: Objects) -> bool:
        """Whether anything is remembered of a run with this plan."""
        news = self.completes and is_news(self.history, self.stamp, objects)
        return news or any(map(_writes, plan.steps))

    def begin(self, plan: Plan, objects: Objects, refs: Collection[ObjectRef]) -> None:
        """Before the first write: what is begun, unless nothing is to be written at all.

        refs: what belongs to the release from now on. Raises ActionError.
        """
        if not self.writes(plan, objects):
            return
        self._is_begun = True
        newest = self.history.newest
        known = {each.ref for each in newest.members} if newest else set()
        parts = len(objects.parts) if self.completes else 0
        fresh = set(refs) - known if self.prunes else set()
        try:
            self.keeper.begin(
                attempt_of(
                    self.history, self.stamp, self.strategy, target=self.target, parts=parts
                ),
                touched=sorted({*self.history.adrift, *fresh}),
                members={*refs, *self.had},
            )
        except ApiError as error:
            # A namespace that comes with the first deploy has nothing to be remembered of before.
            if not (error.status == 404 and _brings(plan, self.history.namespace)):
                raise

    def failed(self, error: ActionError) -> None:
        """Why what was begun has failed."""
        if self._is_begun:
            self.keeper.failed(error)

    def rejected(self) -> None:
        """What was begun last is no more. Raises ActionError."""
        if self.history.unfinished:
            self.keeper.take_back()

    def finish(
        self,
        objects: Objects,
        refs: Collection[ObjectRef],
        live: Mapping[ObjectRef, Document],
    ) -> None:
        """When everything is healthy and pruned: the record, if anything is new.

        live: the objects as they are now. Raises ActionError.
        """
        if not self.completes:
            return
        members = members_of(refs, live)
        if self._is_begun and objects.too_large:
            self.keeper.tell(
                f"Not remembered, since nobody could go back to it: {objects.too_large}."
            )
        elif self._is_begun:
            record = record_of(
                self.history,
                self.stamp,
                objects,
                members,
                target=self.target,
                pruned=self.prunes,
            )
            self.keeper.write(record, objects.parts)
        if self.prunes:
            there = (each for each in self.had if each in live)
            self.keeper.settle({*(each.ref for each in members), *there})


def _writes(step: object) -> bool:
    if isinstance(step, Apply):
        return step.assessment is None or step.assessment.change is not Change.UNCHANGED
    return not isinstance(step, Wait)


def _brings(plan: Plan, namespace: str) -> bool:
    return any(each.ref.kind == "Namespace" and each.ref.name == namespace for each in plan.applies)
