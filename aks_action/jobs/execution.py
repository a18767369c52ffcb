"""A decision, carried out; and why, when it cannot be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from aks_action import report
from aks_action.clients.clock import SystemClock, TimeLimit
from aks_action.clients.ports import BatchedCluster, Cluster
from aks_action.errors import ActionError, Problem, RolloutTimeout
from aks_action.jobs import batches
from aks_action.jobs.decision import Decision
from aks_action.model.health import Gravity, Trouble
from aks_action.model.manifests import Document, Manifest, ObjectRef
from aks_action.model.outcomes import Diagnosis
from aks_action.model.plan import Plan, Stage
from aks_action.model.strategy_settings import StrategyAction
from aks_action.runtime import diagnosis
from aks_action.runtime.executing import executor, namespace_annotation
from aks_action.runtime.executing.journal import Journal
from aks_action.workflow import Workflow


class Execution:
    """A decision on its way; `plan` and `journal` are true at any moment, whatever ends it.

    limit: of all that is waited for.
    guard: asked before each write; raises what forbids it.
    """

    def __init__(
        self,
        decision: Decision,
        cluster: Cluster,
        limit: TimeLimit,
        workflow: Workflow,
        guard: Callable[[ObjectRef], None] = lambda _ref: None,
    ) -> None:
        self._decision = decision
        self._cluster = cluster
        self.limit = limit
        self._workflow = workflow
        self._guard = guard
        self.plan = decision.plan
        self._live = decision.observed.live
        self.journal = Journal(SystemClock().now)

    def run(self) -> None:
        """Carry it out, wait until it is healthy, and remember how it ended. Raises ActionError."""
        if self.limit.is_over:
            raise RolloutTimeout(
                "The time limit (`timeout`) was over before the first change. Nothing was written."
            )
        release = self._decision.release
        release.begin(self.plan)
        try:
            self._carry_out()
        except ActionError as error:
            release.failed(error)
            raise
        release.finish(self.plan, self._live)

    def _carry_out(self) -> None:
        decision = self._decision
        surroundings = self.surroundings()
        self._execute(decision.plan, surroundings)
        if old := self._old_versions():
            self.plan = replace(self.plan, stages=(*self.plan.stages, *old))
            self._execute(Plan(stages=old), surroundings)
        marked = decision.origin.leave_on_namespace(self.journal) if self._leaves_mark else None
        self._check_namespaces(marked)

    def _check_namespaces(self, marked: Document | None) -> None:
        """That what was written stays: objects that nothing waits for may go with their namespace.

        The one that was just written to tells so itself, and where something was waited for, its
        deletion would have been seen.
        """
        if isinstance(self._cluster, BatchedCluster):  # a request costs half a minute there
            others = set[str]()
        else:
            others = {each.ref.namespace for each in self.journal.outcomes if each.is_written}
            waited = (each for wait in self.journal.waits for each in wait.targets)
            others -= {"", *(each.manifest.ref.namespace for each in waited)}
        namespace_annotation.check_stay(self._cluster, others, filter(None, [marked]))

    def _old_versions(self) -> tuple[Stage, ...]:
        """What removes versions of configuration that nothing names any more."""
        decision, wrote = self._decision, self.journal.has_written
        old = decision.configuration.tidying(self._cluster, has_written=wrote)
        return (*old, *(decision.release.tidying() if wrote else ()))

    @property
    def _leaves_mark(self) -> bool:
        """A reject goes back to what is there, which is not of this run."""
        return self._decision.strategy.action is not StrategyAction.REJECT

    def _execute(self, plan: Plan, surroundings: executor.Surroundings) -> None:
        decision = self._decision
        observed = replace(decision.observed, live=self._live)
        self._live = executor.execute(plan, observed, decision.rules, self.journal, surroundings)

    def another(self, decision: Decision) -> Execution:
        """Of another decision."""
        return Execution(decision, self._cluster, self.limit, self._workflow, self._guard)

    def surroundings(self) -> executor.Surroundings:
        """What steps are carried out with."""
        decision = self._decision
        finish = decision.origin.annotate_namespace if self._leaves_mark else _nothing
        types, rules = decision.observed.types, decision.rules
        return executor.Surroundings(
            cluster=self._cluster,
            limit=self.limit,
            begin=batches.begin(self._cluster, types, rules, finish, self.limit),
            since=datetime.now(UTC),
            tell=self._workflow.write,
            warn=partial(_warn, self._workflow),
            guard=self._guard,
            keys=decision.keys,
        )

    def diagnoses(self) -> tuple[Diagnosis, ...]:
        """What kept the last wait from its end, told in a group of its own for each object."""
        if not self.journal.waits:
            return ()
        found = diagnosis.diagnose_all(self._cluster, self.journal.waits[-1])
        for each in found:
            with self._workflow.group(f"Why {each.ref} is not healthy"):
                self._workflow.write(report.diagnosis_text(each))
        return found


def _nothing(_cluster: Cluster) -> None:
    """Nothing is done at the end."""


def _warn(workflow: Workflow, manifest: Manifest, trouble: Trouble) -> None:
    """Tell a trouble at once; as an annotation only what needs a person and may not fail.

    What can never heal fails within a second and is an error then; a probe that fails while an
    app starts is how a start looks.
    """
    sentence = " ".join(part for part in (f"{trouble.sentence}.", trouble.advice) if part)
    if trouble.gravity is Gravity.HINT and trouble.code != "Unhealthy":
        problem = Problem(message=sentence, source=manifest.source)
        workflow.warning(problem, title=str(manifest.ref))
    else:
        workflow.write(sentence)
