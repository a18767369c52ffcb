"""The plan: what will be done, in order, as data that can be shown, tested and carried out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from aks_action.model.manifests import Document, Manifest, ObjectRef
from aks_action.model.traffic.steps import TrafficStep
from aks_action.model.volumes.steps import VolumeStep


class Change(StrEnum):
    """What happens, or happened, to one object."""

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"
    RECREATED = "recreated"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field that differs. `path` as in `spec.template.spec.containers[web].image`.

    before, after: the values, already redacted for Secrets; None where there is no value.
    lines:         for a text of several lines in a ConfigMap, what differs as a unified diff.
    """

    path: str
    before: Any = None
    after: Any = None
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenField:
    """A field whose value another field manager had set and that this apply overwrites."""

    path: str
    manager: str


class Due(StrEnum):
    """Why an apply can only be checked, or has to be checked again, when its turn comes."""

    NEW_PLACE = "checked once its namespace or CRD exists"
    NEW_SCHEMA = "checked once its CRD is changed"
    REFERENCE = "checked once what it refers to exists"
    NO_DRY_RUN = "not checked, since an admission webhook supports no dry run"
    REPEATED = "checked again after the steps before it"
    DELETED = "checked once the one that is there is deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What the API server's dry-run says that an apply does.

    due:        why that is not the last word; None: it is.
    ownership:  a complete `metadata.managedFields` list to set before the apply, so that fields
                formerly owned by kubectl's apply belong to us and go away when they are no longer
                in the manifest; None when there is nothing to take over.
    """

    change: Change
    fields: tuple[FieldChange, ...] = ()
    taken: tuple[TakenField, ...] = ()
    ownership: tuple[Document, ...] | None = None
    due: Due | None = None

    @property
    def checked(self) -> bool:
        return self.due is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Apply:
    """Server-side apply of one manifest; `assessment` is filled in by the check."""

    manifest: Manifest
    assessment: Assessment | None = None

    @property
    def ref(self) -> ObjectRef:
        return self.manifest.ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """Put an object back that a run has changed (see `model.undoing.restoring`).

    manifest: what to apply.    before: the live object that it was, whose fields' owners come back.
    """

    manifest: Manifest
    before: Document

    @property
    def ref(self) -> ObjectRef:
        return self.manifest.ref

    def __str__(self) -> str:
        return f"{self.ref}  (as it was before this run)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Delete one object and wait until it is gone; an absent one is fine.

    if_failed: only a Job that has failed for good.
    uid: of the object that is meant; one that came to have its name stays. Empty: any.
    """

    ref: ObjectRef
    why: str
    if_failed: bool = False
    uid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Wait until every object is healthy by the rule of its kind (see `model.health`).

    logs:     what their pods write is told meanwhile.
    may_fail: what can never become healthy is fine, too: it has ended.
    steady:   seconds for which all of their pods have to be ready without a restart, too.
    advice:   what to do when it fails: a sentence, or empty.
    """

    manifests: tuple[Manifest, ...]
    logs: bool = False
    may_fail: bool = False
    steady: float = 0.0
    advice: str = ""

    def __str__(self) -> str:
        names = [str(each.ref) for each in self.manifests]
        who = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if names[3:] else "")
        steady = f" and steady for {self.steady:g} s" if self.steady else ""
        return f"until {who} {'are' if names[1:] else 'is'} healthy{steady}"


Step = Apply | Restore | Delete | Wait | TrafficStep | VolumeStep


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Steps that may run at the same time; the next stage starts when all have succeeded.

    undo: carried out when this stage fails, so that traffic goes where it went before; None
          where what was done may stay until the next run or a reject.
    """

    name: str
    steps: tuple[Step, ...]
    undo: Stage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """A workload that a Patch of the plan restarts, and the configuration that it reads anew."""

    ref: ObjectRef
    because: tuple[ObjectRef, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HookRun:
    """A Job that the plan runs to its end, and in which phase (see `model.hooks`)."""

    ref: ObjectRef
    phase: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Stages in order, and what the user should know about them."""

    stages: tuple[Stage, ...]
    notes: tuple[str, ...] = ()
    restarts: tuple[Restart, ...] = ()
    hooks: tuple[HookRun, ...] = ()

    @property
    def steps(self) -> Iterator[Step]:
        for stage in self.stages:
            yield from stage.steps

    @property
    def applies(self) -> Iterator[Apply]:
        return (step for step in self.steps if isinstance(step, Apply))
