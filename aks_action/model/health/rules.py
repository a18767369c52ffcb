"""The table of rules, and what holds for every kind before its own rule is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aks_action.model.documents import get_in
from aks_action.model.health.cluster_objects import (
    assess_api_service,
    assess_autoscaler,
    assess_custom,
    assess_definition,
    assess_namespace,
)
from aks_action.model.health.fleets import assess_placement
from aks_action.model.health.jobs import assess_job, is_complete
from aks_action.model.health.network import assess_gateway, assess_route, assess_service
from aks_action.model.health.pods import assess_pod
from aks_action.model.health.records import Health, Related, failed, progressing
from aks_action.model.health.storage import assess_claim
from aks_action.model.health.workloads import (
    assess_daemon_set,
    assess_deployment,
    assess_replica_set,
    assess_stateful_set,
)
from aks_action.model.manifests import Document, ObjectRef, ref_of

Rule = Callable[[Document, Related], Health]

RULES: Mapping[str, Rule] = {
    "Pod": assess_pod,
    "Service": assess_service,
    "Namespace": assess_namespace,
    "PersistentVolumeClaim": assess_claim,
    "Deployment.apps": assess_deployment,
    "ReplicaSet.apps": assess_replica_set,
    "StatefulSet.apps": assess_stateful_set,
    "DaemonSet.apps": assess_daemon_set,
    "Job.batch": assess_job,
    "HorizontalPodAutoscaler.autoscaling": assess_autoscaler,
    "CustomResourceDefinition.apiextensions.k8s.io": assess_definition,
    "APIService.apiregistration.k8s.io": assess_api_service,
    "Gateway.gateway.networking.k8s.io": assess_gateway,
    "HTTPRoute.gateway.networking.k8s.io": assess_route,
    "GRPCRoute.gateway.networking.k8s.io": assess_route,
    "ClusterResourcePlacement.placement.kubernetes-fleet.io": assess_placement,
    "ResourcePlacement.placement.kubernetes-fleet.io": assess_placement,
}
"""Rules by `kind.group`. Kinds that are absent are healthy when they are there: ConfigMap,
Secret, CronJob, Ingress (whose address may never come), PodDisruptionBudget, roles, …"""

WORKLOADS = frozenset(
    {"Deployment.apps", "ReplicaSet.apps", "StatefulSet.apps", "DaemonSet.apps", "Job.batch", "Pod"}
)
"""Kinds whose health is told by pods."""

_MAKERS = frozenset(
    {
        *("ExternalSecret", "ClusterExternalSecret", "SealedSecret", "SecretProviderClass"),
        *("Certificate", "AzureKeyVaultSecret", "VaultStaticSecret", "VaultDynamicSecret"),
        *("OnePasswordItem", "InfisicalSecret", "DopplerSecret", "Bundle"),
    }
)


def makes_configuration(ref: ObjectRef) -> bool:
    """Whether an object's operator makes Secrets or ConfigMaps, some time after it was applied."""
    return ref.kind in _MAKERS and "." in ref.group


def assess(document: Document, related: Related) -> Health:
    """How healthy an object is, by the rule of its kind.

    document: the live object, with apiVersion and kind.
    related:  what is known about it; an empty `Related()` gives the verdict of its own status.

    A status that was written for an older generation says nothing, and an object that is being
    deleted is never healthy, but for a Job that was complete before.
    """
    rule = RULES.get(ref_of(document).group_kind, assess_custom)
    if get_in(document, ("metadata", "deletionTimestamp")) and not _has_done_its_work(document):
        return failed("it is being deleted")
    if rule is not assess_custom and not _is_observed(document):
        return progressing("its controller has not seen the change yet")
    return rule(document, related)


def _has_done_its_work(document: Document) -> bool:
    return ref_of(document).group_kind == "Job.batch" and is_complete(document)


def _is_observed(document: Document) -> bool:
    """Whether the status is of the present generation.

    Kinds without `status.observedGeneration` have nothing to compare, but a Deployment,
    StatefulSet, ReplicaSet or DaemonSet without it was not looked at yet. Some controllers write
    it as text.
    """
    generation = get_in(document, ("metadata", "generation"))
    observed = get_in(document, ("status", "observedGeneration"))
    if observed is None:
        return ref_of(document).group != "apps"
    try:
        return int(observed) >= int(generation)
    except (TypeError, ValueError, OverflowError):
        return True
