"""The deploy job: manifests → observed → plan, which is printed → executed → reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from aks_action import report
from aks_action.clients.clock import SystemClock, limit_of_step
from aks_action.errors import ActionError
from aks_action.jobs import batches
from aks_action.jobs.connection import connect
from aks_action.jobs.decision import Decision, decide
from aks_action.jobs.execution import Execution
from aks_action.jobs.locks import Locks, settled
from aks_action.jobs.manifests import read_manifests
from aks_action.jobs.records import open_release
from aks_action.jobs.results import Results
from aks_action.jobs.stopwatch import Stopwatch
from aks_action.model.manifests import ManifestSet
from aks_action.model.settings import Action, Settings
from aks_action.workflow import Workflow

if TYPE_CHECKING:
    from aks_action.jobs.way_back import WayBack


def run(
    action: Action,
    settings: Settings,
    env: Mapping[str, str],
    workflow: Workflow,
    results: Results,
) -> None:
    """Deploy, or show what a deploy would do. Raises ActionError for what went wrong."""
    watch, seconds = Stopwatch(SystemClock()), settings.deploy.timeout_seconds
    step = limit_of_step(seconds)
    manifests: ManifestSet = ()
    if action.needs_manifests:
        with workflow.group("Manifests"), watch.phase("read"):
            manifests = read_manifests(action, settings, env, workflow, results, step)
    with workflow.group("Plan"), watch.phase("plan"):
        cluster = connect(settings, env, workflow, step)

        def decided(chosen: Action = action, *, finish: bool = False) -> Decision:
            release = open_release(chosen, settings, cluster, results.images, workflow.write)
            found = release.manifests(manifests)
            return decide(
                chosen, found, cluster, settings, env, workflow, release=release, finish=finish
            )

        decision = decided()
        workflow.write(report.plan_text(decision.plan))
    with Locks(cluster, settings, workflow.write, step) as locks:
        if not action.only_plans:
            decision = settled(decision, decided, locks, workflow)
        limit = batches.limit_of(cluster, step, seconds)
        execution = Execution(decision, cluster, limit, workflow, locks.guard)
        deployment = report.Deployment(
            version=decision.release.version,
            target=settings.deploy.namespace or cluster.namespace,
            plan=decision.plan,
            executed=not action.only_plans,
            is_back=not action.needs_manifests,
        )
        back: WayBack | None = None
        if settings.deploy.rollback_on_failure:
            from aks_action.jobs.way_back import WayBack  # noqa: PLC0415

            rejected = partial(decided, Action.REJECT)
            back = WayBack(decision, execution, cluster, workflow, rejected)
        _carry_out(deployment, execution, back, watch, workflow, results)


def _carry_out(
    deployment: report.Deployment,
    execution: Execution,
    back: WayBack | None,
    watch: Stopwatch,
    workflow: Workflow,
    results: Results,
) -> None:
    """Carry a decision out, unless it is only a plan, and report whatever came of it."""
    failure: ActionError | None = None
    try:
        if deployment.executed:
            with workflow.group("Deploy"), watch.phase("deploy"):
                execution.run()
    except ActionError as error:
        failure = error
    finally:  # whatever ended it, also while it is diagnosed: what was written is reported
        deployment = replace(
            deployment,
            plan=execution.plan,
            outcomes=execution.journal.outcomes,
            failure=failure,
            seconds=watch.phases,
        )
        results.deployments.append(deployment)
    if failure:
        deployment = replace(deployment, diagnoses=execution.diagnoses())
        results.deployments[-1] = deployment
    if failure and back:  # after the diagnosis: pods that go take their reasons along
        aftermath = back.after(failure)
        failure.add(*aftermath)
        deployment = replace(deployment, aftermath=aftermath, seconds=watch.phases)
        results.deployments[-1] = deployment
    workflow.write(report.outcome_text(deployment))
    if failure:
        raise failure
