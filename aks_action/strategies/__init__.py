"""The strategies: how new pods take over from old ones.

Each is one pure function from settings, manifests (with their namespaces) and what was observed
to a plan. None talks to the cluster; the executor and the waits are the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aks_action.model.manifests import ManifestSet
from aks_action.model.observed import Observed
from aks_action.model.plan import Plan
from aks_action.model.settings import DeploySettings, Strategy
from aks_action.strategies.basic import plan as basic

STRATEGIES: Mapping[Strategy, Callable[[DeploySettings, ManifestSet, Observed], Plan]] = {
    Strategy.BASIC: basic,
}
