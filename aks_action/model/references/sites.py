"""Where Kubernetes' own API, the Gateway API and KEDA name other objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aks_action.model.pod_specs import CONTAINER_LISTS

Steps = tuple[str, ...]
"""A path in which `*` stands for every item of a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a kind is named: the mapping at `steps` holds the name under `key`."""

    steps: Steps
    kind: str
    key: str
    group: str


def _site(at: str, kind: str, key: str = "name", group: str = "") -> Site:
    return Site(steps=tuple(at.split(".")) if at else (), kind=kind, key=key, group=group)


_STORAGE = "storage.k8s.io"
_GATEWAY = "gateway.networking.k8s.io"
_RBAC = "rbac.authorization.k8s.io"
_KEDA = "keda.sh"

_IN_CONTAINERS = tuple(
    _site(f"{containers}.*.{at}", kind)
    for containers in CONTAINER_LISTS
    for at, kind in (
        ("env.*.valueFrom.configMapKeyRef", "ConfigMap"),
        ("env.*.valueFrom.secretKeyRef", "Secret"),
        ("envFrom.*.configMapRef", "ConfigMap"),
        ("envFrom.*.secretRef", "Secret"),
    )
)
IN_POD_SPECS = (
    *_IN_CONTAINERS,
    _site("volumes.*.configMap", "ConfigMap"),
    _site("volumes.*.secret", "Secret", key="secretName"),
    _site("volumes.*.projected.sources.*.configMap", "ConfigMap"),
    _site("volumes.*.projected.sources.*.secret", "Secret"),
    _site("volumes.*.csi.nodePublishSecretRef", "Secret"),
    _site("volumes.*.flexVolume.secretRef", "Secret"),
    _site("volumes.*.iscsi.secretRef", "Secret"),
    _site("volumes.*.rbd.secretRef", "Secret"),
    _site("volumes.*.cephfs.secretRef", "Secret"),
    _site("volumes.*.azureFile", "Secret", key="secretName"),
    _site("volumes.*.persistentVolumeClaim", "PersistentVolumeClaim", key="claimName"),
    _site(
        "volumes.*.ephemeral.volumeClaimTemplate.spec",
        "StorageClass",
        key="storageClassName",
        group=_STORAGE,
    ),
    _site("imagePullSecrets.*", "Secret"),
    _site("", "ServiceAccount", key="serviceAccountName"),
    _site("", "PriorityClass", key="priorityClassName", group="scheduling.k8s.io"),
    _site("", "RuntimeClass", key="runtimeClassName", group="node.k8s.io"),
    _site(
        "resourceClaims.*",
        "ResourceClaim",
        key="resourceClaimName",
        group="resource.k8s.io",
    ),
    _site(
        "resourceClaims.*",
        "ResourceClaimTemplate",
        key="resourceClaimTemplateName",
        group="resource.k8s.io",
    ),
)

_WEBHOOKS = (_site("webhooks.*.clientConfig.service", "Service"),)
_BINDING = (_site("subjects.*", ""), _site("roleRef", "", group=_RBAC))
_ROUTE = (
    _site("spec.parentRefs.*", "Gateway", group=_GATEWAY),
    _site("spec.rules.*.backendRefs.*", "Service"),
    _site("spec.rules.*.filters.*.requestMirror.backendRef", "Service"),
)
_KEDA_TRIGGERS = (_site("spec.triggers.*.authenticationRef", "TriggerAuthentication", group=_KEDA),)
_SCALED_OBJECT = (_site("spec.scaleTargetRef", "Deployment", group="apps"), *_KEDA_TRIGGERS)
_KEDA_AUTHENTICATION = (
    _site("spec.secretTargetRef.*", "Secret"),
    _site("spec.configMapTargetRef.*", "ConfigMap"),
)

IN_KINDS: Mapping[tuple[str, str], tuple[Site, ...]] = {
    ("", "ServiceAccount"): (
        _site("secrets.*", "Secret"),
        _site("imagePullSecrets.*", "Secret"),
    ),
    ("", "PersistentVolumeClaim"): (
        _site("spec", "StorageClass", key="storageClassName", group=_STORAGE),
        _site("spec", "PersistentVolume", key="volumeName"),
        _site("spec.dataSource", ""),
        _site("spec.dataSourceRef", ""),
    ),
    ("", "PersistentVolume"): (
        _site("spec", "StorageClass", key="storageClassName", group=_STORAGE),
        _site("spec.csi.nodePublishSecretRef", "Secret"),
        _site("spec.csi.nodeStageSecretRef", "Secret"),
        _site("spec.azureFile", "Secret", key="secretName"),
    ),
    ("apps", "StatefulSet"): (
        _site("spec", "Service", key="serviceName"),
        _site(
            "spec.volumeClaimTemplates.*.spec",
            "StorageClass",
            key="storageClassName",
            group=_STORAGE,
        ),
    ),
    ("networking.k8s.io", "Ingress"): (
        _site("spec.tls.*", "Secret", key="secretName"),
        _site("spec", "IngressClass", key="ingressClassName", group="networking.k8s.io"),
        _site("spec.defaultBackend.service", "Service"),
        _site("spec.rules.*.http.paths.*.backend.service", "Service"),
    ),
    (_GATEWAY, "Gateway"): (
        _site("spec", "GatewayClass", key="gatewayClassName", group=_GATEWAY),
        _site("spec.listeners.*.tls.certificateRefs.*", "Secret"),
        _site("spec.listeners.*.tls.frontendValidation.caCertificateRefs.*", "ConfigMap"),
        _site("spec.tls.backend.clientCertificateRef", "Secret"),
        _site("spec.tls.frontend.default.validation.caCertificateRefs.*", "ConfigMap"),
        _site("spec.tls.frontend.perPort.*.tls.validation.caCertificateRefs.*", "ConfigMap"),
    ),
    (_GATEWAY, "ReferenceGrant"): (_site("spec.to.*", ""),),
    (_GATEWAY, "BackendTLSPolicy"): (
        _site("spec.targetRefs.*", "Service"),
        _site("spec.validation.caCertificateRefs.*", "ConfigMap"),
    ),
    **{
        (_GATEWAY, kind): _ROUTE
        for kind in ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute")
    },
    (_RBAC, "RoleBinding"): _BINDING,
    (_RBAC, "ClusterRoleBinding"): _BINDING,
    ("autoscaling", "HorizontalPodAutoscaler"): (_site("spec.scaleTargetRef", ""),),
    ("autoscaling.k8s.io", "VerticalPodAutoscaler"): (_site("spec.targetRef", ""),),
    (_KEDA, "ScaledObject"): _SCALED_OBJECT,
    (_KEDA, "ScaledJob"): _KEDA_TRIGGERS,
    (_KEDA, "TriggerAuthentication"): _KEDA_AUTHENTICATION,
    (_KEDA, "ClusterTriggerAuthentication"): _KEDA_AUTHENTICATION,
    ("apiregistration.k8s.io", "APIService"): (_site("spec.service", "Service"),),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): _WEBHOOKS,
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): _WEBHOOKS,
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"): (
        _site(
            "spec",
            "ValidatingAdmissionPolicy",
            key="policyName",
            group="admissionregistration.k8s.io",
        ),
    ),
}
