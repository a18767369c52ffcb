"""What an object says about other objects by name: the sites of Kubernetes' own API and of KEDA.

Ordering lets what is referred to come first; whoever renames a ConfigMap or Secret finds here
each place that names it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aks_action.model.manifests import Document, ref_of
from aks_action.model.pod_specs import CONTAINER_LISTS, Path, pod_spec_paths, value_at

Steps = tuple[str, ...]
"""A path in which `*` stands for every item of a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One object named by another.

    group:     the API group; None where the reference does not say.
    namespace: where the named object is looked for first; a cluster-scoped one has none.
    path:      where the name stands in the document.
    optional:  the object works without the other one.
    """

    kind: str
    name: str
    namespace: str
    path: Path
    group: str | None = ""
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Site:
    """Where a kind is named: the mapping at `steps` holds the name under `key`."""

    steps: Steps
    kind: str
    key: str
    group: str


def _site(at: str, kind: str, key: str = "name", group: str = "") -> _Site:
    return _Site(steps=tuple(at.split(".")) if at else (), kind=kind, key=key, group=group)


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
_IN_POD_SPECS = (
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

_IN_KINDS: Mapping[tuple[str, str], tuple[_Site, ...]] = {
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

_KNOWN_GROUPS: Mapping[str, str] = {"Service": "", "Secret": "", "ConfigMap": ""}


def references(document: Document) -> Iterator[Reference]:
    """Every other object that a document names, in the order of the sites.

    Pod specs inside of CRDs count; namespaces are the document's own where none is named.
    """
    own = ref_of(document)
    for path in pod_spec_paths(document):
        spec = value_at(document, path)
        for site in _IN_POD_SPECS:
            if not site.steps or site.steps[0] in spec:
                yield from _at_site(spec, site, own.namespace, path)
    for site in _IN_KINDS.get((own.group, own.kind), ()):
        yield from _at_site(document, site, own.namespace, ())


def _at_site(document: Any, site: _Site, namespace: str, base: Path) -> Iterator[Reference]:
    for path, holder in _holders(document, site.steps, ()):
        name = holder.get(site.key)
        kind = holder.get("kind", site.kind) if site.key == "name" else site.kind
        if not isinstance(name, str) or not name or not isinstance(kind, str) or not kind:
            continue
        there = holder.get("namespace")
        yield Reference(
            kind=kind,
            name=name,
            namespace=there if isinstance(there, str) and there else namespace,
            path=(*base, *path, site.key),
            group=_group(holder, kind, site),
            optional=holder.get("optional") is True,
        )


def _group(holder: Mapping[str, Any], kind: str, site: _Site) -> str | None:
    """What the reference says, else what the site means; None where neither knows."""
    for key in ("apiVersion", "apiGroup", "group"):
        value = holder.get(key)
        if isinstance(value, str):
            return value.rpartition("/")[0] if key == "apiVersion" else value
    return site.group if kind == site.kind else _KNOWN_GROUPS.get(kind)


def _holders(value: Any, steps: Steps, path: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """The mappings that a path with `*` leads to."""
    for position, step in enumerate(steps):
        if step == "*":
            for index, item in enumerate(value if isinstance(value, list) else ()):
                yield from _holders(item, steps[position + 1 :], (*path, index))
            return
        if not isinstance(value, Mapping) or step not in value:
            return
        value = value[step]
        path = (*path, step)
    if isinstance(value, Mapping):
        yield path, value
