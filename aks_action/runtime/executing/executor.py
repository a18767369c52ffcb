"""The executor: carries out a checked plan, stage by stage, in parallel inside a stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aks_action.errors import ActionError, Cancelled
from aks_action.model.applying.effects import Write
from aks_action.model.manifests import Document, ObjectRef
from aks_action.model.observed import Observed
from aks_action.model.plan import Apply, Plan, Stage
from aks_action.runtime import checking, parallel
from aks_action.runtime.executing.journal import Journal
from aks_action.runtime.executing.late_checks import LateChecks
from aks_action.runtime.executing.stage_waits import StageWaits
from aks_action.runtime.executing.stage_writes import StageWrites
from aks_action.runtime.executing.surroundings import Surroundings
from aks_action.runtime.executing.writing import Writer

__all__ = ["Surroundings", "execute"]

_TO_DO = "run `reject`, or with the strategy `basic` this again."


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
    around, before = surroundings, frozenset(observed.live)
    live = dict(observed.live)
    writer = Writer(around.cluster, around.limit, journal, live, around.keys)
    with parallel.workers() as pool:
        execution = _Execution(
            surroundings=around,
            live=live,
            checks=LateChecks(
                surroundings=around,
                rules=rules,
                journal=journal,
                writer=writer,
                live=live,
                before=before,
            ),
            writes=StageWrites(
                surroundings=around, journal=journal, writer=writer, live=live, pool=pool
            ),
            waits=StageWaits(surroundings=around, journal=journal, writer=writer, live=live),
        )
        for number in range(len(plan.stages)):
            execution.run(plan.stages[number:])
    return live


@dataclass(frozen=True, slots=True, kw_only=True)
class _Execution:
    """One run: its stages, each checked, written and waited for, or else undone.

    live: the objects as the run knows them; `writes` and `waits` fill it further.
    """

    surroundings: Surroundings
    live: Mapping[ObjectRef, Document]
    checks: LateChecks
    writes: StageWrites
    waits: StageWaits

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
            self.surroundings.tell(f"{stage.name} failed; {stage.undo.name.lower()}.")
            try:
                self._run((stage.undo,))
            except ActionError as second:
                sentence = f"What follows a failure failed too ({stage.undo.name}): {_TO_DO}"
                raise type(error)(*error.problems, sentence, *second.problems) from error
            raise

    def _run(self, stages: Sequence[Stage]) -> None:
        steps = stages[0].steps
        self.surroundings.begin(stages, self.live)
        applies = self.checks.checked([each for each in steps if isinstance(each, Apply)])
        others = [each for each in steps if isinstance(each, Write) and not isinstance(each, Apply)]
        self.writes.carry_out([*others, *applies])
        self.waits.carry_out(steps)
