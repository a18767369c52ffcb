"""What an API server probably serves, for as long as nobody has asked it.

A wrong guess costs one more command and decides nothing.
"""

from __future__ import annotations

from aks_action.model.manifests import ManifestSet
from aks_action.model.resources import ResourceType, ResourceTypes, index

_CLUSTER_SCOPED = frozenset(
    {
        *("Namespace", "PersistentVolume", "ClusterRole", "ClusterRoleBinding", "StorageClass"),
        *("CustomResourceDefinition", "APIService", "PriorityClass", "IngressClass"),
        *("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "RuntimeClass"),
        *("GatewayClass", "ClusterIssuer", "ClusterResourcePlacement", "CSIDriver", "Node"),
    }
)
_OF_EVERYBODY = (
    ("v1", "Namespace"),
    ("v1", "Service"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("policy/v1", "PodDisruptionBudget"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("apps/v1", "ReplicaSet"),
    ("keda.sh/v1alpha1", "ScaledObject"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    ("gateway.networking.k8s.io/v1", "GRPCRoute"),
)
"""Kinds that are looked for beside whatever the manifests hold."""


def guessed(manifests: ManifestSet) -> ResourceTypes:
    """The kinds of the manifests, and those that are looked for in any case."""
    kinds = {(each.ref.api_version, each.kind) for each in manifests}
    return index(
        ResourceType(
            api_version=api_version,
            kind=kind,
            plural=_plural(kind),
            namespaced=kind not in _CLUSTER_SCOPED,
        )
        for api_version, kind in sorted({*kinds, *_OF_EVERYBODY})
    )


def _plural(kind: str) -> str:
    """As `meta.UnsafeGuessKindToResource` of apimachinery."""
    word = kind.lower()
    if word.endswith("s"):
        return f"{word}es"
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"
