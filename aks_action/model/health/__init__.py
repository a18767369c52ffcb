"""Is it healthy? One rule per kind, over documents that were already fetched.

    assess(document, related) -> Health

Sources of the rules: `kubectl rollout status` (pkg polymorphichelpers), kstatus of
sigs.k8s.io/cli-utils, the Kubernetes and Gateway API reference; where they differ, the docstring
of the rule says which one is followed and why.
"""

from aks_action.model.health.records import Gravity, Health, HealthStatus, Related, Trouble
from aks_action.model.health.rules import RULES, WORKLOADS, assess, makes_configuration

__all__ = [
    "RULES",
    "WORKLOADS",
    "Gravity",
    "Health",
    "HealthStatus",
    "Related",
    "Trouble",
    "assess",
    "makes_configuration",
]
