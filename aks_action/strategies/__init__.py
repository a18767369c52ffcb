"""The strategies: how new pods take over from old ones.

Each is one pure function from settings, manifests (with their namespaces) and what was observed
to a plan. None talks to the cluster; the executor and the waits are the same for all.
"""

from __future__ import annotations

from functools import partial

from aks_action.model.manifests import ManifestSet
from aks_action.model.observed import Collection, Observed
from aks_action.model.plan import Plan
from aks_action.model.resources import ResourceTypes
from aks_action.model.strategy_settings import Strategy, StrategySettings
from aks_action.strategies import basic, blue_green, canary


def plan(settings: StrategySettings, manifests: ManifestSet, observed: Observed) -> Plan:
    """What to do, by the strategy that the settings name.

    observed: the manifests' own objects, and what `interest` names.
    Raises ManifestError or Conflict where the manifests or what is found rule it out.
    """
    arrange = partial(basic.plan, observed=observed)
    match settings.strategy:
        case Strategy.BASIC:
            return arrange(manifests)
        case Strategy.CANARY:
            return canary.plan(settings, manifests, observed, arrange)
        case Strategy.BLUE_GREEN:
            return blue_green.plan(settings, manifests, observed, arrange)


def interest(
    settings: StrategySettings, manifests: ManifestSet, types: ResourceTypes
) -> tuple[Collection, ...]:
    """What a strategy has to see besides the manifests' own objects."""
    match settings.strategy:
        case Strategy.BASIC:
            return ()
        case Strategy.CANARY:
            return canary.interest(settings, manifests, types)
        case Strategy.BLUE_GREEN:
            return blue_green.interest(settings, manifests, types)
