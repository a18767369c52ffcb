"""Workloads that can never start, on real kubelets: named within two seconds, with their cause."""

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from aks_action.clients.clock import SystemClock
from aks_action.clients.ports import Cluster, WatchEvent
from aks_action.errors import RolloutFailed, RolloutTimeout, Source
from aks_action.model.documents import get_in
from aks_action.model.health import Trouble
from aks_action.model.manifests import Document, Manifest, ObjectRef, ref_of
from aks_action.model.outcomes import Diagnosis
from aks_action.runtime.diagnosis import diagnose_all
from aks_action.runtime.feeds import WATCH_SECONDS
from aks_action.runtime.waiting import Listener, WaitResult, wait

NAMED_WITHIN = 2.0
"""Seconds from when the API server tells of it."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """warned: each trouble, and when it was told."""

    result: WaitResult
    warned: list[tuple[float, Trouble]]
    diagnoses: tuple[Diagnosis, ...]
    cpu_seconds: float
    seconds: float

    def first(self, code: str) -> tuple[float, Trouble]:
        return next(each for each in self.warned if each[1].code == code)


@contextmanager
def witness(cluster: Cluster, namespace: str) -> Iterator[dict[str, float]]:
    """When a watch of somebody else first saw each reason of events and of waiting containers."""
    seen: dict[str, float] = {}
    watches = [
        cluster.watch(
            "v1", kind, namespace=namespace, resource_version="", timeout_seconds=WATCH_SECONDS
        )
        for kind in ("Pod", "Event")
    ]

    def look(watch: AbstractContextManager[Iterator[WatchEvent]]) -> None:
        with watch as events:
            for each in events:
                for reason in _reasons(each.object):
                    seen.setdefault(reason, time.monotonic())

    threads = [threading.Thread(target=look, args=(each,)) for each in watches]
    for each in threads:
        each.start()
    try:
        yield seen
    finally:
        for watch in watches:
            watch.__exit__(None, None, None)
        for each in threads:
            each.join()


def _reasons(document: Document) -> Iterator[str]:
    if document["kind"] == "Event":
        yield document.get("reason", "")  # a bookmark has none
    for each in get_in(document, ("status", "containerStatuses"), ()):
        yield get_in(each, ("state", "waiting", "reason"), "")
        if get_in(each, ("state", "terminated")) and get_in(each, ("lastState", "terminated")):
            yield "CrashLoopBackOff"  # which is shown only between two crashes


@pytest.fixture(name="busybox")
def _busybox(images: str) -> str:
    return dict(line.split("=", 1) for line in images.splitlines())["busybox"]


def pod_spec(busybox: str, *command: str, **container: Any) -> dict[str, Any]:
    pod = container.pop("pod", {})
    main = {"name": "web", "image": busybox, "command": list(command or ("sleep", "3600"))}
    return {"terminationGracePeriodSeconds": 0, "containers": [{**main, **container}], **pod}


def deployment(namespace: str, spec: dict[str, Any], name: str = "web", **extra: Any) -> Document:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
            **extra,
        },
    }


def job(namespace: str, spec: dict[str, Any]) -> Document:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "migrate", "namespace": namespace},
        "spec": {"backoffLimit": 1, "template": {"spec": spec}},
    }


def deploy(cluster: Cluster, *documents: Document, seconds: float = 40.0) -> Ended:
    """Apply and wait, as the executor does."""
    clock, since = SystemClock(), datetime.now(UTC)
    live: dict[ObjectRef, Document] = {ref_of(each): cluster.apply(each) for each in documents}
    warned: list[tuple[float, Trouble]] = []
    cpu, started = time.process_time(), clock.now()
    result = wait(
        cluster,
        [
            Manifest(document=each, source=Source(file="app.yml", line=number))
            for number, each in enumerate(documents, 1)
        ],
        live=live,
        deadline=clock.now() + seconds,
        clock=clock,
        since=since,
        listener=Listener(
            tell=lambda _line: None,
            warn=lambda _manifest, trouble: warned.append((time.monotonic(), trouble)),
        ),
    )
    return Ended(
        result=result,
        warned=warned,
        cpu_seconds=time.process_time() - cpu,
        seconds=clock.now() - started,
        diagnoses=diagnose_all(cluster, result),
    )


CASES: dict[str, tuple[dict[str, Any], str, str, str, str]] = {
    # the container; the trouble's code; the cluster's event; words of the reason and the advice
    "a tag that does not exist": (
        {"image": "{image}-nowhere"},
        "ErrImagePull",
        "Failed",
        "the registry does not have it",
        "push it before the deploy",
    ),
    "a key that its ConfigMap lacks": (
        {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "conf", "key": "b"}}}]},
        "CreateContainerConfigError",
        "Failed",
        "couldn't find key b",
        "Add the key",
    ),
    "a ConfigMap that cannot be mounted": (
        {
            "volumeMounts": [{"name": "config", "mountPath": "/config"}],
            "pod": {"volumes": [{"name": "config", "configMap": {"name": "absent"}}]},
        },
        "FailedMount",
        "FailedMount",
        'configmap "absent" not found',
        "Add the object",
    ),
    "a command that is not there": (
        {"command": ["/no/such"]},
        "RunContainerError",
        "Failed",
        "no such file or directory",
        "Correct `command`",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_can_never_start_is_named_and_fails_at_once(
    case: tuple[dict[str, Any], str, str, str, str],
    cluster: Cluster,
    namespace: str,
    busybox: str,
) -> None:
    """The cause is told within two seconds of the cluster's event, the wait ends right after."""
    container, code, event, reason, advice = case
    image = container.get("image", busybox).replace("{image}", busybox)
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "conf", "namespace": namespace},
        "data": {"a": "1"},
    }
    spec = pod_spec(busybox, **{**container, "image": image})
    with witness(cluster, namespace) as known:
        ended = deploy(cluster, config, deployment(namespace, spec))
    told, _ = ended.first(code)
    assert told - known[code] <= NAMED_WITHIN
    assert isinstance(ended.result.error, RolloutFailed)
    (found,) = ended.diagnoses
    assert reason in found.reason
    assert advice in found.advice
    assert any(line.startswith(event) for line in found.events)


@pytest.mark.flaky_because(
    "`basic` believes a container without a probe 1.3 s after it is ready, and a kubelet without a "
    "free CPU has told of a crash later than that: the deploy is then right to call it healthy"
)
def test_a_crash_loop_shows_the_log_of_the_run_that_crashed(
    cluster: Cluster, namespace: str, busybox: str
) -> None:
    """Without a readiness probe it counts as ready for a moment; that is not believed."""
    spec = pod_spec(busybox, "sh", "-c", "echo no database; exit 3")
    with witness(cluster, namespace) as known:
        ended = deploy(cluster, deployment(namespace, spec))
    assert isinstance(ended.result.error, RolloutFailed)
    told, trouble = ended.first("CrashLoopBackOff")
    assert "it exits with code 3 again and again" in trouble.message
    assert told - known["CrashLoopBackOff"] <= NAMED_WITHIN
    assert "no database" in ended.diagnoses[0].logs


def test_a_quota_is_named_with_its_numbers(cluster: Cluster, namespace: str, busybox: str) -> None:
    """The ReplicaSet may not create its pod, and nothing will make room."""
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none", "namespace": namespace},
        "spec": {"hard": {"pods": "0"}},
    }
    cluster.apply(quota)
    time.sleep(1)  # the quota controller has to count once before it refuses
    ended = deploy(cluster, deployment(namespace, pod_spec(busybox)))
    assert isinstance(ended.result.error, RolloutFailed)
    assert "exceeded quota: none, requested: pods=1" in ended.diagnoses[0].reason
    assert ended.seconds < 10


def test_a_pod_for_which_there_is_no_node_is_named_at_once_and_fails_soon(
    cluster: Cluster, namespace: str, busybox: str
) -> None:
    """Nothing adds nodes to this cluster, so the wait does not last until the deadline."""
    spec = pod_spec(busybox, resources={"requests": {"cpu": "900"}})
    ended = deploy(cluster, deployment(namespace, spec), seconds=60)
    _, trouble = ended.first("Unschedulable")
    assert "Insufficient cpu" in trouble.message
    assert isinstance(ended.result.error, RolloutFailed)
    assert 15 <= ended.seconds < 30
    assert "Lower resources.requests" in ended.diagnoses[0].advice


def test_a_readiness_probe_is_named_at_once_and_ends_with_the_deadline(
    cluster: Cluster, namespace: str, busybox: str
) -> None:
    """It may still succeed, so it is told and not held against the pod before time is up."""
    probe = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1}
    spec = pod_spec(busybox, "sh", "-c", "echo waiting; sleep 3600", readinessProbe=probe)
    with witness(cluster, namespace) as known:
        ended = deploy(cluster, deployment(namespace, spec), seconds=8)
    assert isinstance(ended.result.error, RolloutTimeout)
    told, trouble = ended.first("Unhealthy")
    assert "its readiness probe (GET :8080/healthz) fails" in trouble.message
    assert told - known["Unhealthy"] <= NAMED_WITHIN
    assert "waiting" in ended.diagnoses[0].logs


@pytest.mark.parametrize("policy", ["Never", "OnFailure"])
def test_a_job_that_fails_shows_its_log_also_when_its_pod_is_gone(
    policy: str, cluster: Cluster, namespace: str, busybox: str
) -> None:
    """With OnFailure the Job controller deletes the pod as it gives up."""
    command = ("sh", "-c", "echo no such table; exit 5")
    ended = deploy(
        cluster, job(namespace, pod_spec(busybox, *command, pod={"restartPolicy": policy}))
    )
    assert isinstance(ended.result.error, RolloutFailed)
    (found,) = ended.diagnoses
    assert "it has failed: Job has reached the specified backoff limit" in found.reason
    assert "container web: it exits with code 5" in found.reason
    assert "no such table" in found.logs


def test_twenty_deployments_are_waited_for_with_little_of_the_cpu(
    cluster: Cluster, namespace: str, busybox: str
) -> None:
    """The wait must not take the CPU from the pods it waits for."""
    probe = {"exec": {"command": ["true"]}, "periodSeconds": 1}
    documents = [
        deployment(namespace, pod_spec(busybox, readinessProbe=probe), f"web-{number}")
        for number in range(20)
    ]
    ended = deploy(cluster, *documents, seconds=90)
    assert ended.result.error is None
    assert ended.cpu_seconds < 1.0
