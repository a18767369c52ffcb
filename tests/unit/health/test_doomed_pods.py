"""Which pods can never start, which may yet, and whom a pod's trouble is held against."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from aks_action.model.documents import set_in
from aks_action.model.health import Gravity, HealthStatus, Related, assess, makes_configuration
from aks_action.model.health.pods import pod_troubles
from aks_action.model.health.workloads import REVISION, newest_replica_set
from aks_action.model.manifests import ObjectRef
from tests.unit.health.documents import conditions, event, live, owned, pod

READY, PROGRESSING, FAILED = HealthStatus
SINCE = datetime(2026, 1, 1, 10, 0, 0, tzinfo=UTC)
BEFORE, AFTER = "2026-01-01T09:00:00Z", "2026-01-01T10:00:09Z"
CRASH = {"exitCode": 1, "finishedAt": AFTER}
NO_KEY = "couldn't find key a in ConfigMap shop/b"


@pytest.mark.parametrize(
    ("reason", "words", "gravity"),
    [
        ("ErrImagePull", "rpc error: code = NotFound desc = x: not found", Gravity.TEMPLATE),
        ("ErrImagePull", "pull access denied, repository does not exist", Gravity.TEMPLATE),
        ("ErrImagePull", "unexpected status: 403 Forbidden", Gravity.TEMPLATE),
        ("ErrImagePull", "dial tcp: lookup r.example: no such host", Gravity.TEMPLATE),
        ("ErrImagePull", "no match for platform in manifest: not found", Gravity.TEMPLATE),
        ("ErrImagePull", "unexpected status: 503 Service Unavailable", Gravity.HINT),
        ("ErrImagePull", "429 Too Many Requests: unauthorized", Gravity.HINT),
        ("ErrImagePull", "net/http: TLS handshake timeout", Gravity.HINT),
        ("ErrImagePull", "", Gravity.HINT),
        ("ImagePullBackOff", "Back-off: ErrImagePull: x: not found", Gravity.TEMPLATE),
        ("ImagePullBackOff", 'Back-off pulling image "not found"', Gravity.HINT),
        ("InvalidImageName", "", Gravity.TEMPLATE),
        ("ErrImageNeverPull", "", Gravity.POD),
        ("CreateContainerConfigError", NO_KEY, Gravity.TEMPLATE),
        ("CreateContainerConfigError", 'secret "a" not found', Gravity.TEMPLATE),
        ("CreateContainerConfigError", "image will run as root", Gravity.TEMPLATE),
        ("CreateContainerConfigError", "failed to sync configmap cache: timed out", Gravity.HINT),
        ("CreateContainerError", "no command specified", Gravity.TEMPLATE),
        ("CreateContainerError", 'failed to reserve container name "web"', Gravity.HINT),
        ("RunContainerError", 'exec: "web": executable file not found', Gravity.TEMPLATE),
        ("RunContainerError", "the node has trouble", Gravity.HINT),
    ],
)
def test_a_waiting_container_is_weighed_by_the_kubelet_s_words(
    reason: str, words: str, gravity: Gravity
) -> None:
    """What a retry cannot mend is told apart from what it can."""
    (trouble,) = pod_troubles(pod(waiting=(reason, words)), Related(since=SINCE))
    assert (trouble.code, trouble.gravity) == (reason, gravity)
    assert trouble.container == "web"


def test_a_back_off_without_a_cause_takes_it_from_the_event() -> None:
    """Kubelets before 1.32 say only `Back-off pulling image`; the Failed event has the cause."""
    waits = pod(waiting=("ImagePullBackOff", 'Back-off pulling image "shop/web:1"'))
    told = event(waits, "Failed", 'Failed to pull image "shop/web:1": not found', container="web")
    (trouble,) = pod_troubles(waits, Related(events=(told,)))
    assert trouble.message == (
        "container web: image shop/web:1 cannot be pulled: the registry does not have it"
    )


@pytest.mark.parametrize(
    ("last", "gravity", "words"),
    [
        (CRASH, Gravity.POD, "it exits with code 1 again and again"),
        ({**CRASH, "finishedAt": BEFORE}, Gravity.HINT, "it exits with code 1"),
        ({**CRASH, "exitCode": 0}, Gravity.POD, "it exits with code 0 again and again"),
        ({**CRASH, "reason": "OOMKilled"}, Gravity.POD, "killed for using more memory"),
        ({**CRASH, "reason": "StartError", "message": "no x"}, Gravity.POD, "cannot be run: no x"),
    ],
)
def test_a_crash_loop_counts_when_it_crashed_in_this_run(
    last: dict[str, Any], gravity: Gravity, words: str
) -> None:
    """A crash before this run may be the very thing that this run mends."""
    looping = pod(waiting=("CrashLoopBackOff", ""), last=last)
    (trouble,) = pod_troubles(looping, Related(since=SINCE))
    assert (trouble.gravity, words in trouble.message) == (gravity, True), trouble.message
    assert trouble.crashed


@pytest.mark.parametrize("events", [[], [("Failed", f"Error: {NO_KEY}"), ("FailedMount", "x")]])
def test_an_older_pod_is_judged_mildly(events: list[tuple[str, str]]) -> None:
    """Its state has no time, and an event that a new try has failed as well proves nothing."""
    old = pod(waiting=("CreateContainerConfigError", NO_KEY), created=BEFORE)
    told = tuple(event(old, reason, words, at=AFTER) for reason, words in events)
    (trouble,) = pod_troubles(old, Related(events=told, since=SINCE))
    assert trouble.gravity is Gravity.HINT


@pytest.mark.parametrize(
    ("related", "volumes"),
    [
        (Related(may_appear=True), []),
        (Related(), [{"csi": {"driver": "secrets-store.csi.k8s.io"}}]),
    ],
)
def test_a_secret_that_an_operator_makes_may_come_late(
    related: Related, volumes: list[dict[str, Any]]
) -> None:
    """With an ExternalSecret in the deploy, or the Secrets Store driver, it is a hint."""
    waits = pod(waiting=("CreateContainerConfigError", 'secret "a" not found'))
    waits["spec"]["volumes"] = volumes
    (trouble,) = pod_troubles(waits, related)
    assert trouble.gravity is Gravity.HINT


def test_only_objects_with_an_operator_make_configuration() -> None:
    """A kind is known by its name and a group of its own."""
    known = ObjectRef(api_version="external-secrets.io/v1", kind="ExternalSecret", name="a")
    assert makes_configuration(known)
    assert not makes_configuration(ObjectRef(api_version="v1", kind="Secret", name="a"))


@pytest.mark.parametrize("autoscaled", [True, False])
@pytest.mark.parametrize("said", ["NotTriggerScaleUp", "TriggeredScaleUp", ""])
def test_an_unschedulable_pod_fails_only_where_nothing_adds_nodes_whatever_an_event_says(
    said: str, *, autoscaled: bool
) -> None:
    stuck = pod(
        containerStatuses=[],
        conditions=[
            {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": "0/3 nodes are available: 3 Insufficient memory.",
            }
        ],
    )
    told = (event(stuck, said, "", type_="Normal"),) if said else ()
    related = Related(events=told, since=SINCE, autoscaled=autoscaled)
    (trouble,) = pod_troubles(stuck, related)
    assert trouble.gravity is (Gravity.HINT if autoscaled else Gravity.POD)
    assert "3 Insufficient memory" in trouble.message


@pytest.mark.parametrize(
    ("words", "gravity"),
    [
        ("3 Insufficient cpu", Gravity.POD),
        ("node(s) didn't match Pod's node affinity/selector", Gravity.POD),
        ("pod has unbound immediate PersistentVolumeClaims", Gravity.HINT),
        ("untolerated taint {node.kubernetes.io/not-ready: }", Gravity.HINT),
    ],
)
def test_where_nothing_adds_nodes_a_pod_that_none_can_take_is_lost(
    words: str, gravity: Gravity
) -> None:
    """Only what passes without a new node is waited for then."""
    stuck = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words}
    (trouble,) = pod_troubles(
        pod(containerStatuses=[], conditions=[stuck]), Related(autoscaled=False)
    )
    assert trouble.gravity is gravity


def test_only_the_latest_event_of_a_volume_counts() -> None:
    """A ConfigMap that was missing at first and is there by now does not fail the pod."""
    waits = pod(waiting=("ContainerCreating", ""))
    events = (
        event(waits, "FailedMount", 'MountVolume.SetUp failed for volume "c" : x "a" not found'),
        event(
            waits,
            "FailedMount",
            'MountVolume.SetUp failed for volume "c" : failed to sync configmap cache',
            at="2026-01-01T10:00:11Z",
        ),
    )
    assert pod_troubles(waits, Related(events=events)) == ()


def test_a_failed_mount_of_a_running_pod_is_over() -> None:
    """Events stay for an hour; a container that runs has its volumes."""
    runs = pod(ready=True)
    told = event(runs, "FailedMount", 'configmap "a" not found')
    assert pod_troubles(runs, Related(events=(told,))) == ()


def test_a_probe_of_another_container_is_not_blamed() -> None:
    """The event names its container by field path."""
    probe = {"readinessProbe": {"grpc": {"port": 9}}}
    waits = pod(container=probe, phase="Running")
    words = "Readiness probe failed: timeout"
    other, own = (event(waits, "Unhealthy", words, container=name) for name in ("side", "web"))
    assert pod_troubles(waits, Related(events=(other,))) == ()
    (trouble,) = pod_troubles(waits, Related(events=(own,)))
    assert trouble.message == "container web: its readiness probe (gRPC :9) fails: timeout"
    assert trouble.gravity is Gravity.HINT


def rollout(*pods: dict[str, Any], failure: str = "", **status: int) -> tuple[Any, Related]:
    """A Deployment with three replicas, its newest ReplicaSet, and that one's pods."""
    revision = {"deployment.kubernetes.io/revision": "2"}
    document = live(
        "Deployment",
        "apps/v1",
        spec={"replicas": 3, "strategy": {"rollingUpdate": {"maxUnavailable": "34%"}}},
        status={"replicas": 3, "updatedReplicas": 3, **status},
        annotations=revision,
    )
    newest = owned(live("ReplicaSet", "apps/v1", annotations=revision), document)
    if failure:
        condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate"}
        newest["status"]["conditions"] = [{**condition, "message": failure}]
    mine = tuple(owned(each, newest) for each in pods)
    return document, Related(replica_sets=(newest,), pods=mine, since=SINCE)


def test_a_revision_that_is_no_number_is_the_lowest() -> None:
    """The Deployment has none yet; who may annotate a ReplicaSet writes what he likes."""
    document, related = rollout()
    (first,) = related.replica_sets
    revisions = ("x", "9" * 5000, "7", "\N{SUPERSCRIPT TWO}")
    sets = tuple(set_in(first, ("metadata", "annotations", REVISION), each) for each in revisions)
    bare = set_in(document, ("metadata", "annotations"), {})
    assert newest_replica_set(bare, replace(related, replica_sets=sets)) == sets[2]


def crashing(name: str) -> dict[str, Any]:
    return pod(name, waiting=("CrashLoopBackOff", ""), last=CRASH)


@pytest.mark.parametrize(
    ("pods", "status"),
    [
        ([crashing("a"), crashing("b")], FAILED),
        ([crashing("a"), pod("b", waiting=("ContainerCreating", ""))], PROGRESSING),
        ([crashing("a"), pod("b", ready=True)], PROGRESSING),
        ([pod("a", waiting=("InvalidImageName", "")), pod("b")], FAILED),
        ([pod("a", waiting=("InvalidImageName", "")), pod("b", ready=True)], PROGRESSING),
        ([{**crashing("a"), "status": {"phase": "Failed", "reason": "Evicted"}}], PROGRESSING),
    ],
)
def test_a_deployment_fails_when_none_of_its_new_pods_can_start(
    pods: list[dict[str, Any]], status: HealthStatus
) -> None:
    """One pod's crash may be that pod's; what the template says holds for all of them."""
    assert assess(*rollout(*pods)).status is status


@pytest.mark.parametrize(
    ("words", "numbers", "status"),
    [
        ("exceeded quota: q", {"availableReplicas": 0}, FAILED),
        ("exceeded quota: q", {"updatedReplicas": 0, "availableReplicas": 3}, PROGRESSING),
        ("exceeded quota: q", {"updatedReplicas": 0, "availableReplicas": 2}, FAILED),
        ('admission webhook "x" denied the request: no', {}, FAILED),
        ("violates PodSecurity restricted: runAsNonRoot", {}, FAILED),
        ("failed calling webhook: connection refused", {}, PROGRESSING),
        ('serviceaccount "default" not found', {}, PROGRESSING),
        ("Internal error occurred", {}, PROGRESSING),
    ],
)
def test_pods_that_may_not_be_created_fail_the_rollout_unless_it_can_heal(
    words: str, numbers: dict[str, int], status: HealthStatus
) -> None:
    """A quota is no failure while the rollout can still stop an old replica to make room."""
    health = assess(*rollout(failure=words, **numbers))
    assert health.status is status
    assert words in health.troubles[0].message


@pytest.mark.parametrize(("at", "status"), [(BEFORE, PROGRESSING), (AFTER, FAILED)])
def test_a_progress_deadline_counts_when_it_passed_in_this_run(
    at: str, status: HealthStatus
) -> None:
    """The condition of a broken rollout must not fail the one that mends it."""
    document, related = rollout()
    exceeded = conditions(("Progressing", "False", "ProgressDeadlineExceeded"))["conditions"][0]
    document["status"]["conditions"] = [{**exceeded, "lastUpdateTime": at}]
    assert assess(document, related).status is status


def test_a_job_leaves_the_counting_of_crashes_to_its_controller() -> None:
    """A crash within backoffLimit is told; an image that does not exist fails the Job."""
    job = live("Job", "batch/v1")
    health = assess(job, Related(pods=(owned(crashing("a"), job),)))
    assert (health.status, health.troubles[0].gravity) == (PROGRESSING, Gravity.HINT)
    health = assess(job, Related(pods=(owned(pod(waiting=("InvalidImageName", "")), job),)))
    assert health.is_failed
