"""What a deploy will do: manifests and what is observed become a plan, checked by the server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from aks_action import strategies
from aks_action.clients.ports import Cluster
from aks_action.errors import InputError
from aks_action.jobs import batches
from aks_action.jobs.configuration import Configuration
from aks_action.jobs.hooks import Hooks
from aks_action.jobs.provenance import Provenance
from aks_action.jobs.records import NO_RELEASE, NoRelease
from aks_action.jobs.volumes import Volumes
from aks_action.model.configuration.settings import ConfigChanges
from aks_action.model.fleet import for_hub
from aks_action.model.manifests import ManifestSet
from aks_action.model.observed import Observed
from aks_action.model.plan import Plan
from aks_action.model.settings import Action, Settings
from aks_action.model.strategy_settings import Strategy, StrategyAction, StrategySettings
from aks_action.runtime import checking, observing
from aks_action.workflow import Workflow

if TYPE_CHECKING:
    from aks_action.jobs.release import Release


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A plan that is ready to be carried out, and what it was decided from."""

    plan: Plan
    observed: Observed
    rules: checking.ApplyRules
    strategy: StrategySettings
    origin: Provenance
    configuration: Configuration
    release: Release | NoRelease
    unfinished: tuple[str, ...] = ()
    """The namespaces in which something is left to do first of a run that was cut off."""


def decide(
    action: Action,
    manifests: ManifestSet,
    cluster: Cluster,
    settings: Settings,
    env: Mapping[str, str],
    workflow: Workflow,
    *,
    release: Release | NoRelease = NO_RELEASE,
    finish: bool = False,
) -> Decision:
    """What `action` is going to do with the manifests. Raises ActionError.

    finish: do first what a run that was cut off has left to do; otherwise nothing is written.
    """
    strategy = replace(settings.deploy.strategy, action=action.of_strategy)
    configuration = _configuration(settings, strategy, workflow)
    nowhere = _without_pods(settings)
    if nowhere and settings.deploy.recreated_claims:
        raise InputError(f"Input `recreate-claims` is not there for {nowhere} yet.")
    hooks = Hooks(strategy, force=settings.deploy.force, nowhere=nowhere)
    observe = partial(
        observing.observe,
        cluster,
        manifests,
        # A record says of each object where it is.
        settings.deploy.namespace if action.needs_manifests else "",
        rewrite=lambda placed: configuration.named(hooks.applied(placed)),
        interest=partial(strategies.interest, strategy),
        besides=release.besides,
    )

    def decided(tell: batches.Tell) -> Decision:
        placed, observed = observe(tell=tell)
        grows = strategy.strategy is Strategy.BASIC and not nowhere
        volumes = Volumes(cluster, tell, grows=grows, recreated=settings.deploy.recreated_claims)
        if volumes.finished(placed, observed, writes=finish):
            placed, observed = observe(tell=tell)
        placed, observed = volumes.named(placed, observed)
        origin = Provenance(settings, env, cluster, tell)
        applied = release.applied(origin.labelled(placed, observed), observed)
        plan = strategies.plan(strategy, hooks.besides(applied), observed)
        if settings.cluster.is_hub:
            plan = for_hub(plan)
        plan, observed = volumes.arranged(plan, observed)
        rules = checking.ApplyRules(force=settings.deploy.force, run_annotation=origin.annotation)

        def finished(plan: Plan) -> Plan:
            release.look(plan, placed, observed)
            plan = configuration.planned(plan, cluster, observed, going=release.going)
            return volumes.completed(plan)

        plan = hooks.planned(
            plan,
            observed,
            check=lambda plan: checking.check(plan, cluster, observed, rules),
            finish=finished,
        )
        return Decision(
            plan=release.planned(plan),
            observed=observed,
            rules=rules,
            strategy=strategy,
            origin=origin,
            configuration=configuration,
            release=release,
            unfinished=volumes.unfinished,
        )

    return batches.decided(cluster, manifests, decided, workflow.write)


def _is_private(settings: Settings) -> bool:
    cluster = settings.azure.cluster if settings.azure else None
    return cluster is not None and cluster.private


def _configuration(
    settings: Settings, strategy: StrategySettings, workflow: Workflow
) -> Configuration:
    """What is done about changed configuration; nothing where readers cannot be looked at.

    The hub of a fleet runs no pods.
    """
    wanted = settings.deploy.configuration
    if (
        strategy.action is StrategyAction.ROLLBACK and wanted.changes is ConfigChanges.VERSION
    ):  # a record has its versions under their names
        wanted = replace(wanted, changes=ConfigChanges.RESTART)
    if settings.cluster.is_hub:
        if wanted.changes is ConfigChanges.VERSION:
            raise InputError("Input `config-changes`: `version` is not there for a fleet's hub.")
        workflow.write("`config-changes`: nothing is restarted on the hub of a fleet.")
        wanted = replace(wanted, changes=ConfigChanges.NONE)
    return Configuration(wanted, strategy, workflow.write)


def _without_pods(settings: Settings) -> str:
    """Where no pod can be looked at while it runs; empty where one can.

    A private cluster is reached by one script after the other, and a fleet's hub runs no pods.
    """
    if _is_private(settings):
        return "private clusters"
    return "the hub of a fleet" if settings.cluster.is_hub else ""
