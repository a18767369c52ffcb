"""Blue-green: a whole new version beside the stable, which takes all of the traffic at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aks_action.model.manifests import ManifestSet
from aks_action.model.observed import Observed
from aks_action.model.plan import Plan
from aks_action.model.resources import ResourceTypes
from aks_action.model.routing import GATEWAY_GROUP, ROUTE_KINDS, SPLIT_GROUP
from aks_action.model.strategy_settings import RouteMethod, StrategyAction, StrategySettings
from aks_action.strategies import interests
from aks_action.strategies.app import App, Arrange, Collection
from aks_action.strategies.blue_green import gateway, ingress, lifecycle, service, smi
from aks_action.strategies.blue_green.method import Method

_METHODS: Mapping[RouteMethod, Method] = {
    RouteMethod.SERVICE: service.METHOD,
    RouteMethod.INGRESS: ingress.METHOD,
    RouteMethod.SMI: smi.METHOD,
    RouteMethod.GATEWAY: gateway.METHOD,
}
_ACTIONS: Mapping[StrategyAction, Callable[[App, Method], Plan]] = {
    StrategyAction.DEPLOY: lifecycle.deploy,
    StrategyAction.PROMOTE: lifecycle.promote,
    StrategyAction.REJECT: lifecycle.reject,
}


def plan(
    settings: StrategySettings, manifests: ManifestSet, observed: Observed, arrange: Arrange
) -> Plan:
    """What to do, in an order in which traffic only ever goes to what is ready.

    manifests: with their namespaces.    observed: at least what `interest` names.
    arrange:   how `basic` deploys some of the manifests.
    Raises Conflict where what is found rules the action out; nothing is written then.
    """
    app = App(settings=settings, manifests=manifests, observed=observed, arrange=arrange)
    return _ACTIONS[settings.action](app, _METHODS[settings.route_method])


def interest(
    settings: StrategySettings, manifests: ManifestSet, types: ResourceTypes
) -> tuple[Collection, ...]:
    """The collections, besides the manifests' own objects, that `plan` has to have seen."""
    by_method: Mapping[RouteMethod, tuple[tuple[str, str], ...]] = {
        RouteMethod.SERVICE: (),
        RouteMethod.INGRESS: (),
        RouteMethod.SMI: ((SPLIT_GROUP, "TrafficSplit"),),
        RouteMethod.GATEWAY: tuple((GATEWAY_GROUP, kind) for kind in ROUTE_KINDS),
    }
    more = (("apps", "ReplicaSet"), *by_method[settings.route_method])
    return interests.collections(manifests, types, more)
