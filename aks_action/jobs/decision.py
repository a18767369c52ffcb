"""What a deploy will do: manifests and what is observed become a plan, checked by the server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from aks_action import strategies
from aks_action.clients.ports import Cluster
from aks_action.errors import InputError
from aks_action.jobs import batches
from aks_action.jobs.configuration import Configuration, open_configuration
from aks_action.jobs.hooks import Hooks
from aks_action.jobs.provenance import Provenance
from aks_action.jobs.records import NO_RELEASE, NoRelease
from aks_action.jobs.volumes import Volumes
from aks_action.model.fleet import for_hub
from aks_action.model.manifests import ManifestSet
from aks_action.model.observed import Observed
from aks_action.model.plan import Plan
from aks_action.model.settings import Action, Settings
from aks_action.model.strategy_settings import Strategy, StrategySettings
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
    keys: tuple[str, ...] = field(default=(), repr=False)
    """The input `record-key`."""
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
    nowhere = _without_pods(settings)
    if nowhere and settings.deploy.recreated_claims:
        raise InputError(f"Input `recreate-claims` is not there for {nowhere} yet.")
    deciding = _Deciding(
        cluster=cluster,
        settings=settings,
        strategy=strategy,
        configuration=open_configuration(settings, strategy, workflow.write),
        hooks=Hooks(strategy, force=settings.deploy.force, nowhere=nowhere),
        release=release,
        grows=strategy.strategy is Strategy.BASIC and not nowhere,
        finish=finish,
    )
    # A record says of each object where it is.
    namespace = settings.deploy.namespace if action.needs_manifests else ""

    def decided(tell: batches.Tell) -> Decision:
        observe = partial(deciding.observe, manifests, namespace, tell)
        return deciding.decide(observe, Provenance(settings, env, cluster, tell), tell)

    return batches.decided(cluster, manifests, decided, workflow.write)


Observe = Callable[[], tuple[ManifestSet, Observed]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deciding:
    """Whoever has a say in a decision.

    grows:  whether a StatefulSet can be made anew to grow its volumes.
    finish: see `decide`.
    """

    cluster: Cluster
    settings: Settings
    strategy: StrategySettings
    configuration: Configuration
    hooks: Hooks
    release: Release | NoRelease
    grows: bool
    finish: bool

    def observe(
        self, manifests: ManifestSet, namespace: str, tell: batches.Tell
    ) -> tuple[ManifestSet, Observed]:
        """The manifests where and as they are to be, and what is live of them."""
        return observing.observe(
            self.cluster,
            manifests,
            namespace,
            rewrite=lambda placed: self.configuration.named(self.hooks.applied(placed)),
            interest=partial(strategies.interest, self.strategy),
            besides=self.release.besides,
            tell=tell,
        )

    def decide(self, observe: Observe, origin: Provenance, tell: batches.Tell) -> Decision:
        """Observed → planned → checked by the server → completed by what follows from that."""
        deploy = self.settings.deploy
        volumes = Volumes(
            self.cluster,
            tell,
            grows=self.grows,
            recreated=deploy.recreated_claims,
            release=deploy.release,
        )
        placed, observed = observe()
        if volumes.finished(placed, observed, writes=self.finish):
            placed, observed = observe()
        placed, observed = volumes.named(placed, observed)
        plan = self._planned(placed, observed, origin)
        plan, observed = volumes.arranged(plan, observed)
        rules = checking.ApplyRules(force=deploy.force, run_annotation=origin.annotation)
        plan = self.hooks.planned(
            plan,
            observed,
            check=lambda plan: checking.check(plan, self.cluster, observed, rules),
            finish=lambda plan: volumes.completed(self._completed(plan, placed, observed)),
        )
        return Decision(
            plan=self.release.planned(plan),
            observed=observed,
            rules=rules,
            strategy=self.strategy,
            origin=origin,
            configuration=self.configuration,
            release=self.release,
            keys=deploy.release.keys,
            unfinished=volumes.unfinished,
        )

    def _planned(self, placed: ManifestSet, observed: Observed, origin: Provenance) -> Plan:
        applied = self.release.applied(origin.labelled(placed, observed), observed)
        plan = strategies.plan(self.strategy, self.hooks.besides(applied), observed)
        return for_hub(plan) if self.settings.cluster.is_hub else plan

    def _completed(self, plan: Plan, placed: ManifestSet, observed: Observed) -> Plan:
        """A checked plan with the restarts that follow from what changes."""
        self.release.look(plan, placed, observed)
        return self.configuration.planned(plan, self.cluster, observed, going=self.release.going)


def _without_pods(settings: Settings) -> str:
    """Where no pod can be looked at while it runs; empty where one can.

    A private cluster is reached by one script after the other, and a fleet's hub runs no pods.
    """
    if settings.azure and settings.azure.cluster and settings.azure.cluster.private:
        return "private clusters"
    return "the hub of a fleet" if settings.cluster.is_hub else ""
