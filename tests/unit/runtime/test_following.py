"""Following logs: each line once, in order, whatever becomes of the connection."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest

from aks_action.clients.ports import Cluster
from aks_action.errors import ActionError, ApiError
from aks_action.model.health import Related
from aks_action.model.manifests import Document, ObjectRef, ref_of
from aks_action.runtime.following import LONGEST_LINE, LogFollower
from tests.fakes.clock import HurriedClock
from tests.fakes.cluster import FakeCluster
from tests.unit.configuration.words import manifest
from tests.unit.runtime.test_checking import job

JOB = job()
TARGET = ref_of(JOB)
RUNNING: dict[str, Any] = {"running": {"startedAt": "2026-05-01T12:00:00Z"}}
ENDED: dict[str, Any] = {"terminated": {"exitCode": 0}}


class Scripted(FakeCluster):
    """Answers to `follow_log`, one after the other; then the container has ended."""

    def __init__(self, *answers: list[str] | Exception) -> None:
        super().__init__("prod")
        self.answers = list(answers)
        self.asked: list[str] = []

    def follow_log(
        self, ref: ObjectRef, *, container: str, since: str = ""
    ) -> AbstractContextManager[Iterator[str]]:
        self.asked.append(since)
        answer = self.answers.pop(0)
        if not self.answers:
            self.put(pod(ENDED))
        if isinstance(answer, Exception):
            raise answer
        return nullcontext(iter(answer))


def pod(state: dict[str, Any], *, containers: int = 1, restarts: int = 0) -> Document:
    names = [f"c{number}" for number in range(containers)]
    owner = {"kind": "Job", "name": "migrate", "uid": "job-uid", "controller": True}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "migrate-1", "namespace": "prod", "uid": "pod-uid",
            "ownerReferences": [owner], "labels": {"job-name": "migrate"},
        },
        "spec": {"containers": [{"name": name} for name in names]},
        "status": {
            "containerStatuses": [
                {"name": name, "state": state, "restartCount": restarts} for name in names
            ]
        },
    }  # fmt: skip


def followed(cluster: Cluster, *pods: Document) -> list[str]:
    """What is told of these pods until all of it has come in."""
    told: list[str] = []
    with LogFollower(cluster, HurriedClock(20), told.append) as follower:
        for each in pods:
            follower.see(TARGET, Related(pods=(each,)))
        for thread in list(follower._threads.values()):
            thread.join(5)
    return told


def lines(*texts: str) -> list[str]:
    return [f"2026-05-01T12:00:00.{number:03}Z {text}" for number, text in enumerate(texts, 1)]


def test_lines_come_in_order_behind_the_name_of_the_job() -> None:
    assert followed(Scripted(lines("one", "", "two")), pod(RUNNING)) == [
        "migrate | one", "migrate | ", "migrate | two",
    ]  # fmt: skip


def test_with_several_containers_each_has_its_name() -> None:
    told = followed(Scripted(lines("a"), lines("b")), pod(RUNNING, containers=2))
    assert sorted(told) == ["migrate/c0 | a", "migrate/c1 | b"]


def test_after_a_break_it_goes_on_behind_the_line_that_was_told_last() -> None:
    """The server leaves out whole seconds only; a shorter fraction is not an earlier time."""
    first = ["2026-05-01T12:00:00.9Z one", "2026-05-01T12:00:00.91Z two"]
    again = [*first, "2026-05-01T12:00:00.911Z three", "2026-05-01T12:00:01Z four"]
    cluster = Scripted(first, again)
    cluster.put(pod(RUNNING))
    told = followed(cluster, pod(RUNNING))
    assert [each.removeprefix("migrate | ") for each in told] == ["one", "two", "three", "four"]
    assert cluster.asked == ["", "2026-05-01T12:00:00.91Z"]


def test_a_server_that_cannot_answer_is_asked_again() -> None:
    busy = ApiError("busy", status=400)
    cluster = Scripted(busy, lines("one"))
    assert followed(cluster, pod(RUNNING)) == ["migrate | one"]


def test_each_run_of_a_container_is_followed_once() -> None:
    pods = (pod(RUNNING), pod(RUNNING), pod(ENDED), pod(RUNNING, restarts=1))
    assert followed(Scripted(lines("one"), lines("two"), lines("never")), *pods) == [
        "migrate | one", "migrate | two",
    ]  # fmt: skip


def test_a_container_that_has_not_begun_is_not_asked() -> None:
    assert followed(Scripted(lines("never")), pod({"waiting": {}})) == []


@pytest.mark.parametrize("times", [1, 2])
def test_that_logs_may_not_be_read_is_told_once(times: int) -> None:
    denied = ApiError("ci may not get pods/log.", status=403)
    assert isinstance(denied, ActionError)
    told = followed(Scripted(*[denied] * times), pod(RUNNING, containers=times))
    assert told == ["Logs cannot be followed: ci may not get pods/log."]


def test_a_long_line_is_cut() -> None:
    (told,) = followed(Scripted(lines("x" * 9000)), pod(RUNNING))
    assert len(told) == len("migrate | ") + LONGEST_LINE


def test_draining_finds_the_pods_that_no_watch_has_told_of() -> None:
    """A Job may be over before its pod was seen; a pod of an older Job of its name is not its."""
    cluster = Scripted(lines("one"), lines("never"))
    cluster.put(JOB)
    live = cluster.get(TARGET)
    assert live is not None
    for name, uid in (("migrate-1", live["metadata"]["uid"]), ("migrate-0", "another")):
        found = dict(pod(ENDED))
        metadata = {**found["metadata"], "name": name, "uid": name}
        metadata["ownerReferences"] = [{**metadata["ownerReferences"][0], "uid": uid}]
        cluster.put({**found, "metadata": metadata})
    told: list[str] = []
    with LogFollower(cluster, HurriedClock(20), told.append) as follower:
        follower.drain([manifest(JOB)])
    assert told == ["migrate | one"]
