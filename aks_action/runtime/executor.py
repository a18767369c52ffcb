"""The executor: carries out a checked plan, stage by stage, in parallel inside a stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from aks_action.clients.ports import Clock, Cluster
from aks_action.errors import (
    ActionError,
    ApiError,
    ApplyError,
    AuthError,
    Cancelled,
    ManifestError,
    Problem,
)
from aks_action.model.applying.effects import Write
from aks_action.model.applying.refusals import read
from aks_action.model.health import Trouble
from aks_action.model.health.jobs import has_failed
from aks_action.model.manifests import Document, Manifest, ObjectRef
from aks_action.model.observed import Observed
from aks_action.model.plan import Apply, Change, Delete, Plan, Restore, Stage, Wait
from aks_action.model.traffic.steps import (
    Patch,
    Pause,
    Reroute,
)
from aks_action.model.volumes.steps import Renew
from aks_action.runtime import checking, parallel, traffic, waiting
from aks_action.runtime.journal import Journal
from aks_action.runtime.traffic_waits import TrafficWait
from aks_action.runtime.wait_result import WaitResult
from aks_action.runtime.writing import Writer, assessment_of

_DISCOVERY = 10.0
"""Seconds in which the API server publishes a kind after its definition was established."""
_NEW_SCHEMA = 3.0
"""Seconds in which it serves the new schema of a definition that was changed."""


_TO_DO = "run `reject`, or with the strategy `basic` this again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a run works with.

    deadline: a value of `clock.now()`; ends every wait.
    since:    wall-clock time (UTC, aware) at which the run began to write.
    tell:     takes a line of progress; the text may hold text from the cluster.
    warn:     takes a trouble of something that is waited for, see `waiting.wait`.
    guard:    called before each write, with what is written; raises what forbids it.
    begin:    takes the stages that are left, before the first of them, and the live objects.
    grace:    seconds that requests under way get to end when the run is ended.

    `tell` is called from several threads, one line a call.
    """

    cluster: Cluster
    clock: Clock
    deadline: float
    since: datetime
    tell: Callable[[str], None]
    warn: Callable[[Manifest, Trouble], None]
    guard: Callable[[ObjectRef], None] = lambda _ref: None
    begin: Callable[[Sequence[Stage], Mapping[ObjectRef, Document]], None] = lambda *_: None
    grace: float = 2.0


def execute(
    plan: Plan,
    observed: Observed,
    rules: checking.ApplyRules,
    journal: Journal,
    surroundings: Surroundings,
) -> Mapping[ObjectRef, Document]:
    """Carry out every stage in order; what became of each object is in the journal at any time.

    plan: as `checking.check` returned it: every Apply has its assessment.
    Returns the objects, those of `observed` too, as the server last answered.

    When a step fails, the others of its stage are finished and no further stage is begun.
    Raises ApplyError (AuthError when all are permissions) with every failed step and its place,
    ManifestError from objects that could only be checked now, RolloutFailed or RolloutTimeout
    from a wait, and lets `Cancelled` through within two seconds.
    """
    with parallel.workers() as pool:
        execution = _Execution(observed, rules, journal, surroundings, pool)
        for number in range(len(plan.stages)):
            execution.run(plan.stages[number:])
        return execution.live


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
        self._before = frozenset(observed.live)
        self._rules = rules
        self._journal = journal
        self._surroundings = surroundings
        self._cluster = surroundings.cluster
        self._clock = surroundings.clock
        self._pool = pool
        self._traffic = traffic.Traffic(
            cluster=surroundings.cluster,
            clock=surroundings.clock,
            deadline=surroundings.deadline,
            tell=surroundings.tell,
        )
        self._writer = Writer(
            self._cluster, self._clock, journal, self._live, surroundings.deadline
        )

    @property
    def live(self) -> Mapping[ObjectRef, Document]:
        return self._live

    def run(self, stages: Sequence[Stage]) -> None:
        """The first stage of those that are left; when it fails, its undo before anything else, so
        that traffic goes where it went before.
        """
        stage = stages[0]
        try:
            self._run(stages)
        except ActionError as error:
            if stage.undo is None or isinstance(error, Cancelled):
                raise
            self._surroundings.tell(f"{stage.name} failed; {stage.undo.name.lower()}.")
            try:
                self._run((stage.undo,))
            except ActionError as second:
                sentence = f"What follows a failure failed too ({stage.undo.name}): {_TO_DO}"
                raise type(error)(*error.problems, sentence, *second.problems) from error
            raise

    def _run(self, stages: Sequence[Stage]) -> None:
        stage = stages[0]
        self._surroundings.begin(stages, self._live)
        steps: list[Write] = [
            step
            for step in stage.steps
            if isinstance(step, Delete | Patch | Reroute | Renew | Restore)
        ]
        applies = self._checked([step for step in stage.steps if isinstance(step, Apply)])
        for apply in applies:
            if assessment_of(apply).change is Change.UNCHANGED:
                self._journal.skip(apply.ref, apply.manifest.source)
        changing = [each for each in applies if assessment_of(each).change is not Change.UNCHANGED]
        self._carry_out([*steps, *changing])
        for step in stage.steps:
            if isinstance(step, Wait):
                self._wait(step)
            elif isinstance(step, Pause):
                traffic.carry_out(step, self._traffic)
        waits = [s for s in stage.steps if isinstance(s, TrafficWait)]
        traffic.carry_out_waits(waits, self._traffic)

    def _checked(self, applies: Sequence[Apply]) -> list[Apply]:
        """The applies with the assessments that could not be made before this stage."""
        late = [apply for apply in applies if not is_checked(apply)]
        if not late:
            return list(applies)
        self._await_kinds({(apply.ref.api_version, apply.ref.kind) for apply in late})
        rechecked = iter(self._rechecked(late))
        return [apply if is_checked(apply) else next(rechecked) for apply in applies]

    def _rechecked(self, late: Sequence[Apply]) -> list[Apply]:
        """Objects of a definition that this run changed get some time for its new schema."""
        of_definition = any((a.ref.group, a.ref.kind) in self._writer.defined for a in late)
        until = self._clock.now() + (_NEW_SCHEMA if of_definition else 0.0)
        created = {
            ref.name for ref in self._live if ref.kind == "Namespace" and ref not in self._before
        }
        while True:
            try:
                return checking.recheck(late, self._cluster, self._rules, self._live, created)
            except (ManifestError, ApplyError) as error:
                if self._clock.now() >= until:
                    self._note_refused(late, error)
                    raise
            self._clock.sleep(0.2)

    def _note_refused(self, late: Sequence[Apply], error: ActionError) -> None:
        """What only the late check could refuse has failed, for the report as well."""
        told = {problem.source: problem.message for problem in error.problems}
        for apply in late:
            source = apply.manifest.source
            if message := told.get(source):
                entry = self._journal.begin(apply.ref, source, assessment_of(apply).change)
                self._journal.end(entry, error=message)

    def _await_kinds(self, kinds: set[tuple[str, str]]) -> None:
        """Discovery lags behind a definition that is established by up to some seconds."""
        until = min(self._clock.now() + _DISCOVERY, self._surroundings.deadline)
        missing = kinds - self._cluster.types().keys()
        while missing and self._clock.now() < until:
            missing = kinds - self._cluster.types(refresh=True).keys()
            if missing:
                self._clock.sleep(0.2)

    def _carry_out(self, steps: Sequence[Write]) -> None:
        """All steps at once; every failure is raised in one error when the last has ended."""
        running = {self._pool.submit(self._attempt, step): step for step in steps}
        try:
            futures.wait(running)
        except BaseException:
            self._writer.stop()
            for future in running:
                future.cancel()
            futures.wait(running, timeout=self._surroundings.grace)
            raise
        self._raise_failures([(step, future.exception()) for future, step in running.items()])

    def _raise_failures(self, ended: Sequence[tuple[Write, BaseException | None]]) -> None:
        failed: list[tuple[Write, ActionError]] = []
        for step, error in ended:
            if isinstance(error, ActionError):
                failed.append((step, error))
            elif error is not None:
                raise error
        if failed:
            permission = all(error.exit_code == AuthError.exit_code for _, error in failed)
            kind = AuthError if permission else ApplyError
            raise kind(*(self._problem(step, error) for step, error in failed))

    def _problem(self, step: Write, error: ActionError) -> Problem:
        if isinstance(step, Renew):
            return Problem(message=str(error), source=step.source)
        if not isinstance(step, Apply):
            return Problem(message=str(error))
        if isinstance(error, ApiError):
            return read(step.manifest, self._live.get(step.ref), error).problem
        return Problem(message=str(error), source=step.manifest.source)

    def _attempt(self, step: Write) -> None:
        """One step in a worker, with its entry in the journal."""
        self._writer.go_on()
        self._surroundings.guard(step.ref)
        if isinstance(step, Patch | Reroute):
            self._move_traffic(step)
            return
        if isinstance(step, Apply):
            change, source = assessment_of(step).change, step.manifest.source
        elif isinstance(step, Renew):
            change, source = Change.RECREATED, step.source
        elif isinstance(step, Restore):
            change, source = Change.CONFIGURED, step.manifest.source
        elif self._is_to_go(step):
            change, source = Change.DELETED, None
        else:
            return
        entry = self._journal.begin(step.ref, source, change)
        try:
            ref = self._writer.write(step, entry)
        except ActionError as error:
            self._journal.end(entry, error=self._problem(step, error).message)
            raise
        self._journal.end(entry, ref=ref)
        self._surroundings.tell(f"{ref} {change}")

    def _is_to_go(self, step: Delete) -> bool:
        if step.if_failed:
            now = self._cluster.get(step.ref)
            return now is not None and has_failed(now)
        return step.ref in self._live or self._cluster.get(step.ref) is not None

    def _move_traffic(self, step: Patch | Reroute) -> None:
        entry = self._journal.begin(step.ref, None, Change.CONFIGURED)
        try:
            written = traffic.carry_out(step, self._traffic, self._live.get(step.ref))
        except ActionError as error:
            self._journal.end(entry, error=str(error))
            raise
        if written is None:
            self._journal.drop(entry)
            return
        self._live[step.ref] = written
        self._journal.end(entry)
        self._surroundings.tell(f"{step} {Change.CONFIGURED}")

    def _wait(self, step: Wait) -> None:
        around = self._surroundings
        wait = partial(
            waiting.wait,
            self._cluster,
            self._writer.named(step.manifests),
            live=self._live,
            deadline=around.deadline,
            clock=self._clock,
            since=around.since,
            steady=step.steady,
        )
        listener = waiting.Listener(tell=around.tell, warn=around.warn)
        result = self._followed(wait, listener) if step.logs else wait(listener=listener)
        self._journal.waited(result)
        self._live.update({each.manifest.ref: each.seen for each in result.targets if each.seen})
        if (error := result.error) is not None and not (step.may_fail and result.failed):
            raise type(error)(*error.problems, step.advice) if step.advice else error

    def _followed(self, wait: Callable[..., WaitResult], listener: waiting.Listener) -> WaitResult:
        from aks_action.runtime.following import LogFollower  # noqa: PLC0415 - hooks alone need it

        with LogFollower(self._cluster, self._clock, self._surroundings.tell) as follower:
            result = wait(listener=replace(listener, see=follower.see))
            if not result.pending:
                follower.drain(each.manifest for each in result.targets)
            return result


def is_checked(apply: Apply) -> bool:
    """Whether it was checked for good; applies of an undo are only if it comes to that."""
    return apply.assessment is not None and apply.assessment.checked
