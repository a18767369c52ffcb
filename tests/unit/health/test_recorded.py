"""The rules against what Kubernetes 1.37 really answered, recorded from a cluster with kubelets."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aks_action.model.health import Gravity, Health, HealthStatus, Related, assess
from aks_action.model.health.records import controller_of, uid_of
from aks_action.model.manifests import ObjectRef
from aks_action.model.volumes.mounts import Mounted, mounted

RECORDED = Path(__file__).parent / "recorded"
FAILURES: dict[str, list[dict[str, Any]]] = json.loads((RECORDED / "failures.json").read_text())
ROLLOUT: list[dict[str, Any]] = json.loads((RECORDED / "rollout.json").read_text())
READY, PROGRESSING, FAILED = HealthStatus
ABSENT = frozenset(
    Mounted(
        ref=ObjectRef(api_version="v1", kind="ConfigMap", name=name, namespace="health-record"),
        key=key,
    )
    for name, key in (("absent", ""), ("conf", "zz"))
)
"""As it was in that cluster, and as somebody has looked who saw the events."""


def related_to(document: dict[str, Any], world: dict[str, list[dict[str, Any]]]) -> Related:
    owned = [each for each in world["replica_sets"] if controller_of(each) == uid_of(document)]
    owners = {uid_of(document), *map(uid_of, owned)}
    return Related(
        replica_sets=tuple(owned),
        pods=tuple(each for each in world["pods"] if controller_of(each) in owners),
        events=tuple(world.get("events", ())),
        storage_classes={},
        absent=ABSENT,
    )


def verdict(kind: str, name: str) -> Health:
    found = [
        each
        for each in FAILURES["objects"]
        if (each["kind"], each["metadata"]["name"]) == (kind, name)
    ]
    return assess(found[0], related_to(found[0], FAILURES))


@pytest.mark.parametrize(
    ("name", "status", "gravity", "words", "advice"),
    [
        ("badtag", FAILED, Gravity.TEMPLATE, "busybox:nope cannot be pulled", "name or tag"),
        ("denied", FAILED, Gravity.TEMPLATE, "the registry refused access", "imagepullsecrets"),
        ("nohost", PROGRESSING, Gravity.HINT, "lookup registry.invalid", "reach the registry"),
        ("badname", FAILED, Gravity.TEMPLATE, "'UPPER//x' is not a valid name", "name"),
        ("never", FAILED, Gravity.POD, "not on the node", "IfNotPresent"),
        ("nokey", FAILED, Gravity.TEMPLATE, "couldn't find key nokey in ConfigMap", "the key"),
        ("noconf", FAILED, Gravity.TEMPLATE, 'configmap "absent" not found', "manifests"),
        ("crash", FAILED, Gravity.POD, "web: it exits with code 3 again and again", "log"),
        ("done", FAILED, Gravity.POD, "it exits with code 0 again and again", "Job"),
        ("oom", FAILED, Gravity.POD, "more memory than its limit (8Mi)", "limits.memory"),
        ("nocmd", FAILED, Gravity.POD, 'exec: "/no/such"', "command"),
        ("mount", FAILED, Gravity.TEMPLATE, 'volume "config": configmap "absent"', "manifests"),
        ("mountkey", FAILED, Gravity.TEMPLATE, "non-existent config key: zz", "Add the key"),
        ("noclaim", FAILED, Gravity.TEMPLATE, 'persistentvolumeclaim "absent"', "absent"),
        ("huge", PROGRESSING, Gravity.HINT, "1 Insufficient cpu", "resources.requests"),
        ("selector", PROGRESSING, Gravity.HINT, "node affinity/selector", "nodeSelector"),
        ("ready", PROGRESSING, Gravity.HINT, "readiness probe (GET :8080/healthz) fails", "port"),
        ("startup", FAILED, Gravity.POD, "startup probe (command /bin/busybox false)", "times"),
        ("live", FAILED, Gravity.POD, "liveness probe (TCP :81) fails", "liveness"),
        ("init", FAILED, Gravity.POD, "init container migrate: it exits with code 4", "log"),
        ("nosa", FAILED, Gravity.TEMPLATE, 'serviceaccount "absent" not found', "ServiceAccount"),
    ],
)
def test_a_deployment_that_cannot_start_is_named_with_cause_and_advice(
    name: str, status: HealthStatus, gravity: Gravity, words: str, advice: str
) -> None:
    """Each cause that a cluster can have is read from what the kubelet and controllers wrote."""
    health = verdict("Deployment", name)
    assert health.status is status
    trouble = health.troubles[0]
    assert trouble.gravity is gravity
    assert words in trouble.message
    assert advice in trouble.advice
    assert status is not FAILED or words in health.message
    # Who tells them puts the full stop.
    assert not any(each.endswith(".") for each in (health.message, trouble.message))


@pytest.mark.parametrize("name", ["mount", "mountkey"])
def test_an_event_alone_that_says_of_a_volume_what_is_missing_fails_nothing(name: str) -> None:
    """Whoever may create events could fail every deploy by one; it is told as a hint."""
    (document,) = (each for each in FAILURES["objects"] if each["metadata"]["name"] == name)
    related = replace(related_to(document, FAILURES), absent=frozenset())
    health = assess(document, related)
    assert health.status is PROGRESSING
    assert health.troubles[0].code == "FailedMount"
    assert set().union(*map(mounted, related.pods)) & ABSENT


@pytest.mark.parametrize(
    ("kind", "name", "status", "words"),
    [
        ("Deployment", "good", READY, "1 of 1 replica is available"),
        ("Deployment", "deadline", FAILED, "progressDeadlineSeconds of 10 s"),
        ("StatefulSet", "db", FAILED, "Pod/health-record/db-0: container db: it exits with code 6"),
        ("DaemonSet", "agent", FAILED, "container agent: it exits with code 7"),
        ("Job", "bad-job", FAILED, "Job has reached the specified backoff limit"),
        ("Job", "bad-job-onfailure", FAILED, "Job has reached the specified backoff limit"),
        ("Service", "lb", PROGRESSING, "its load balancer has no address yet"),
        ("PersistentVolumeClaim", "claim", PROGRESSING, "it is not bound yet"),
        ("HorizontalPodAutoscaler", "good", READY, "it has no metrics yet"),
    ],
)
def test_every_kind_is_judged_by_its_own_rule(
    kind: str, name: str, status: HealthStatus, words: str
) -> None:
    """What the controllers wrote gives the verdict that a person would give."""
    health = verdict(kind, name)
    assert health.status is status
    assert words in health.message


def test_a_job_names_the_pod_whose_log_says_why() -> None:
    """The pod that a failed Job keeps is the culprit, with its exit code."""
    trouble = verdict("Job", "bad-job").troubles[0]
    assert (trouble.culprit.kind, trouble.container) == ("Pod", "migrate")
    assert trouble.message == "container migrate: it exits with code 5"


def test_a_missing_storage_class_is_named() -> None:
    """A claim of an unknown class says which class, and which there are."""
    trouble = verdict("PersistentVolumeClaim", "claim2").troubles[0]
    assert trouble.message == "there is no StorageClass nope (the cluster has: none)"


def replay() -> list[tuple[int, Health]]:
    """Every state of a Deployment through two good rollouts and a bad one, with what was known.

    Its ReplicaSets and Pods are taken as they were last, so an old or later one would be blamed
    if the rule looked at any but the newest.
    """
    last: dict[str, dict[str, Any]] = {}
    for entry in ROLLOUT:
        if entry["type"] != "DELETED":
            last[uid_of(entry["object"])] = entry["object"]
    world = {
        "replica_sets": [each for each in last.values() if each["kind"] == "ReplicaSet"],
        "pods": [each for each in last.values() if each["kind"] == "Pod"],
    }
    return [
        (entry["object"]["metadata"]["generation"], assess(document, related_to(document, world)))
        for entry in ROLLOUT
        if (document := entry["object"])["kind"] == "Deployment" and entry["type"] != "DELETED"
    ]


def test_a_rollout_is_ready_once_per_generation_and_only_at_its_end() -> None:
    """Through a recorded rollout no state before the last is taken for healthy."""
    states = replay()
    for generation in (1, 2):
        verdicts = [health for seen, health in states if seen == generation]
        assert verdicts[-1].is_ready
        assert not any(health.is_ready for health in verdicts[:-1])


def test_a_rollout_tells_how_far_it_is() -> None:
    """The states between are told as what is left to do."""
    messages = [health.message for generation, health in replay() if generation == 2]
    assert list(dict.fromkeys(messages)) == [
        "its controller has not seen the change yet",
        "0 of 2 replicas are updated",
        "1 of 2 replicas are updated",
        "2 old replicas are still to be stopped",
        "1 old replica is still to be stopped",
        "2 of 2 replicas are available",
    ]


def test_a_bad_rollout_fails_although_the_old_replicas_serve() -> None:
    """Old pods that are available do not hide that the new one's image does not exist."""
    health = [health for generation, health in replay() if generation == 3][-1]
    assert health.is_failed
    assert "busybox:nope cannot be pulled: the registry does not have it" in health.message
