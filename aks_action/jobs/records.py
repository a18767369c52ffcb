"""Where a deploy meets its release: what is remembered, gone back to and pruned.

Nothing of it is asked or imported for a deploy without `release-name`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from aks_action.clients.ports import Cluster
from aks_action.errors import ActionError
from aks_action.model.manifests import Document, ManifestSet, ObjectRef
from aks_action.model.observed import Observed
from aks_action.model.plan import Plan, Stage
from aks_action.model.settings import Action, Settings

if TYPE_CHECKING:
    from aks_action.jobs.release import Release


class NoRelease:
    """A deploy of which nothing is remembered."""

    besides: ManifestSet = ()
    going: frozenset[ObjectRef] = frozenset()

    def __init__(self, version: str) -> None:
        self.version = version

    def manifests(self, read: ManifestSet) -> ManifestSet:
        return read

    def applied(self, manifests: ManifestSet, _observed: Observed) -> ManifestSet:
        return manifests

    def look(self, plan: Plan, placed: ManifestSet, observed: Observed) -> None:
        pass

    def planned(self, plan: Plan) -> Plan:
        return plan

    def places(self, _plan: Plan) -> tuple[str, ...]:
        return ()

    def begin(self, plan: Plan) -> None:
        pass

    def tidying(self) -> tuple[Stage, ...]:
        return ()

    def failed(self, error: ActionError) -> None:
        pass

    def finish(self, plan: Plan, live: Mapping[ObjectRef, Document]) -> None:
        pass


NO_RELEASE = NoRelease("")


def open_release(
    action: Action,
    settings: Settings,
    cluster: Cluster,
    digests: Mapping[str, str],
    tell: Callable[[str], None],
) -> Release | NoRelease:
    """The release that the inputs name, with its history read. Raises ActionError."""
    if not settings.deploy.release.name:
        return NoRelease(settings.version)
    from aks_action.jobs.release import Release  # noqa: PLC0415

    return Release(action, settings, cluster, digests, tell)
