"""What is done when a deploy has failed, with `rollback-on-failure`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime

from aks_action import report
from aks_action.clients.clock import SystemClock
from aks_action.clients.ports import Cluster
from aks_action.errors import ActionError, Cancelled, LockLost
from aks_action.jobs.decision import Decision
from aks_action.jobs.execution import Execution
from aks_action.model import durations
from aks_action.model.manifests import ObjectRef
from aks_action.model.plan import Change, Plan, Wait
from aks_action.model.strategy_settings import Strategy, StrategyAction
from aks_action.model.undoing.plan import undone
from aks_action.model.undoing.rejects import TRAFFIC_KINDS, beside, is_of_strategy
from aks_action.model.undoing.runs import Run
from aks_action.runtime import parallel
from aks_action.runtime.executing import executor
from aks_action.runtime.executing.journal import Journal
from aks_action.workflow import Workflow

_STAYS = "What was written stays."


class WayBack:
    """The way back of one run, under the same lock, with a time limit of its own.

    rejected: decides to reject what the run has deployed beside a stable version.
    """

    def __init__(
        self,
        decision: Decision,
        execution: Execution,
        cluster: Cluster,
        workflow: Workflow,
        rejected: Callable[[], Decision],
    ) -> None:
        self._decision = decision
        self._execution = execution
        self._cluster = cluster
        self._workflow = workflow
        self._rejected = rejected
        self._journal = Journal(SystemClock().now)
        self._notes: tuple[str, ...] = ()

    def after(self, failure: ActionError) -> tuple[str, ...]:
        """Go back as far as it goes; what came of it, in sentences. Raises nothing."""
        if reason := self._obstacle(failure):
            return (reason,)
        self._execution.limit.renew()
        began = SystemClock().now()
        with self._workflow.group("Roll back"):
            problems = self._gone_back()
        took = durations.readable(SystemClock().now() - began)
        return (*self._told(problems, took), *self._notes)

    def _obstacle(self, failure: ActionError) -> str:
        strategy = self._decision.strategy
        if not self._execution.journal.has_written:
            return "Nothing had been written, so there was nothing to roll back."
        if isinstance(failure, Cancelled):
            return f"Nothing was rolled back: a run that is cancelled has no time for it. {_STAYS}"
        if isinstance(failure, LockLost):
            return f"Nothing was rolled back: another run has the lock by now. {_STAYS}"
        if strategy.action is StrategyAction.REJECT:
            return f"A reject is not rolled back: run it again. {_STAYS}"
        beside = strategy.strategy is not Strategy.BASIC
        if beside and strategy.action is not StrategyAction.DEPLOY and self._has_moved_traffic():
            return (
                f"Nothing was rolled back: {strategy.action} has moved traffic or removed a copy "
                f"already. {_STAYS} Run {strategy.action} again, which goes on from there."
            )
        return ""

    def _has_moved_traffic(self) -> bool:
        return any(
            each.change is Change.DELETED
            or (each.change is Change.CONFIGURED and each.ref.kind in TRAFFIC_KINDS)
            for each in self._execution.journal.outcomes
        )

    def _gone_back(self) -> tuple[str, ...]:
        """What went wrong on the way; empty when all of it is behind us."""
        strategy = self._decision.strategy
        try:
            if strategy.strategy is Strategy.BASIC or strategy.action is not StrategyAction.DEPLOY:
                return self._undone(handled=())
            self._reject()
            written = (each.ref for each in self._execution.journal.outcomes)
            return self._undone(handled=filter(is_of_strategy, written))
        except ActionError as error:
            return tuple(str(each) for each in error.problems)

    def _reject(self) -> None:
        decision = self._rejected()
        self._workflow.write(report.plan_text(decision.plan))
        execution = self._execution.another(decision)
        self._journal = execution.journal
        execution.run()

    def _undone(self, handled: Iterable[ObjectRef]) -> tuple[str, ...]:
        run = self._run()
        plan = beside(undone(run), handled)
        self._notes = plan.notes
        self._workflow.write(report.plan_text(replace(plan, notes=())))
        surroundings = self._execution.surroundings()
        observed = replace(self._decision.observed, live=run.now)
        problems: list[str] = []
        for stage in plan.stages:  # one that fails does not hold up the others
            try:
                single = Plan(stages=(stage,))
                live = executor.execute(
                    single, observed, self._decision.rules, self._journal, surroundings
                )
                observed = replace(observed, live=live)
            except Cancelled as error:
                return (*problems, str(error))
            except ActionError as error:
                problems += (str(each) for each in error.problems)
                if any(isinstance(each, Wait) for each in stage.steps):
                    break  # what was created may still be needed
        return tuple(problems)

    def _run(self) -> Run:
        """The run that has failed, and what there is of it now."""
        outcomes = self._execution.journal.outcomes
        changed = (each.ref for each in outcomes if each.change is not Change.UNCHANGED)
        refs = [ref for ref in dict.fromkeys(changed) if ref.name]
        found = zip(refs, parallel.each(self._cluster.get, refs), strict=True)
        return Run(
            plan=self._execution.plan,
            before=self._decision.observed.live,
            outcomes=outcomes,
            now={ref: document for ref, document in found if document is not None},
            at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        )

    def _told(self, problems: tuple[str, ...], took: str) -> tuple[str, ...]:
        done = [each for each in self._journal.outcomes if each.change is not Change.UNCHANGED]
        gone = {each.ref for each in done if each.change is Change.DELETED and not each.error}
        back = {each.ref for each in done if not each.error} - gone
        parts = [f"{_counted(back)} as before"] if back else []
        parts += [f"{_counted(gone)} gone that this run had created"] if gone else []
        far = ", ".join(parts) or "nothing had to change"
        if not problems:
            return (f"Rolled back in {took}: {far}.",)
        return (f"The rollback did not get to its end: {far}, but not all.", *problems)


def _counted(refs: set[ObjectRef]) -> str:
    return f"{len(refs)} object is" if len(refs) == 1 else f"{len(refs)} objects are"
