"""Changed ConfigMaps and Secrets in a deploy: versions before it is planned, restarts after that,
and old versions removed when everything is healthy.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime

from aks_action.clients.ports import Cluster
from aks_action.errors import ApiError, InputError
from aks_action.model.configuration.changes import changed_configuration, namespaces
from aks_action.model.configuration.contents import with_content_hashes
from aks_action.model.configuration.history import pending, removal, surplus, with_reminder
from aks_action.model.configuration.readers import is_configuration
from aks_action.model.configuration.restart_obstacles import RESTARTABLE
from aks_action.model.configuration.restart_search import RestartRules
from aks_action.model.configuration.restarts import with_restarts
from aks_action.model.configuration.settings import ConfigChanges, ConfigSettings
from aks_action.model.configuration.versions import Versions, versioned, with_previous
from aks_action.model.manifests import Document, ManifestSet, ObjectRef, ref_of
from aks_action.model.observed import Observed
from aks_action.model.plan import Plan, Stage
from aks_action.model.settings import Settings
from aks_action.model.strategy_settings import Strategy, StrategyAction, StrategySettings
from aks_action.runtime.observing import neighbours


def open_configuration(
    settings: Settings, strategy: StrategySettings, tell: Callable[[str], None]
) -> Configuration:
    """What is done about changed configuration; nothing on the hub of a fleet, which runs no pods.

    Raises InputError for versions there.
    """
    wanted = settings.deploy.configuration
    if strategy.action is StrategyAction.ROLLBACK and wanted.changes is ConfigChanges.VERSION:
        # A record has its versions under their names.
        wanted = replace(wanted, changes=ConfigChanges.RESTART)
    if settings.cluster.is_hub:
        if wanted.changes is ConfigChanges.VERSION:
            raise InputError("Input `config-changes`: `version` is not there for a fleet's hub.")
        tell("`config-changes`: nothing is restarted on the hub of a fleet.")
        wanted = replace(wanted, changes=ConfigChanges.NONE)
    return Configuration(wanted, strategy, tell)


class Configuration:
    """What one deploy does about its ConfigMaps and Secrets; nothing with `none`."""

    def __init__(
        self, settings: ConfigSettings, strategy: StrategySettings, tell: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._strategy = strategy
        self._tell = tell
        self._manifests: ManifestSet = ()
        self._bases: dict[ObjectRef, ObjectRef | None] = {}
        self._notes: tuple[str, ...] = ()
        self._old: tuple[ObjectRef, ...] = ()
        self._pending: tuple[ObjectRef, ...] = ()

    def named(self, manifests: ManifestSet) -> ManifestSet:
        """The manifests with versions in the place of plain ConfigMaps and Secrets, if asked for.

        With canary and blue-green each workload says otherwise which content it is for.
        manifests: with their namespaces, see `observing.observe`.
        """
        plain = [each.ref for each in manifests if is_configuration(each.document)]
        versions: Versions = {}
        if self._settings.changes is ConfigChanges.VERSION:
            made = versioned(manifests)
            manifests, versions, self._notes = made.manifests, made.versions, made.notes
        elif self._settings.changes is ConfigChanges.RESTART and not self._is_plain:
            manifests = with_content_hashes(manifests)
        self._bases = {each: versions.get(each) for each in plain if each.name}
        self._manifests = manifests
        return manifests

    def planned(
        self,
        plan: Plan,
        cluster: Cluster,
        observed: Observed,
        going: Collection[ObjectRef] = (),
    ) -> Plan:
        """A checked plan with the restarts that follow from it, and what else is to be told.

        going: what is deleted at the end anyway, and so not restarted.
        """
        if self._settings.changes is ConfigChanges.NONE:
            return plan
        plan = with_previous(replace(plan, notes=(*plan.notes, *self._notes)), observed.live)
        if self._strategy.action is StrategyAction.REJECT:
            return plan
        self._old = surplus(self._bases, observed.live, self._settings.history)
        self._pending = pending(self._old, observed.live)
        plan = self._restarting(plan, cluster, observed, going)
        return with_reminder(plan, self._old, self._settings.history)

    def _restarting(
        self, plan: Plan, cluster: Cluster, observed: Observed, going: Collection[ObjectRef]
    ) -> Plan:
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        changed = changed_configuration(plan, observed, now)
        if not changed:
            return plan
        seen = neighbours.readers(cluster, namespaces(changed))
        rules = RestartRules(
            foreign=self._settings.restart_foreign,
            strategy="" if self._is_plain else str(self._strategy.strategy),
        )
        live = _with_observed(seen.documents, observed)
        plan = replace(plan, notes=(*plan.notes, *seen.notes))
        return with_restarts(
            plan, changed, (each for each in live if ref_of(each) not in going), rules
        )

    @property
    def _is_plain(self) -> bool:
        """Whether the stable gets the new content at once, and no other version shares it."""
        goes_back = self._strategy.action is StrategyAction.ROLLBACK
        return goes_back or self._strategy.strategy is Strategy.BASIC

    def tidying(self, cluster: Cluster, *, has_written: bool) -> tuple[Stage, ...]:
        """What removes the old versions that nothing names any more.

        To be asked when everything is healthy. A run that wrote nothing looks for them only if
        one before it was cut off. Who may not look removes nothing.
        """
        if not self._old or not (has_written or self._pending):
            return ()
        marked = {self._old[0], *self._pending}
        try:
            unused = neighbours.unused(cluster, self._old, self._manifests)
        except ApiError as error:
            self._tell(f"No old version of the configuration is removed: {error}")
            unused = ()
        why = f"nothing names it, and there are {self._settings.history} newer versions"
        return removal(self._old, unused, marked, why)


def _with_observed(listed: tuple[Document, ...], observed: Observed) -> tuple[Document, ...]:
    """The listed objects, and the manifests' own where those could not be listed."""
    known = {ref_of(each) for each in listed}
    own = (each for ref, each in observed.live.items() if ref.kind in RESTARTABLE)
    return (*listed, *(each for each in own if ref_of(each) not in known))
