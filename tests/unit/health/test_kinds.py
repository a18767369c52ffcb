"""One rule per kind, in tables: status and message of small live objects."""

from typing import Any

import pytest

from aks_action.model.health import HealthStatus, Related, assess
from tests.unit.health.documents import conditions, event, live, owned, pod

READY, PROGRESSING, FAILED = HealthStatus
CONSUMER = {"metadata": {"name": "disk"}, "volumeBindingMode": "WaitForFirstConsumer"}
AT_ONCE = {"metadata": {"name": "disk"}, "volumeBindingMode": "Immediate"}
DEFAULT = {
    "metadata": {
        "name": "std",
        "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
    },
    "volumeBindingMode": "WaitForFirstConsumer",
}
CLAIM = {"storageClassName": "disk"}
GATEWAY = "gateway.networking.k8s.io/v1"
EXTENSION = "apiextensions.k8s.io/v1"


def deployment(
    replicas: int, updated: int, available: int, reason: str = "ReplicaSetUpdated", **extra: Any
) -> dict[str, Any]:
    status = {
        "replicas": replicas,
        "updatedReplicas": updated,
        "availableReplicas": available,
        "readyReplicas": available,
        **conditions(("Progressing", "True", reason)),
    }
    return live("Deployment", "apps/v1", spec={"replicas": 3, **extra}, status=status)


def parents(*groups: dict[str, Any]) -> dict[str, Any]:
    return {"parents": [{"parentRef": {"name": "public"}, **each} for each in groups]}


@pytest.mark.parametrize(
    ("document", "status", "message"),
    [
        (live("ConfigMap"), READY, "it is there"),
        (live("CronJob", "batch/v1"), READY, "it is there"),
        (live("Ingress", "networking.k8s.io/v1"), READY, "it is there"),
        (
            live("ConfigMap", deletionTimestamp="2026-01-01T00:00:00Z"),
            FAILED,
            "it is being deleted",
        ),
        (deployment(3, 3, 3, "NewReplicaSetAvailable"), READY, "3 of 3 replicas are available"),
        (deployment(3, 3, 3), PROGRESSING, "the rollout is not complete"),
        (deployment(3, 1, 3), PROGRESSING, "1 of 3 replicas are updated"),
        (deployment(4, 3, 3), PROGRESSING, "1 old replica is still to be stopped"),
        (deployment(3, 3, 2), PROGRESSING, "2 of 3 replicas are available"),
        (deployment(3, 0, 0, paused=True), READY, "it is paused"),
        (
            live("Deployment", "apps/v1", status={"observedGeneration": 1}),
            PROGRESSING,
            "its controller has not seen the change yet",
        ),
        (
            live("Deployment", "apps/v1", status={"observedGeneration": "2"}),
            PROGRESSING,
            "0 of 1 replica is updated",
        ),
        (
            {**live("Deployment", "apps/v1"), "status": {}},
            PROGRESSING,
            "its controller has not seen the change yet",
        ),
        (
            live("ReplicaSet", "apps/v1", spec={"replicas": 0}),
            READY,
            "0 of 0 replicas are available",
        ),
        (
            live(
                "StatefulSet",
                "apps/v1",
                spec={"replicas": 2},
                status={
                    "replicas": 2,
                    "readyReplicas": 2,
                    "updatedReplicas": 1,
                    "currentRevision": "a",
                    "updateRevision": "b",
                },
            ),
            PROGRESSING,
            "1 of 2 replicas are updated",
        ),
        (
            live(
                "StatefulSet",
                "apps/v1",
                spec={"replicas": 2, "updateStrategy": {"rollingUpdate": {"partition": 1}}},
                status={
                    "replicas": 2,
                    "readyReplicas": 2,
                    "updatedReplicas": 1,
                    "currentRevision": "a",
                    "updateRevision": "b",
                },
            ),
            READY,
            "2 of 2 replicas are ready",
        ),
        (
            live("StatefulSet", "apps/v1", spec={"updateStrategy": {"type": "OnDelete"}}),
            READY,
            "OnDelete",
        ),
        (live("DaemonSet", "apps/v1"), PROGRESSING, "not seen it"),
        (
            live("DaemonSet", "apps/v1", status={"desiredNumberScheduled": 0}),
            READY,
            "0 of 0 pods",
        ),
        (
            live(
                "DaemonSet",
                "apps/v1",
                status={
                    "desiredNumberScheduled": 2,
                    "currentNumberScheduled": 2,
                    "updatedNumberScheduled": 2,
                    "numberAvailable": 1,
                },
            ),
            PROGRESSING,
            "1 of 2 pods are available",
        ),
        (live("Pod", status={"phase": "Succeeded"}), READY, "completed"),
        (live("Pod", status={"phase": "Failed", "reason": "Evicted"}), FAILED, "Evicted"),
        (live("Pod", status={"phase": "Running"}), PROGRESSING, "running and not ready"),
        (live("Pod", status={"phase": "Running", **conditions(("Ready", "True"))}), READY, "ready"),
        (live("Job", "batch/v1", status=conditions(("Complete", "True"))), READY, "complete"),
        (live("Job", "batch/v1", spec={"suspend": True}), READY, "suspended"),
        (live("Job", "batch/v1", spec={"completions": 2}), PROGRESSING, "0 of 2 completions are"),
        (
            live(
                "Job", "batch/v1", status=conditions(("FailureTarget", "True", "DeadlineExceeded"))
            ),
            FAILED,
            "DeadlineExceeded",
        ),
        (live("Service", spec={"type": "ClusterIP"}), READY, "it is there"),
        (live("Service", spec={"type": "LoadBalancer"}), PROGRESSING, "no address yet"),
        (
            live(
                "Service",
                spec={"type": "LoadBalancer"},
                status={"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}},
            ),
            READY,
            "192.0.2.7",
        ),
        (live("Namespace", status={"phase": "Active"}), READY, "active"),
        (live("Namespace"), PROGRESSING, "not active"),
        (live("PersistentVolumeClaim", status={"phase": "Bound"}), READY, "bound"),
        (live("PersistentVolumeClaim", status={"phase": "Lost"}), FAILED, "gone"),
        (live("CustomResourceDefinition", EXTENSION), PROGRESSING, "not established"),
        (
            live(
                "CustomResourceDefinition",
                EXTENSION,
                status=conditions(("NamesAccepted", "True"), ("Established", "True")),
            ),
            READY,
            "established",
        ),
        (
            live(
                "CustomResourceDefinition",
                EXTENSION,
                status=conditions(("NamesAccepted", "False", "PluralConflict")),
            ),
            FAILED,
            "because PluralConflict",
        ),
        (
            live(
                "APIService",
                "apiregistration.k8s.io/v1",
                status=conditions(("Available", "False", "MissingEndpoints")),
            ),
            PROGRESSING,
            "not available yet",
        ),
        (live("HorizontalPodAutoscaler", "autoscaling/v2"), PROGRESSING, "not judged"),
        (
            live(
                "HorizontalPodAutoscaler",
                "autoscaling/v2",
                status=conditions(("ScalingActive", "False", "ScalingDisabled")),
            ),
            READY,
            "turned off",
        ),
        (
            live(
                "HorizontalPodAutoscaler",
                "autoscaling/v2",
                status=conditions(("ScalingActive", "False", "InvalidSelector")),
            ),
            FAILED,
            "because InvalidSelector",
        ),
        (live("Gateway", GATEWAY), PROGRESSING, "not accepted yet"),
        (
            live(
                "Gateway", GATEWAY, status=conditions(("Accepted", "True"), ("Programmed", "True"))
            ),
            READY,
            "accepted",
        ),
        (live("HTTPRoute", GATEWAY), PROGRESSING, "no gateway controller has answered"),
        (
            live(
                "HTTPRoute",
                GATEWAY,
                status=parents(conditions(("Accepted", "True"), ("ResolvedRefs", "True"))),
            ),
            READY,
            "accepted",
        ),
        (
            live(
                "HTTPRoute",
                GATEWAY,
                status=parents(
                    conditions(("Accepted", "True"), ("ResolvedRefs", "False", "RefNotPermitted"))
                ),
            ),
            FAILED,
            "it is not resolved by public: because RefNotPermitted",
        ),
        (
            live(
                "GRPCRoute",
                GATEWAY,
                status=parents(
                    conditions(("Accepted", "True"), ("ResolvedRefs", "False", "BackendNotFound"))
                ),
            ),
            PROGRESSING,
            "not resolved by public yet",
        ),
        (
            live("ExternalSecret", "external-secrets.io/v1", status=conditions(("Ready", "False"))),
            READY,
            "it is there",
        ),
    ],
)
def test_the_rule_of_each_kind(
    document: dict[str, Any], status: HealthStatus, message: str
) -> None:
    """A live object gives its status and says in words how far it is."""
    health = assess(document, Related())
    assert (health.status, message in health.message) == (status, True), health.message


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (conditions(("Ready", "True")), READY),
        (conditions(("Ready", "False", "Syncing")), PROGRESSING),
        (conditions(), PROGRESSING),
        (conditions(("Stalled", "True", "Invalid")), FAILED),
        (
            {"conditions": [{"type": "Ready", "status": "True", "observedGeneration": 1}]},
            PROGRESSING,
        ),
    ],
)
def test_a_custom_resource_is_waited_for_when_it_asks(
    found: dict[str, Any], status: HealthStatus
) -> None:
    """The annotation names the condition that must be True for the present generation."""
    asked = {"annotations": {"aks-action/wait-for": "Ready"}}
    document = live("Certificate", "cert-manager.io/v1", status=found, **asked)
    assert assess(document, Related()).status is status


def test_a_route_condition_of_an_older_generation_says_nothing() -> None:
    """A refusal that is about the route before this change is not held against it."""
    old = {"type": "Accepted", "status": "False", "reason": "Invalid", "observedGeneration": 1}
    health = assess(live("HTTPRoute", GATEWAY, status=parents({"conditions": [old]})), Related())
    assert health.status is PROGRESSING
    assert not health.troubles


@pytest.mark.parametrize(
    ("spec", "classes", "status"),
    [
        (CLAIM, {"disk": CONSUMER}, READY),
        (CLAIM, {"disk": AT_ONCE}, PROGRESSING),
        (CLAIM, {}, PROGRESSING),
        (CLAIM, None, PROGRESSING),
        ({}, {"std": DEFAULT, "disk": AT_ONCE}, READY),
        ({}, {"disk": CONSUMER}, PROGRESSING),
        ({"storageClassName": ""}, {"std": DEFAULT}, PROGRESSING),
    ],
)
def test_a_claim_that_waits_for_its_first_pod_is_never_waited_for(
    spec: dict[str, Any], classes: dict[str, Any] | None, status: HealthStatus
) -> None:
    """The class decides: the named one, else the default; an empty name means no class at all."""
    claim = live("PersistentVolumeClaim", spec=spec, status={"phase": "Pending"})
    assert assess(claim, Related(storage_classes=classes)).status is status


def test_the_event_tells_of_a_first_consumer_where_classes_may_not_be_listed() -> None:
    """A CI user who may not list StorageClasses does not wait for such a claim either."""
    claim = live("PersistentVolumeClaim", spec=CLAIM, status={"phase": "Pending"})
    told = event(claim, "WaitForFirstConsumer", "waiting for first consumer", type_="Normal")
    assert assess(claim, Related(events=(told,))).is_ready
    assert not assess(claim, Related(events=(told,), storage_classes={"disk": AT_ONCE})).is_ready


@pytest.mark.parametrize("complete", [True, False])
def test_a_job_that_is_being_deleted_is_done_if_it_was_complete_before(*, complete: bool) -> None:
    """With `ttlSecondsAfterFinished` it may go before anybody has seen that it is."""
    status = conditions(("Complete", "True")) if complete else {}
    job = live("Job", "batch/v1", status=status, deletionTimestamp="2026-01-01T00:00:00Z")
    assert assess(job, Related()).status is (READY if complete else FAILED)


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet", "Job", "ReplicaSet"])
def test_a_controller_that_may_not_create_its_pods_is_told_and_has_failed_if_it_says_so_itself(
    kind: str,
) -> None:
    """A ReplicaSet has a condition for it. The others have events alone, which are hints."""
    group = "batch/v1" if kind == "Job" else "apps/v1"
    words = 'Error creating: pods "web-0" is forbidden: exceeded quota: small, requested: pods=1'
    status = {"desiredNumberScheduled": 1} if kind == "DaemonSet" else {}
    document = live(kind, group, status=status)
    refused = (event(document, "FailedCreate", words),)
    if kind == "ReplicaSet":
        failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate"}
        document["status"]["conditions"] = [{**failure, "message": words}]
    health = assess(document, Related(events=refused))
    assert health.is_failed == (kind == "ReplicaSet")
    cause = "its pods cannot be created: exceeded quota: small, requested: pods=1"
    assert health.troubles[0].message == cause
    assert "ResourceQuota" in health.advice


def test_pods_of_an_older_stateful_set_revision_are_not_blamed() -> None:
    """A pod that crashed under the revision before is about to be replaced."""
    status = {"replicas": 1, "updateRevision": "new", "currentRevision": "old"}
    document = live("StatefulSet", "apps/v1", spec={"replicas": 1}, status=status)
    crashed = pod(
        waiting=("CrashLoopBackOff", ""),
        last={"exitCode": 1},
        labels={"controller-revision-hash": "old"},
    )
    health = assess(document, Related(pods=(owned(crashed, document),)))
    assert (health.status, health.troubles) == (PROGRESSING, ())


def test_pods_of_an_older_daemon_set_template_are_not_blamed() -> None:
    """The controller's label says which pods have the current template."""
    document = live(
        "DaemonSet",
        "apps/v1",
        status={"desiredNumberScheduled": 2, "currentNumberScheduled": 2},
        annotations={"deprecated.daemonset.template.generation": "3"},
    )
    old, new = (
        owned(
            pod(name, waiting=("CrashLoopBackOff", ""), last={"exitCode": 1}, labels=labels),
            document,
        )
        for name, labels in (
            ("web-old", {"pod-template-generation": "2"}),
            ("web-new", {"pod-template-generation": "3"}),
        )
    )
    assert assess(document, Related(pods=(old,))).status is PROGRESSING
    culprit = assess(document, Related(pods=(old, new))).culprit
    assert culprit is not None
    assert culprit.name == "web-new"
