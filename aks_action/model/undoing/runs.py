"""A run that has failed, as the way back needs to know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from aks_action.errors import Source
from aks_action.model.applying.field_ownership import FIELD_MANAGER, entries, is_kubectls
from aks_action.model.manifests import Document, Manifest, ObjectRef
from aks_action.model.outcomes import Outcome
from aks_action.model.plan import Change, Plan
from aks_action.model.volumes.steps import Renew

Live = Mapping[ObjectRef, Document]


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run that has failed. Every mapping is by identity.

    before:   what was observed before the plan was made.
    outcomes: what it wrote, or may have written.
    now:      the objects of the outcomes as they are; those that are gone are absent.
    at:       when the way back begins, RFC 3339.
    """

    plan: Plan
    before: Live
    outcomes: tuple[Outcome, ...]
    now: Live
    at: str
    applied: Mapping[ObjectRef, Manifest] = field(init=False)

    def __post_init__(self) -> None:
        applied = {each.ref: each.manifest for each in self.plan.applies}
        object.__setattr__(self, "applied", applied)

    @cached_property
    def written(self) -> dict[ObjectRef, Outcome]:
        """The first thing that was done to each object; hooks are left alone.

        What failed counts where the object says so: a refused write has changed nothing, and one
        whose answer was lost may have.
        """
        hooks = {each.ref for each in self.plan.hooks}
        found: dict[ObjectRef, Outcome] = {}
        for each in self.outcomes:
            if each.change is Change.UNCHANGED or each.ref in hooks:
                continue
            if not each.error or each.health or self._is_changed(each.ref):
                found.setdefault(each.ref, each)
        return found

    def _is_changed(self, ref: ObjectRef) -> bool:
        before, now = self.before.get(ref), self.now.get(ref)
        if before is None:
            return now is not None and bool(_written_by_us(now))
        if now is None or before["metadata"].get("uid") != now["metadata"].get("uid"):
            return True
        if before["metadata"].get("resourceVersion", 0) == now["metadata"].get("resourceVersion"):
            return False
        return _written_by_us(before) != _written_by_us(now) or _content(before) != _content(now)

    @cached_property
    def renewed(self) -> frozenset[ObjectRef]:
        """The StatefulSets that it made anew around their pods."""
        return frozenset(step.ref for step in self.plan.steps if isinstance(step, Renew))

    def source(self, ref: ObjectRef) -> Source:
        manifest = self.applied.get(ref)
        return manifest.source if manifest else Source(file="cluster")


def _written_by_us(document: Document) -> list[Document]:
    """Who owns its fields, and since when, as far as this action writes that."""
    mine = (each for each in entries(document) if each.get("manager") == FIELD_MANAGER)
    taken = (each for each in entries(document) if is_kubectls(each))
    return [*mine, *taken]


def _content(document: Document) -> Document:
    return {key: each for key, each in document.items() if key not in ("metadata", "status")}
