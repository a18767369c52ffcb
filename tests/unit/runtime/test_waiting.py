"""Waiting for all targets at once, against an API server in memory."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aks_action.clients.clock import SystemClock
from aks_action.clients.ports import WatchEvent
from aks_action.errors import ApiError, ApplyError, Cancelled, RolloutFailed, RolloutTimeout, Source
from aks_action.model.health import Trouble
from aks_action.model.manifests import Document, Manifest, ObjectRef, ref_of
from aks_action.runtime.diagnosis import diagnose_all
from aks_action.runtime.waiting import Listener, WaitResult, wait
from tests.fakes.clock import FakeClock, HurriedClock
from tests.fakes.cluster import FakeCluster

SINCE = datetime.now(UTC)
DONE = {
    "observedGeneration": 1,
    "replicas": 1,
    "updatedReplicas": 1,
    "readyReplicas": 1,
    "availableReplicas": 1,
}


class Scene:
    """A fake cluster with one namespace, and what a wait in it said."""

    def __init__(self) -> None:
        self.cluster = FakeCluster("shop")
        self.live: dict[ObjectRef, Document] = {}
        self.manifests: list[Manifest] = []
        self.said: list[str] = []
        self.warned: list[Trouble] = []

    def add(self, kind: str, api_version: str, name: str = "web", **parts: Any) -> Document:
        document = {
            "apiVersion": api_version,
            "kind": kind,
            "metadata": {"name": name, "namespace": "shop", **parts.pop("metadata", {})},
            **parts,
        }
        return self.cluster.put(document)

    def target(self, kind: str, api_version: str, name: str = "web", **parts: Any) -> Document:
        document = self.add(kind, api_version, name, **parts)
        source = Source(file="app.yml", line=len(self.manifests) + 1)
        self.manifests.append(Manifest(document=document, source=source))
        self.live[ref_of(document)] = document
        return document

    def deployment(self, name: str = "web") -> Document:
        return self.target("Deployment", "apps/v1", name, spec={"replicas": 1})

    def when_watched(self, kind: str, act: Callable[[], None]) -> None:
        self.when_asked("watch", kind, act)

    def when_asked(self, verb: str, kind: str, act: Callable[[], None]) -> None:
        """Act once, on another thread, when such a request has come."""

        def run() -> None:
            for _ in range(2000):
                if any(
                    (each.verb, each.ref.kind) == (verb, kind) for each in self.cluster.requests
                ):
                    return act()
                threading.Event().wait(0.005)
            return None

        threading.Thread(target=run, daemon=True).start()

    def finish(self, *documents: Document) -> None:
        for document in documents:
            self.cluster.set_status(ref_of(document), DONE)

    def wait(self, seconds: float = 600.0, clock: Any = None, *, steady: float = 0.0) -> WaitResult:
        clock = clock or HurriedClock()
        return wait(
            self.cluster,
            self.manifests,
            live=self.live,
            deadline=clock.now() + seconds,
            clock=clock,
            since=SINCE,
            listener=Listener(
                tell=self.said.append,
                warn=lambda _manifest, trouble: self.warned.append(trouble),
            ),
            steady=steady,
        )


@pytest.fixture
def scene() -> Scene:
    return Scene()


def verbs(scene: Scene) -> list[tuple[str, str]]:
    return [(each.verb, each.ref.kind) for each in scene.cluster.requests]


def crashed_pod(scene: Scene, owner: Document, **status: Any) -> Document:
    waiting = {"reason": "CrashLoopBackOff", "message": ""}
    container = {
        "name": "web",
        "image": "web:1",
        "ready": False,
        "state": {"waiting": waiting},
        "lastState": {"terminated": {"exitCode": 3}},
    }
    return scene.add(
        "Pod",
        "v1",
        "web-1",
        metadata={"ownerReferences": [reference(owner)]},
        spec={"containers": [{"name": "web"}]},
        status={"phase": "Running", "containerStatuses": [container], **status},
    )


def reference(owner: Document) -> dict[str, Any]:
    return {"kind": owner["kind"], "uid": owner["metadata"]["uid"], "controller": True}


def test_what_is_healthy_already_costs_no_request(scene: Scene) -> None:
    """An unchanged deploy does not ask the cluster again."""
    done = scene.deployment()
    scene.live[ref_of(done)] = scene.cluster.set_status(ref_of(done), DONE)
    scene.target("ConfigMap", "v1", data={"a": "b"})
    asked = len(scene.cluster.requests)
    result = scene.wait()
    assert result.error is None
    assert len(scene.cluster.requests) == asked


@pytest.mark.parametrize("written", [True, False])
def test_a_placement_is_watched_when_the_run_has_written_what_it_may_place(
    scene: Scene,
    written: bool,  # noqa: FBT001
) -> None:
    """Its status is of before; it is unchanged itself."""
    long_ago = (SINCE - timedelta(days=1)).isoformat()
    conditions = [
        {"type": f"ResourcePlacement{name}", "status": "True", "lastTransitionTime": long_ago}
        for name in ("Scheduled", "Applied", "Available")
    ]
    status = {"conditions": [{**each, "observedGeneration": 1} for each in conditions]}
    kind, version = "ResourcePlacement", "placement.kubernetes-fleet.io/v1beta1"
    scene.target(kind, version, status=status)
    field = {"manager": "aks-action", "time": SINCE.isoformat() if written else long_ago}
    config = scene.add("ConfigMap", "v1")
    metadata = {**config["metadata"], "managedFields": [field]}
    scene.live[ref_of(config)] = {**config, "metadata": metadata}
    assert scene.wait(clock=HurriedClock(200)).error is None
    assert (("list", kind) in verbs(scene)) is written


def test_all_targets_are_waited_for_at_once_by_one_watch_per_kind(scene: Scene) -> None:
    """Ten Deployments cost one LIST and one WATCH of each kind that tells of them."""
    documents = [scene.deployment(f"web-{number}") for number in range(10)]
    scene.when_watched("Deployment", lambda: scene.finish(*documents))
    result = scene.wait()
    assert result.error is None
    asked = verbs(scene)
    kinds = ("Deployment", "ReplicaSet", "Pod", "Event")
    assert sorted(each for each in asked if each[0] == "list") == sorted(
        ("list", kind) for kind in kinds
    )
    assert {each for each in asked if each[0] == "watch"} <= {("watch", kind) for kind in kinds}
    assert len(asked) == len(set(asked))
    assert sum("is ready after" in line for line in scene.said) == 10


def test_what_happened_before_the_watch_is_found_by_the_list(scene: Scene) -> None:
    """A controller that was faster than the first LIST is no problem."""
    scene.finish(scene.deployment())
    assert scene.wait().error is None


def test_readiness_without_a_probe_is_believed_after_the_kubelet_s_next_look(
    scene: Scene,
) -> None:
    """A container that ends at once counts as ready for a second; the crash then undoes it."""
    template = {"spec": {"containers": [{"name": "web"}]}}
    spec = {"replicas": 1, "template": template}
    document = scene.target("Deployment", "apps/v1", spec=spec)
    replica_set = scene.add(
        "ReplicaSet", "apps/v1", metadata={"ownerReferences": [reference(document)]}
    )

    def crash(cluster: FakeCluster, event: WatchEvent) -> None:
        if event.object.get("status") == DONE:
            threading.Timer(0.01, end).start()

    def end() -> None:
        crashed_pod(scene, replica_set)
        scene.cluster.set_status(ref_of(document), {**DONE, "availableReplicas": 0})

    scene.cluster.controllers.append(crash)
    scene.when_watched("Deployment", lambda: scene.finish(document))
    assert isinstance(scene.wait(clock=HurriedClock(speed=10.0)).error, RolloutFailed)


def steady_pod(scene: Scene, owner: Document, *, restarts: int = 0, **times: str) -> Document:
    """A pod that is ready and runs; `began`: since when, by the cluster's clock."""
    began = times.get("began", datetime.now(UTC).isoformat())
    status = {"name": "web", "restartCount": restarts, "state": {"running": {"startedAt": began}}}
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": began}
    return scene.add(
        "Pod",
        "v1",
        "web-1",
        metadata={"ownerReferences": [reference(owner)]},
        status={"phase": "Running", "conditions": [ready], "containerStatuses": [status]},
    )


def stateful(scene: Scene) -> Document:
    """A workload that is ready, and whose pods are its own."""
    document = scene.target("StatefulSet", "apps/v1", spec={"replicas": 1})
    scene.live[ref_of(document)] = scene.cluster.set_status(ref_of(document), DONE)
    return document


def test_steady_pods_are_waited_for_although_the_workload_is_ready(scene: Scene) -> None:
    steady_pod(scene, stateful(scene))
    clock = HurriedClock(speed=200.0)
    began = clock.now()
    assert scene.wait(clock=clock, steady=12.0).error is None
    assert clock.now() - began >= 12.0


def test_pods_that_have_lived_for_long_are_believed_at_once(scene: Scene) -> None:
    steady_pod(scene, stateful(scene), began="2026-01-01T00:00:00Z")
    clock = HurriedClock(speed=200.0)
    began = clock.now()
    assert scene.wait(clock=clock, steady=600.0).error is None
    assert clock.now() - began < 600.0


def test_a_pod_that_crashes_again_and_again_after_it_was_ready_is_diagnosed(scene: Scene) -> None:
    """Like any other failure: with the reason and the log of the run that ended."""
    owner = stateful(scene)
    steady_pod(scene, owner)
    scene.cluster.pod_logs["shop", "web-1", "web", True] = "no such table\n"

    def crash() -> None:
        crashed_pod(scene, owner, conditions=[{"type": "Ready", "status": "False"}])
        unready = {**DONE, "readyReplicas": 0, "availableReplicas": 0}
        scene.cluster.set_status(ref_of(owner), unready)

    scene.when_watched("Pod", crash)
    result = scene.wait(clock=HurriedClock(speed=20.0), steady=60.0)
    assert isinstance(result.error, RolloutFailed)
    (found,) = diagnose_all(scene.cluster, result)
    assert "container web: it exits with code 3 again and again" in found.reason
    assert found.logs[1:] == ("no such table",)


def test_a_crash_of_which_no_watch_has_told_is_found_by_looking_again(scene: Scene) -> None:
    owner = stateful(scene)
    steady_pod(scene, owner)
    looked = 0

    class Deaf(FakeCluster):
        """Its watches of pods tell nothing; from the second LIST on a container was restarted."""

        def watch(self, api_version: str, kind: str, **given: Any) -> Any:
            elsewhere = {"namespace": "default"} if kind == "Pod" else {}
            return super().watch(api_version, kind, **(given | elsewhere))

        def list(self, api_version: str, kind: str, **given: Any) -> Any:
            nonlocal looked
            looked += kind == "Pod"
            if kind == "Pod" and looked == 2:
                steady_pod(scene, owner, restarts=1)
            return super().list(api_version, kind, **given)

    scene.cluster.__class__ = Deaf
    clock = HurriedClock(speed=60.0)
    began = clock.now()
    assert scene.wait(clock=clock, steady=6.0).error is None
    assert clock.now() - began >= 6.0 + 12.0
    assert looked in (3, 4)  # the watch is silent for 15 s, too


def test_pods_that_are_not_steady_in_time_are_told(scene: Scene) -> None:
    steady_pod(scene, stateful(scene))
    error = scene.wait(seconds=3.0, steady=6.0).error
    assert isinstance(error, RolloutTimeout)
    assert "1 of 1 replica is ready, but not yet for 6 s without a restart" in str(error)


def test_pods_that_have_to_be_steady_and_may_not_be_watched_end_the_wait(scene: Scene) -> None:
    stateful(scene)
    scene.cluster.forbid("list", "Pod", namespace="shop")
    with pytest.raises(ApiError, match="pods"):
        scene.wait(steady=6.0)


def test_an_older_generation_does_not_count(scene: Scene) -> None:
    """A stale answer that shows the object before our change is not its health."""
    document = scene.deployment()
    newer = {**document, "metadata": {**document["metadata"], "generation": 2}}
    scene.live[ref_of(document)] = newer
    scene.finish(document)
    error = scene.wait(seconds=2.0).error
    assert isinstance(error, RolloutTimeout)


def test_time_that_is_up_is_told_apart_from_a_failure(scene: Scene) -> None:
    """The error names each object that is left, where it was written, and how far it was."""
    scene.deployment()
    error = scene.wait(seconds=1.0).error
    assert isinstance(error, RolloutTimeout)
    assert error.exit_code == 8
    assert str(error) == (
        "app.yml:1: Deployment/shop/web: its controller has not seen the change yet"
    )


def test_the_first_failure_ends_the_wait_and_the_rest_is_reported(scene: Scene) -> None:
    """A crash loop ends the wait long before the deadline; what else waits is named as it is."""
    stateful = scene.target("StatefulSet", "apps/v1", "db", spec={"replicas": 1})
    scene.deployment("slow")

    def crash() -> None:
        status = {"observedGeneration": 1, "updateRevision": "r1", "replicas": 1}
        scene.cluster.set_status(ref_of(stateful), status)
        labels = {"controller-revision-hash": "r1"}
        made = crashed_pod(scene, stateful)
        scene.cluster.put({**made, "metadata": {**made["metadata"], "labels": labels}})

    scene.when_watched("Pod", crash)
    result = scene.wait()
    assert all(each.seconds < 300 for each in result.targets)
    assert isinstance(result.error, RolloutFailed)
    assert [each.manifest.ref.name for each in result.failed] == ["db"]
    assert [each.manifest.ref.name for each in result.pending] == ["slow"]
    assert result.error.exit_code == 7
    assert "container web: it exits with code 3 again and again" in str(result.error)


def test_a_failure_that_heals_within_a_second_is_none(scene: Scene) -> None:
    """The wait goes on when what looked final has changed by the time it would end."""
    job = scene.target("Job", "batch/v1", spec={})
    failed = {"conditions": [{"type": "Failed", "status": "True", "message": "gave up"}]}
    complete = {"conditions": [{"type": "Complete", "status": "True"}]}
    scene.when_watched("Job", lambda: scene.cluster.set_status(ref_of(job), failed))

    def heal(cluster: FakeCluster, event: WatchEvent) -> None:
        if event.object.get("status") == failed:
            threading.Timer(0.01, cluster.set_status, (ref_of(job), complete)).start()

    scene.cluster.controllers.append(heal)
    assert scene.wait().error is None


@pytest.mark.parametrize(("autoscaler", "error"), [(True, RolloutTimeout), (False, RolloutFailed)])
def test_an_unschedulable_pod_fails_early_only_where_nothing_adds_nodes(
    scene: Scene, *, autoscaler: bool, error: type[Exception]
) -> None:
    """The cluster autoscaler's status says whether there is one; it is asked for once."""
    if autoscaler:
        system = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}}
        scene.cluster.put(system)
        metadata = {"name": "cluster-autoscaler-status", "namespace": "kube-system"}
        scene.cluster.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    job = scene.target("Job", "batch/v1", spec={})
    words = "0/1 nodes are available"
    stuck = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words}
    scene.add(
        "Pod",
        "v1",
        "web-1",
        metadata={"ownerReferences": [reference(job)]},
        status={"phase": "Pending", "conditions": [stuck]},
    )
    result = scene.wait(seconds=20.0, clock=HurriedClock(speed=100.0))
    assert isinstance(result.error, error)
    assert result.targets[0].seconds >= 15
    assert [each.message for each in scene.warned] == [f"no node can take it: {words}"]
    assert sum(verb == "get" for verb, _ in verbs(scene)) == 1


def awaiting_mount(scene: Scene, *, ahead: timedelta = timedelta()) -> None:
    """A Job whose pod mounts a ConfigMap `conf`, of which an event says that it is not there.

    ahead: how far the event claims to lie in the future.
    """
    job = scene.target("Job", "batch/v1", spec={})
    made = scene.add(
        "Pod",
        "v1",
        "web-1",
        metadata={"ownerReferences": [reference(job)]},
        spec={"volumes": [{"name": "c", "configMap": {"name": "conf", "items": [{"key": "a"}]}}]},
        status={"phase": "Pending"},
    )
    now = datetime.now(UTC)
    scene.add(
        "Event",
        "v1",
        "told",
        metadata={"managedFields": [{"manager": "kubelet", "time": now.isoformat()}]},
        involvedObject={"kind": "Pod", "uid": made["metadata"]["uid"]},
        reason="FailedMount",
        type="Warning",
        lastTimestamp=(now + ahead).isoformat(),
        message='MountVolume.SetUp failed for volume "c" : configmap "conf" not found',
    )


@pytest.mark.parametrize(
    ("data", "error"),
    [(None, RolloutFailed), ({"b": "1"}, RolloutFailed), ({"a": "1"}, RolloutTimeout)],
)
def test_a_mount_that_fails_by_an_event_fails_the_wait_only_if_what_it_takes_is_not_there(
    scene: Scene, data: dict[str, str] | None, error: type[Exception]
) -> None:
    """Anybody who may create events can say so; what is named is looked for, once."""
    if data is not None:
        scene.add("ConfigMap", "v1", "conf", data=data)
    awaiting_mount(scene)
    result = scene.wait(seconds=8.0, clock=HurriedClock(speed=50.0))
    assert isinstance(result.error, error)
    assert verbs(scene).count(("get", "ConfigMap")) == 1
    assert [each.code for each in scene.warned] == ["FailedMount"]


def test_an_event_of_the_future_is_not_even_told(scene: Scene) -> None:
    """The API server's own time of the write says that it cannot be."""
    awaiting_mount(scene, ahead=timedelta(days=1))
    result = scene.wait(seconds=3.0, clock=HurriedClock(speed=50.0))
    assert isinstance(result.error, RolloutTimeout)
    assert not scene.warned
    assert ("get", "ConfigMap") not in verbs(scene)


@pytest.mark.parametrize(("healed", "error"), [(True, None), (False, RolloutFailed)])
def test_a_refused_pull_fails_only_after_the_kubelet_s_next_try(
    scene: Scene, *, healed: bool, error: type[Exception] | None
) -> None:
    """A kubelet that has not seen a new pull secret yet pulls as nobody, and 10 s later as it."""
    job = scene.target("Job", "batch/v1", spec={})
    refused = {"reason": "ErrImagePull", "message": "401 Unauthorized"}
    waiting = [{"name": "web", "image": "x.io/web:v1", "state": {"waiting": refused}}]
    scene.add(
        "Pod",
        "v1",
        "web-1",
        metadata={"ownerReferences": [reference(job)]},
        spec={"containers": [{"name": "web", "image": "x.io/web:v1"}]},
        status={"phase": "Pending", "containerStatuses": waiting},
    )
    if healed:
        complete = {"conditions": [{"type": "Complete", "status": "True"}]}

        def heal() -> None:
            threading.Timer(0.05, scene.cluster.set_status, (ref_of(job), complete)).start()

        scene.when_watched("Job", heal)
    result = scene.wait(seconds=60.0, clock=HurriedClock(speed=100.0))
    assert isinstance(result.error, error) if error else result.error is None
    assert healed or 15 <= result.targets[0].seconds < 30
    assert "the registry refused access" in scene.warned[0].message


def test_a_trouble_is_told_once(scene: Scene) -> None:
    """However often the pod's status changes, its cause is one warning."""
    job = scene.target("Job", "batch/v1", spec={})

    def crash() -> None:
        made = crashed_pod(scene, job)
        for number in range(5):
            scene.cluster.set_status(ref_of(made), {**made["status"], "message": str(number)})

    scene.when_watched("Pod", crash)
    scene.wait(seconds=2.0)
    assert [each.message for each in scene.warned] == [
        "container web: it exits with code 3 again and again"
    ]


def test_the_log_of_a_job_s_pod_is_kept_when_the_pod_goes(scene: Scene) -> None:
    """The Job controller deletes the pods of a Job that it gives up; their log is what matters."""
    job = scene.target("Job", "batch/v1", spec={})
    scene.cluster.pod_logs["shop", "web-1", "web", True] = "migrating\nno such table\n"

    def crash() -> None:
        made = crashed_pod(scene, job)
        scene.when_asked("logs", "Pod", lambda: give_up(made))

    def give_up(made: Document) -> None:
        scene.cluster.remove(ref_of(made))
        scene.cluster.pod_logs.clear()
        failed = {"conditions": [{"type": "Failed", "status": "True", "message": "gave up"}]}
        scene.cluster.set_status(ref_of(job), failed)

    scene.when_watched("Pod", crash)
    (found,) = diagnose_all(scene.cluster, scene.wait())
    assert found.logs[1:] == ("migrating", "no such table")
    assert found.reason == (
        "it has failed: gave up; "
        "Pod/shop/web-1: container web: it exits with code 3 again and again (CrashLoopBackOff)"
    )


def test_a_pod_that_is_gone_with_its_failed_job_is_still_named(scene: Scene) -> None:
    """Its last state comes with the news of its deletion, however fast that was."""
    job = scene.target("Job", "batch/v1", spec={})

    def give_up() -> None:
        scene.cluster.remove(ref_of(crashed_pod(scene, job)))
        failed = {"conditions": [{"type": "Failed", "status": "True", "message": "gave up"}]}
        scene.cluster.set_status(ref_of(job), failed)

    scene.when_watched("Pod", give_up)
    result = scene.wait()
    assert result.failed[0].health.troubles[0].message == (
        "container web: it exits with code 3 again and again"
    )


def test_a_watch_that_ends_or_is_outdated_begins_anew(scene: Scene) -> None:
    """Neither a closed connection nor a compacted history loses the news."""
    document = scene.deployment()

    def disturb() -> None:
        scene.cluster.end_watches()
        scene.cluster.forget_history()
        scene.finish(document)
        scene.cluster.forget_history()

    scene.when_watched("Deployment", disturb)
    assert scene.wait().error is None


def test_a_lost_connection_is_told_once_and_tried_again(scene: Scene) -> None:
    """A server that cannot be reached for a moment does not end the wait."""
    document = scene.deployment()
    lost = ApplyError("The connection was reset.")
    scene.cluster.inject("list", kind="Deployment", error=lost, times=2)
    scene.finish(document)
    assert scene.wait().error is None
    assert [line for line in scene.said if "reset" in line] == [
        "The watch of Deployment was lost and begins anew: The connection was reset."
    ]


def test_a_target_that_may_not_be_watched_ends_the_wait(scene: Scene) -> None:
    """Without the right there is nothing to wait by, and the error says so."""
    scene.deployment()
    scene.cluster.forbid("list", "Deployment", namespace="shop")
    with pytest.raises(ApiError, match="deployments"):
        scene.wait()


def test_pods_that_may_not_be_watched_are_done_without(scene: Scene) -> None:
    """The wait itself needs only the targets; that causes may stay unnamed is told."""
    document = scene.deployment()
    scene.cluster.forbid("list", "Pod", namespace="shop")
    scene.when_watched("Deployment", lambda: scene.finish(document))
    assert scene.wait().error is None
    assert any(line.startswith("Pods cannot be watched") for line in scene.said)


def test_a_target_that_somebody_deletes_has_failed(scene: Scene) -> None:
    """It will not become healthy, so nobody has to wait for the deadline."""
    document = scene.deployment()
    scene.when_watched("Deployment", lambda: scene.cluster.remove(ref_of(document)))
    assert "it was deleted while it was waited for" in str(scene.wait().error)


def test_a_finished_job_that_was_cleaned_up_is_done(scene: Scene) -> None:
    """`ttlSecondsAfterFinished` may take a Job away before anybody saw that it ended."""
    job = scene.target("Job", "batch/v1", spec={"ttlSecondsAfterFinished": 0})
    scene.cluster.remove(ref_of(job))
    assert scene.wait().error is None


def test_a_reminder_names_what_is_left(scene: Scene) -> None:
    """Every half minute, how many are left and how far each of them is."""
    scene.deployment()
    scene.wait(seconds=50, clock=FakeClock(step=4.0))
    assert any(
        line.startswith("Waiting for 1 of 1, ") and "Deployment/shop/web: " in line
        for line in scene.said
    )


def test_a_signal_leaves_at_once_and_closes_every_watch(scene: Scene) -> None:
    """What the signal handler raises in the main thread is not held up by a watch."""
    scene.deployment()

    class Interrupted(SystemClock):
        """A clock in whose reading the signal arrives, once everything is being watched."""

        def now(self) -> float:
            watched = sum(verb == "watch" for verb, _ in verbs(scene)) == 4
            if watched and threading.current_thread() is threading.main_thread():
                raise Cancelled(15)
            return super().now()

    with pytest.raises(Cancelled):
        scene.wait(clock=Interrupted())
    feeds = [each for each in threading.enumerate() if each.name.startswith("feed-")]
    for thread in feeds:
        thread.join(timeout=5)
    assert not any(thread.is_alive() for thread in feeds)


def growing_claim(scene: Scene) -> Document:
    """One whose volume has grown, and whose file system waits for a pod."""
    pending = {"type": "FileSystemResizePending", "status": "True"}
    return scene.target(
        "PersistentVolumeClaim",
        "v1",
        "data",
        spec={"resources": {"requests": {"storage": "2Gi"}}},
        status={"phase": "Bound", "capacity": {"storage": "1Gi"}, "conditions": [pending]},
    )


def test_a_file_system_is_not_waited_for_once_no_pod_is_known_to_mount_it(scene: Scene) -> None:
    """Nobody can say so before the pods were listed, or may not be."""
    growing_claim(scene)
    result = scene.wait()
    assert result.error is None
    assert "when a pod mounts it" in result.targets[0].health.message
    assert ("list", "Pod") in verbs(scene)
    scene.cluster.forbid("list", "Pod")
    assert scene.wait().error is None


def test_a_file_system_is_followed_where_a_pod_mounts_it(scene: Scene) -> None:
    document = growing_claim(scene)
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    scene.add("Pod", "v1", "web-0", spec={"volumes": [volume]}, status={"phase": "Running"})
    assert isinstance(scene.wait(seconds=2).error, RolloutTimeout)
    grown = {"phase": "Bound", "capacity": {"storage": "2Gi"}}
    scene.when_watched("Pod", lambda: scene.cluster.set_status(ref_of(document), grown))
    result = scene.wait()
    assert result.error is None
    assert result.targets[0].health.message == "it is bound, with 2Gi"
