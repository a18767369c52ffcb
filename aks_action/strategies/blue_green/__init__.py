"""Blue-green: a whole new version beside the stable, which takes all of the traffic at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aks_action.errors import Conflict
from aks_action.model.manifests import ManifestSet
from aks_action.model.observed import Collection, Observed
from aks_action.model.plan import Plan
from aks_action.model.resources import ResourceTypes
from aks_action.model.strategy_settings import RouteMethod, StrategyAction, StrategySettings
from aks_action.model.traffic.splits import served_version
from aks_action.strategies import changes, interests
from aks_action.strategies.app import App, Arrange
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
    StrategyAction.ROLLBACK: lifecycle.rollback,
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
    changes.refuse_canaries(app)
    _refuse_other_methods(app)
    return _ACTIONS[settings.action](app, _METHODS[settings.route_method])


def interest(
    _settings: StrategySettings, manifests: ManifestSet, types: ResourceTypes
) -> tuple[Collection, ...]:
    """The collections, besides the manifests' own objects, that `plan` has to have seen."""
    return interests.collections(manifests, types, (("apps", "ReplicaSet"),))


def _refuse_other_methods(app: App) -> None:
    """Raise Conflict if green has traffic by another method, which this one would not take back.

    A Service on green is fine with a front that is on green too: a promote aims it there before
    it replaces a stable.
    """
    chosen = app.settings.route_method
    on_green = [method for method in _METHODS if _is_on_green(app, method)]
    if chosen in on_green:
        on_green = [each for each in on_green if each is not RouteMethod.SERVICE]
    others = [method for method in on_green if method is not chosen]
    if others:
        raise Conflict(
            f"Green has traffic by route-method {' and '.join(others)}, not {chosen}. Nothing was "
            "changed. Promote or reject it with the route-method that it was deployed with first."
        )


def _is_on_green(app: App, method: RouteMethod) -> bool:
    if method is RouteMethod.SMI and served_version(app.observed.types) is None:
        return False
    return _METHODS[method].carrier(app).is_green
