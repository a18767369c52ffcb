"""Canary: a new version beside the stable, with a small share of the traffic, and a baseline of
the old version of the same size to compare it with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aks_action.model.manifests import ManifestSet
from aks_action.model.observed import Observed
from aks_action.model.plan import Plan
from aks_action.model.resources import ResourceTypes
from aks_action.model.routing import GATEWAY_GROUP, ROUTE_KINDS, SPLIT_GROUP
from aks_action.model.strategy_settings import SplitMethod, StrategyAction, StrategySettings
from aks_action.strategies import interests
from aks_action.strategies.app import App, Arrange, Collection
from aks_action.strategies.canary import copies, gateway, pod, smi

_PLANS: Mapping[tuple[SplitMethod, StrategyAction], Callable[[App], Plan]] = {
    (SplitMethod.POD, StrategyAction.DEPLOY): pod.deploy,
    (SplitMethod.POD, StrategyAction.PROMOTE): pod.promote,
    (SplitMethod.POD, StrategyAction.REJECT): pod.reject,
    (SplitMethod.SMI, StrategyAction.DEPLOY): smi.deploy,
    (SplitMethod.SMI, StrategyAction.PROMOTE): smi.promote,
    (SplitMethod.SMI, StrategyAction.REJECT): smi.reject,
    (SplitMethod.GATEWAY, StrategyAction.DEPLOY): gateway.deploy,
    (SplitMethod.GATEWAY, StrategyAction.PROMOTE): gateway.promote,
    (SplitMethod.GATEWAY, StrategyAction.REJECT): gateway.reject,
}


def plan(
    settings: StrategySettings, manifests: ManifestSet, observed: Observed, arrange: Arrange
) -> Plan:
    """What to do, in an order in which traffic only ever goes to what is ready.

    manifests: with their namespaces.    observed: at least what `interest` names.
    arrange:   how `basic` deploys some of the manifests.
    Raises ManifestError for what cannot have a canary, Conflict where what is found rules it out.
    """
    app = App(settings=settings, manifests=manifests, observed=observed, arrange=arrange)
    if settings.action is StrategyAction.DEPLOY:
        copies.refuse_what_cannot_be_copied(app)
    return _PLANS[settings.split_method, settings.action](app)


def interest(
    settings: StrategySettings, manifests: ManifestSet, types: ResourceTypes
) -> tuple[Collection, ...]:
    """The collections, besides the manifests' own objects, that `plan` has to have seen."""
    by_method: Mapping[SplitMethod, tuple[tuple[str, str], ...]] = {
        SplitMethod.POD: (),
        SplitMethod.SMI: ((SPLIT_GROUP, "TrafficSplit"),),
        SplitMethod.GATEWAY: tuple((GATEWAY_GROUP, kind) for kind in ROUTE_KINDS),
    }
    return interests.collections(manifests, types, by_method[settings.split_method])
