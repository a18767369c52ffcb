"""The order of kinds that the field agrees on, for objects that do not need each other.

Composed of the install orders of Helm, Flux and Spinnaker: what defines and limits first, then
what is read, then who may do what, then workloads, then what leads traffic to them.
"""

from __future__ import annotations

from aks_action.model.manifests import Manifest

_BEFORE_OTHERS = (
    "Namespace",
    "CustomResourceDefinition",
    "PriorityClass",
    "RuntimeClass",
    "StorageClass",
    "VolumeSnapshotClass",
    "IngressClass",
    "GatewayClass",
    "ResourceQuota",
    "LimitRange",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "ConfigMap",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "StatefulSet",
    "Job",
    "CronJob",
)
_AFTER_OTHERS = (
    "HorizontalPodAutoscaler",
    "VerticalPodAutoscaler",
    "ScaledObject",
    "Ingress",
    "Gateway",
    "HTTPRoute",
    "GRPCRoute",
    "TLSRoute",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
)
_OTHERS = len(_BEFORE_OTHERS)
_RANKS = {
    **{kind: position for position, kind in enumerate(_BEFORE_OTHERS)},
    **{kind: _OTHERS + 1 + position for position, kind in enumerate(_AFTER_OTHERS)},
}


def rank(manifest: Manifest) -> int:
    """The place of a manifest's kind; kinds that nobody knows come after the workloads."""
    return _RANKS.get(manifest.kind, _OTHERS)
