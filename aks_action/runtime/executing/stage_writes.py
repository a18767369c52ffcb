"""The writes of a stage: all at once, each with its entry in the journal, all failures together."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent import futures
from dataclasses import dataclass

from aks_action.errors import ActionError, ApiError, ApplyError, AuthError, Problem, Source
from aks_action.model.applying.effects import Write
from aks_action.model.applying.refusals import read
from aks_action.model.health.jobs import has_failed
from aks_action.model.manifests import Document, ObjectRef
from aks_action.model.plan import Apply, Change, Delete, Restore
from aks_action.model.traffic.steps import Patch, Reroute
from aks_action.model.volumes.steps import Renew
from aks_action.runtime.executing import traffic
from aks_action.runtime.executing.journal import Journal
from aks_action.runtime.executing.surroundings import Surroundings
from aks_action.runtime.executing.writing import Writer, assessment_of


@dataclass(frozen=True, slots=True, kw_only=True)
class StageWrites:
    """Carries out the writes of one stage after the other.

    live: the objects by identity; filled further by every write.
    pool: its threads carry out a step each.
    """

    surroundings: Surroundings
    journal: Journal
    writer: Writer
    live: dict[ObjectRef, Document]
    pool: futures.Executor

    def carry_out(self, steps: Sequence[Write]) -> None:
        """All steps, whatever fails; an Apply that would change nothing makes no request.

        Raises ApplyError (AuthError when all are permissions) with every failure when the last
        step has ended.
        """
        running: dict[futures.Future[None], Write] = {}
        try:
            for step in self._changing(steps):
                running[self.pool.submit(self._attempt, step)] = step
            futures.wait(running)
        except BaseException:
            self.writer.stop()
            for future in running:
                future.cancel()
            futures.wait(running, timeout=self.surroundings.grace)
            raise
        self._raise_failures([(step, future.exception()) for future, step in running.items()])

    def _changing(self, steps: Sequence[Write]) -> list[Write]:
        changing: list[Write] = []
        for step in steps:
            if isinstance(step, Apply) and assessment_of(step).change is Change.UNCHANGED:
                self.journal.skip(step.ref, step.manifest.source)
            else:
                changing.append(step)
        return changing

    def _attempt(self, step: Write) -> None:
        """One step, in a thread of the pool."""
        self.writer.go_on()
        self.surroundings.guard(step.ref)
        if isinstance(step, Patch | Reroute):
            self._move_traffic(step)
        elif not isinstance(step, Delete) or self._is_to_go(step):
            self._write(step)

    def _write(self, step: Apply | Restore | Delete | Renew) -> None:
        change, source = _entry_of(step)
        entry = self.journal.begin(step.ref, source, change)
        try:
            ref = self.writer.write(step, entry)
        except ActionError as error:
            self.journal.end(entry, error=self._problem(step, error).message)
            raise
        self.journal.end(entry, ref=ref)
        self.surroundings.tell(f"{ref} {change}")

    def _is_to_go(self, step: Delete) -> bool:
        cluster = self.surroundings.cluster
        if step.if_failed:
            now = cluster.get(step.ref)
            return now is not None and has_failed(now)
        return step.ref in self.live or cluster.get(step.ref) is not None

    def _move_traffic(self, step: Patch | Reroute) -> None:
        entry = self.journal.begin(step.ref, None, Change.CONFIGURED)
        known = self.live.get(step.ref)
        try:
            written = traffic.carry_out(step, self.surroundings.traffic, known)
        except ActionError as error:
            self.journal.end(entry, error=str(error))
            raise
        if written is None:
            self.journal.drop(entry)
            return
        self.live[step.ref] = written
        self.journal.end(entry)
        self.surroundings.tell(f"{step} {Change.CONFIGURED}")

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
            return read(step.manifest, self.live.get(step.ref), error).problem
        return Problem(message=str(error), source=step.manifest.source)


def _entry_of(step: Apply | Restore | Delete | Renew) -> tuple[Change, Source | None]:
    """What the journal says of a step: what it does, and the place that asks for it."""
    match step:
        case Apply():
            return assessment_of(step).change, step.manifest.source
        case Renew():
            return Change.RECREATED, step.source
        case Restore():
            return Change.CONFIGURED, step.manifest.source
        case Delete():
            return Change.DELETED, None
