"""The executor: carries out a checked plan, stage by stage, in parallel inside a stage."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent import futures
from dataclasses import dataclass
from datetime import datetime

from aks_action.clients.ports import Clock, Cluster
from aks_action.errors import ActionError, ApiError, ApplyError, AuthError, ManifestError, Problem
from aks_action.model.field_ownership import renewed
from aks_action.model.health import Trouble
from aks_action.model.manifests import Document, Manifest, ObjectRef, ref_of
from aks_action.model.observed import Observed
from aks_action.model.plan import Apply, Assessment, Change, Delete, Plan, Stage, Wait
from aks_action.model.refusals import read
from aks_action.runtime import checking, parallel, waiting
from aks_action.runtime.journal import Journal

_DISCOVERY = 10.0
"""Seconds in which the API server publishes a kind after its definition was established."""
_NEW_SCHEMA = 3.0
"""Seconds in which it serves the new schema of a definition that was changed."""
_OWNERSHIP_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a run works with.

    deadline: a value of `clock.now()`; ends every wait.
    since:    wall-clock time (UTC, aware) at which the run began to write.
    tell:     takes a line of progress; the text may hold text from the cluster.
    warn:     takes a trouble of something that is waited for, see `waiting.wait`.
    grace:    seconds that requests under way get to end when the run is ended.

    `tell` is called from several threads, one line a call.
    """

    cluster: Cluster
    clock: Clock
    deadline: float
    since: datetime
    tell: Callable[[str], None]
    warn: Callable[[Manifest, Trouble], None]
    grace: float = 2.0


def execute(
    plan: Plan,
    observed: Observed,
    rules: checking.ApplyRules,
    journal: Journal,
    surroundings: Surroundings,
) -> None:
    """Carry out every stage in order; what became of each object is in the journal at any time.

    plan: as `checking.check` returned it: every Apply has its assessment.

    When a step fails, the others of its stage are finished and no further stage is begun.
    Raises ApplyError (AuthError when all are permissions) with every failed step and its place,
    ManifestError from objects that could only be checked now, RolloutFailed or RolloutTimeout
    from a wait, and lets `Cancelled` through within two seconds.
    """
    with parallel.workers() as pool:
        execution = _Execution(observed, rules, journal, surroundings, pool)
        for stage in plan.stages:
            execution.run(stage)


class _Stopped(Exception):  # noqa: N818 - no error: the run was ended from outside
    """Raised in a worker that must not begin another request."""


class _Execution:
    """One run: the live objects as this run knows them, and what several threads share."""

    def __init__(
        self,
        observed: Observed,
        rules: checking.ApplyRules,
        journal: Journal,
        surroundings: Surroundings,
        pool: futures.Executor,
    ) -> None:
        self._live: dict[ObjectRef, Document] = dict(observed.live)
        self._rules = rules
        self._journal = journal
        self._surroundings = surroundings
        self._cluster = surroundings.cluster
        self._clock = surroundings.clock
        self._pool = pool
        self._stopped = threading.Event()
        self._made: dict[tuple[object, ...], list[ObjectRef]] = {}
        self._defined: set[tuple[str, str]] = set()

    def run(self, stage: Stage) -> None:
        steps = [step for step in stage.steps if isinstance(step, Delete)]
        applies = self._checked([step for step in stage.steps if isinstance(step, Apply)])
        for apply in applies:
            if _assessment(apply).change is Change.UNCHANGED:
                self._journal.skip(apply.ref, apply.manifest.source)
        changing = [each for each in applies if _assessment(each).change is not Change.UNCHANGED]
        self._carry_out([*steps, *changing])
        for step in stage.steps:
            if isinstance(step, Wait):
                self._wait(step)

    def _checked(self, applies: Sequence[Apply]) -> list[Apply]:
        """The applies with the assessments that could not be made before this stage."""
        late = [apply for apply in applies if not _assessment(apply).checked]
        if not late:
            return list(applies)
        self._await_kinds({(apply.ref.api_version, apply.ref.kind) for apply in late})
        rechecked = iter(self._rechecked(late))
        return [apply if _assessment(apply).checked else next(rechecked) for apply in applies]

    def _rechecked(self, late: Sequence[Apply]) -> list[Apply]:
        """Objects of a definition that this run changed get some time for its new schema."""
        of_definition = any((a.ref.group, a.ref.kind) in self._defined for a in late)
        until = self._clock.now() + (_NEW_SCHEMA if of_definition else 0.0)
        while True:
            try:
                return checking.recheck(late, self._cluster, self._rules, self._live)
            except (ManifestError, ApplyError):
                if self._clock.now() >= until:
                    raise
            self._clock.sleep(0.2)

    def _await_kinds(self, kinds: set[tuple[str, str]]) -> None:
        """Discovery lags behind a definition that is established by up to some seconds."""
        until = min(self._clock.now() + _DISCOVERY, self._surroundings.deadline)
        missing = kinds - self._cluster.types().keys()
        while missing and self._clock.now() < until:
            missing = kinds - self._cluster.types(refresh=True).keys()
            if missing:
                self._clock.sleep(0.2)

    def _carry_out(self, steps: Sequence[Apply | Delete]) -> None:
        """All steps at once; every failure is raised in one error when the last has ended."""
        running = {self._pool.submit(self._attempt, step): step for step in steps}
        try:
            futures.wait(running)
        except BaseException:
            self._stopped.set()
            for future in running:
                future.cancel()
            futures.wait(running, timeout=self._surroundings.grace)
            raise
        self._raise_failures([(step, future.exception()) for future, step in running.items()])

    def _raise_failures(self, ended: Sequence[tuple[Apply | Delete, BaseException | None]]) -> None:
        failed: list[tuple[Apply | Delete, ActionError]] = []
        for step, error in ended:
            if isinstance(error, ActionError):
                failed.append((step, error))
            elif error is not None:
                raise error
        if failed:
            permission = all(error.exit_code == AuthError.exit_code for _, error in failed)
            kind = AuthError if permission else ApplyError
            raise kind(*(self._problem(step, error) for step, error in failed))

    def _problem(self, step: Apply | Delete, error: ActionError) -> Problem:
        if isinstance(step, Delete):
            return Problem(message=str(error))
        if isinstance(error, ApiError):
            return read(step.manifest, self._live.get(step.ref), error).problem
        return Problem(message=str(error), source=step.manifest.source)

    def _attempt(self, step: Apply | Delete) -> None:
        """One step in a worker, with its entry in the journal."""
        self._go_on()
        if isinstance(step, Apply):
            change, source = _assessment(step).change, step.manifest.source
        elif step.ref in self._live or self._cluster.get(step.ref) is not None:
            change, source = Change.DELETED, None
        else:
            return
        entry = self._journal.begin(step.ref, source, change)
        try:
            ref = self._written(step, entry)
        except ActionError as error:
            self._journal.end(entry, error=self._problem(step, error).message)
            raise
        self._journal.end(entry, ref=ref)
        self._surroundings.tell(f"{ref} {change}")

    def _written(self, step: Apply | Delete, entry: int) -> ObjectRef:
        if isinstance(step, Apply):
            return self._apply(step, entry)
        live = self._cluster.get(step.ref)
        if live is not None:
            self._delete_wholly(step.ref, live, entry)
        self._live.pop(step.ref, None)
        return step.ref

    def _apply(self, apply: Apply, entry: int) -> ObjectRef:
        assessment = _assessment(apply)
        live = self._live.get(apply.ref)
        if assessment.change is Change.RECREATED and live is not None:
            self._delete_wholly(apply.ref, live, entry)
            self._journal.reached(entry, "It was deleted, and not created again.")
            self._go_on()
        elif assessment.ownership is not None and live is not None:
            self._take_ownership(apply.ref, live, assessment.ownership)
            self._go_on()
        if apply.ref.name:
            made = self._cluster.apply(apply.manifest.document)
        else:
            made = self._cluster.create(apply.manifest.document)
            self._made.setdefault(_place(apply.manifest), []).append(ref_of(made))
        ref = ref_of(made)
        self._live[ref] = made
        if ref.kind == "CustomResourceDefinition":
            spec = made["spec"]
            self._defined.add((spec["group"], spec["names"]["kind"]))
        return ref

    def _take_ownership(
        self, ref: ObjectRef, live: Document, ownership: Sequence[Document]
    ) -> None:
        """Set the managedFields; where the object moved on meanwhile, for what it is now."""
        current: Document | None = live
        wanted: Sequence[Document] | None = ownership
        for attempt in range(1, _OWNERSHIP_TRIES + 1):
            if current is None or wanted is None:
                return
            version = str(current["metadata"].get("resourceVersion", ""))
            try:
                self._cluster.set_field_owners(ref, wanted, resource_version=version)
            except ApiError as error:
                if error.status != 409 or attempt == _OWNERSHIP_TRIES:
                    raise
            else:
                return
            current = self._cluster.get(ref)
            wanted = renewed(ownership, current, ref.api_version) if current else None

    def _delete_wholly(self, ref: ObjectRef, live: Document, entry: int) -> None:
        """Delete this very object (by its uid) and wait until it is gone."""
        uid = str(live["metadata"].get("uid", ""))
        self._cluster.delete(ref, uid=uid)
        self._journal.reached(entry, "Its deletion was asked for.")
        pause = 0.05
        while True:
            now = self._cluster.get(ref)
            if now is None or now["metadata"].get("uid") != uid:
                return
            if self._clock.now() >= self._surroundings.deadline:
                raise ApplyError(_not_gone(ref, now))
            self._clock.sleep(pause)
            pause = min(pause * 1.5, 1.0)
            self._go_on()

    def _go_on(self) -> None:
        if self._stopped.is_set():
            raise _Stopped

    def _wait(self, step: Wait) -> None:
        around = self._surroundings
        result = waiting.wait(
            self._cluster,
            self._named(step.manifests),
            live=self._live,
            deadline=around.deadline,
            clock=self._clock,
            since=around.since,
            tell=around.tell,
            warn=around.warn,
        )
        self._journal.waited(result)
        if result.error is not None:
            raise result.error

    def _named(self, manifests: Iterable[Manifest]) -> list[Manifest]:
        """The manifests, those with a generateName under the names that the server gave."""
        made = {place: iter(refs) for place, refs in self._made.items()}
        named: list[Manifest] = []
        for manifest in manifests:
            if manifest.ref.name:
                named.append(manifest)
            elif ref := next(made.get(_place(manifest), iter(())), None):
                named.append(manifest.with_document(self._live[ref]))
        return named


def _place(manifest: Manifest) -> tuple[object, ...]:
    """What tells manifests without a name apart."""
    return manifest.source, manifest.ref, manifest.document["metadata"].get("generateName")


def _assessment(apply: Apply) -> Assessment:
    if apply.assessment is None:
        raise AssertionError(f"{apply.ref} was not checked before it was carried out")
    return apply.assessment


def _not_gone(ref: ObjectRef, live: Document) -> str:
    finalizers = ", ".join(live["metadata"].get("finalizers") or ())
    why = f" Its finalizers are still to be worked off: {finalizers}." if finalizers else ""
    return f"{ref} was deleted but is not gone within the time limit.{why}"
