"""What the fake API server serves, and the few rules of kinds that it knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aks_action.model.documents import get_in
from aks_action.model.resources import ResourceType, index

_TYPES = """
v1 ConfigMap configmaps | v1 Secret secrets | v1 Service services | v1 Pod pods
v1 ServiceAccount serviceaccounts | v1 PersistentVolumeClaim persistentvolumeclaims
v1 ResourceQuota resourcequotas | v1 LimitRange limitranges | v1 Event events
v1 ReplicationController replicationcontrollers | v1 Endpoints endpoints
v1 PodTemplate podtemplates
apps/v1 Deployment deployments | apps/v1 StatefulSet statefulsets | apps/v1 DaemonSet daemonsets
apps/v1 ReplicaSet replicasets | batch/v1 Job jobs | batch/v1 CronJob cronjobs
apps/v1 ControllerRevision controllerrevisions
autoscaling/v2 HorizontalPodAutoscaler horizontalpodautoscalers
autoscaling/v1 HorizontalPodAutoscaler horizontalpodautoscalers
policy/v1 PodDisruptionBudget poddisruptionbudgets
networking.k8s.io/v1 Ingress ingresses | networking.k8s.io/v1 NetworkPolicy networkpolicies
rbac.authorization.k8s.io/v1 Role roles | rbac.authorization.k8s.io/v1 RoleBinding rolebindings
discovery.k8s.io/v1 EndpointSlice endpointslices | coordination.k8s.io/v1 Lease leases
placement.kubernetes-fleet.io/v1beta1 ResourcePlacement resourceplacements
"""
_CLUSTER_TYPES = """
v1 Namespace namespaces | v1 Node nodes | v1 PersistentVolume persistentvolumes
storage.k8s.io/v1 StorageClass storageclasses
rbac.authorization.k8s.io/v1 ClusterRole clusterroles
rbac.authorization.k8s.io/v1 ClusterRoleBinding clusterrolebindings
apiextensions.k8s.io/v1 CustomResourceDefinition customresourcedefinitions
scheduling.k8s.io/v1 PriorityClass priorityclasses
networking.k8s.io/v1 IngressClass ingressclasses
apiregistration.k8s.io/v1 APIService apiservices
"""
_KNOWN_FIELDS = {
    "ConfigMap": {"": {"data", "binaryData", "immutable"}},
    "Secret": {"": {"data", "stringData", "type", "immutable"}},
    "Deployment": {
        "": {"spec", "status"},
        "spec": {
            "replicas", "selector", "template", "strategy", "minReadySeconds", "paused",
            "revisionHistoryLimit", "progressDeadlineSeconds",
        },
    },
}  # fmt: skip
IMMUTABLE = {
    "Deployment": (("spec", "selector"),),
    "StatefulSet": (("spec", "selector"), ("spec", "serviceName")),
    "DaemonSet": (("spec", "selector"),),
    "Job": (("spec", "selector"), ("spec", "template"), ("spec", "completionMode")),
    "RoleBinding": (("roleRef",),),
    "ClusterRoleBinding": (("roleRef",),),
}  # fmt: skip
_ESTABLISHED = {
    "conditions": [
        {"type": "NamesAccepted", "status": "True"},
        {"type": "Established", "status": "True"},
    ]
}


def unknown_fields(document: Mapping[str, Any]) -> Iterator[str]:
    """Paths of fields that the schema does not have, where this fake knows the schema."""
    for path, known in _KNOWN_FIELDS.get(document["kind"], {}).items():
        fields = get_in(document, path.split(".") if path else [], {})
        everywhere = {"apiVersion", "kind", "metadata"} if not path else set()
        for name in sorted(set(fields) - known - everywhere):
            yield ".".join(("", *filter(None, [path]), name))


def born(document: Mapping[str, Any]) -> dict[str, Any]:
    """A new object with what the server and its controllers add at once to some kinds."""
    match document["kind"]:
        case "Namespace":
            return {**document, "status": {"phase": "Active"}}
        case "CustomResourceDefinition":
            return {**document, "status": _ESTABLISHED}
        case _:
            return dict(document)


def builtin_types() -> dict[tuple[str, str], ResourceType]:
    found = []
    for text, namespaced in ((_TYPES, True), (_CLUSTER_TYPES, False)):
        for entry in text.replace("\n", "|").split("|"):
            if entry.strip():
                api_version, kind, plural = entry.split()
                found.append(
                    ResourceType(
                        api_version=api_version, kind=kind, plural=plural, namespaced=namespaced
                    )
                )
    return index(found)
