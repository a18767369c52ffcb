"""Canary: a new version beside the stable, with a small share of the traffic, and a baseline of
the old version of the same size to compare it with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aks_action.errors import Conflict
from aks_action.model.manifests import ManifestSet
from aks_action.model.observed import Collection, Observed
from aks_action.model.plan import Plan
from aks_action.model.resources import ResourceTypes
from aks_action.model.strategy_settings import SplitMethod, StrategyAction, StrategySettings
from aks_action.strategies import changes, interests
from aks_action.strategies.app import App, Arrange
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
    changes.refuse_greens(app)
    _refuse_other_methods(app)
    if settings.action is StrategyAction.DEPLOY:
        copies.refuse_what_cannot_be_copied(app)
    # An earlier version becomes the stable as a promoted one does: with a canary or without.
    goes_back = settings.action is StrategyAction.ROLLBACK
    action = StrategyAction.PROMOTE if goes_back else settings.action
    return _PLANS[settings.split_method, action](app)


def interest(
    _settings: StrategySettings, manifests: ManifestSet, types: ResourceTypes
) -> tuple[Collection, ...]:
    """The collections, besides the manifests' own objects, that `plan` has to have seen."""
    return interests.collections(manifests, types)


def _refuse_other_methods(app: App) -> None:
    """Raise Conflict if a canary has traffic by another method, which this one would not take back.

    A canary by pods needs no such care: it has no more than its pods.
    """
    chosen = app.settings.split_method
    found = [
        method
        for method, has_traffic in (
            (SplitMethod.SMI, smi.has_weight),
            (SplitMethod.GATEWAY, gateway.is_routed_to_copies),
        )
        if method is not chosen and has_traffic(app)
    ]
    if found:
        raise Conflict(
            f"A canary has traffic by traffic-split-method {found[0]}, not {chosen}. Nothing was "
            "changed. Promote or reject it with the method that it was deployed with first."
        )
