"""The deploy job: manifests → observed → plan, which is printed → executed → reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from aks_action import environment, report, strategies
from aks_action.clients.clock import SystemClock
from aks_action.clients.ports import Cluster
from aks_action.errors import ActionError, InputError, Problem
from aks_action.jobs import azure, batches
from aks_action.jobs.configuration import Configuration
from aks_action.jobs.manifests import read_manifests
from aks_action.jobs.provenance import Provenance
from aks_action.jobs.results import Results
from aks_action.jobs.stopwatch import Stopwatch
from aks_action.model.config_settings import ConfigChanges
from aks_action.model.fleet import for_hub
from aks_action.model.health import Gravity, Trouble
from aks_action.model.manifests import Manifest
from aks_action.model.observed import Observed
from aks_action.model.outcomes import Diagnosis
from aks_action.model.plan import Plan
from aks_action.model.settings import Action, Settings
from aks_action.model.strategy_settings import StrategyAction, StrategySettings
from aks_action.runtime import checking, diagnosis, executor, observing
from aks_action.runtime.journal import Journal
from aks_action.workflow import Workflow


def run(
    action: Action,
    settings: Settings,
    env: Mapping[str, str],
    workflow: Workflow,
    results: Results,
) -> None:
    """Deploy, or show what a deploy would do. Raises ActionError for what went wrong."""
    watch = Stopwatch(SystemClock())
    with workflow.group("Manifests"), watch.phase("read"):
        manifests = read_manifests(action, settings, env, workflow, results)
    with workflow.group("Plan"), watch.phase("plan"):
        cluster = connect(settings, env, workflow)
        strategy = replace(settings.deploy.strategy, action=action.of_strategy)
        configuration = _configuration(settings, strategy, workflow)

        def decide(tell: batches.Tell) -> tuple[Plan, Observed, Provenance, checking.ApplyRules]:
            placed, observed = observing.observe(
                cluster,
                manifests,
                settings.deploy.namespace,
                rewrite=configuration.named,
                interest=partial(strategies.interest, strategy),
                tell=tell,
            )
            origin = Provenance(settings, env, cluster, tell)
            plan = strategies.plan(strategy, origin.labelled(placed, observed), observed)
            if settings.cluster.is_hub:
                plan = for_hub(plan)
            rules = checking.ApplyRules(
                force=settings.deploy.force, run_annotation=origin.annotation
            )
            plan = checking.check(plan, cluster, observed, rules)
            return configuration.planned(plan, cluster, observed), observed, origin, rules

        plan, observed, origin, rules = batches.decided(
            cluster, manifests, settings.deploy.namespace, decide, workflow.write
        )
        workflow.write(report.plan_text(plan))
    journal = Journal(SystemClock().now)
    failure: ActionError | None = None
    try:
        if not action.only_plans:
            with workflow.group("Deploy"), watch.phase("deploy"):
                surroundings = _surroundings(settings, cluster, workflow)
                seconds = settings.deploy.timeout_seconds
                if batches.carry_out(cluster, plan, observed, origin.namespace_patch, seconds):
                    look = surroundings.clock.now() + batches.LOOK_SECONDS
                    surroundings = replace(surroundings, deadline=look)
                executor.execute(plan, observed, rules, journal, surroundings)
                if journal.has_written and (old := configuration.tidying(cluster)):
                    plan = replace(plan, stages=(*plan.stages, *old))
                    executor.execute(Plan(stages=old), observed, rules, journal, surroundings)
                if strategy.action is not StrategyAction.REJECT:
                    origin.leave_on_namespace(journal)
    except ActionError as error:
        failure = error
    finally:  # whatever ended it, also while it is diagnosed: what was written is reported
        deployment = report.Deployment(
            version=settings.version,
            target=settings.deploy.namespace or cluster.namespace,
            plan=plan,
            outcomes=journal.outcomes,
            failure=failure,
            executed=not action.only_plans,
            seconds=watch.phases,
        )
        results.deployments.append(deployment)
    if failure:
        deployment = replace(deployment, diagnoses=_diagnoses(cluster, journal, workflow))
        results.deployments[-1] = deployment
    workflow.write(report.outcome_text(deployment))
    if failure:
        raise failure


def connect(settings: Settings, env: Mapping[str, str], workflow: Workflow) -> Cluster:
    """The cluster that the inputs or the environment name; its library is imported only here."""
    from aks_action.clients.kube.connection import connect as open_cluster  # noqa: PLC0415

    if cluster := azure.open_cluster(settings, env, workflow):
        return cluster
    kubeconfig = environment.kubeconfig(settings.cluster.kubeconfig, env)
    if not kubeconfig:
        raise InputError(
            "There is no cluster. Give `cluster-name`, `resource-group` and a sign-in to Azure, or "
            "`kubeconfig`, or sign in to the cluster in an earlier step."
        )
    return open_cluster(
        kubeconfig,
        context=settings.cluster.context,
        skip_tls_verify=settings.cluster.skip_tls_verify,
        mask=workflow.mask,
    )


def _configuration(
    settings: Settings, strategy: StrategySettings, workflow: Workflow
) -> Configuration:
    """What is done about changed configuration; nothing where readers cannot be looked at.

    A private cluster is deployed to by one script, and a fleet's hub runs no pods.
    """
    wanted = settings.deploy.configuration
    cluster = settings.azure.cluster if settings.azure else None
    private = cluster is not None and cluster.private
    if private or settings.cluster.is_hub:
        where = "private clusters" if private else "the hub of a fleet"
        if wanted.changes is ConfigChanges.VERSION:
            raise InputError(f"Input `config-changes`: `version` is not there for {where} yet.")
        workflow.write(f"`config-changes`: nothing is restarted yet on {where}.")
        wanted = replace(wanted, changes=ConfigChanges.NONE)
    return Configuration(wanted, strategy, workflow.write)


def _surroundings(
    settings: Settings, cluster: Cluster, workflow: Workflow
) -> executor.Surroundings:
    clock = SystemClock()
    return executor.Surroundings(
        cluster=cluster,
        clock=clock,
        deadline=clock.now() + settings.deploy.timeout_seconds,
        since=datetime.now(UTC),
        tell=workflow.write,
        warn=partial(_warn, workflow),
    )


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


def _diagnoses(cluster: Cluster, journal: Journal, workflow: Workflow) -> tuple[Diagnosis, ...]:
    """What kept the last wait from its end, told in a group of its own for each object."""
    if not journal.waits:
        return ()
    found = diagnosis.diagnose_all(cluster, journal.waits[-1])
    for each in found:
        with workflow.group(f"Why {each.ref} is not healthy"):
            workflow.write(report.diagnosis_text(each))
    return found
