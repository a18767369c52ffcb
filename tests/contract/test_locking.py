"""The lock of a namespace, on the fake and on a real server."""

import threading
import time
from datetime import UTC, datetime

import pytest

from aks_action.clients.clock import SystemClock, TimeLimit
from aks_action.clients.ports import Cluster
from aks_action.errors import ApiError, Conflict, Locked
from aks_action.model.locking import Holder, holder_of, lease, lease_ref
from aks_action.runtime.locking import TRUST_SECONDS, Lock
from tests.contract.clusters import World


class Late(SystemClock):
    """The machine's clock, some seconds later."""

    seconds = 0.0

    def now(self) -> float:
        return super().now() + self.seconds


def lock(cluster: Cluster, namespace: str, name: str, clock: SystemClock | None = None) -> Lock:
    return Lock(
        cluster,
        lease_ref(namespace),
        Holder(identity=name, run=f"run {name}", actor=name),
        limit=TimeLimit(clock or SystemClock()),
        tell=lambda line: None,
    )


def owner(cluster: Cluster, namespace: str) -> str:
    return holder_of(cluster.get(lease_ref(namespace)) or {})


def test_one_holds_it_and_the_next_one_follows_at_once(cluster: Cluster, namespace: str) -> None:
    first, second = (lock(cluster, namespace, name) for name in ("first", "second"))
    assert not first.take(0)
    with pytest.raises(Locked, match=r"run first \(first\), since"):
        second.take(0)
    threading.Timer(0.3, first.release).start()
    began = time.monotonic()
    assert second.take(30)
    assert time.monotonic() - began < 3
    assert owner(cluster, namespace) == "second"
    second.release()
    assert cluster.get(lease_ref(namespace)) is None


def test_one_that_is_not_renewed_is_taken_over_and_its_holder_stops(
    cluster: Cluster, namespace: str
) -> None:
    clock = Late()
    first = lock(cluster, namespace, "first", clock)
    first.take(0)
    first._ended.set()  # as if its thread hung
    cluster.patch(lease_ref(namespace), {"spec": {"leaseDurationSeconds": 1}})
    second = lock(cluster, namespace, "second")
    assert second.take(10)
    clock.seconds = TRUST_SECONDS
    with pytest.raises(Conflict, match=r"has gone to another: run second \(second\)"):
        first.check()
    first.release()
    assert owner(cluster, namespace) == "second"
    second.release()


def test_what_was_written_since_is_not_deleted(cluster: Cluster, namespace: str) -> None:
    ref = lease_ref(namespace)
    made = cluster.create(lease(ref, Holder(identity="me", run="a run"), datetime.now(UTC)))
    cluster.patch(ref, {"metadata": {"labels": {"a": "b"}}})
    with pytest.raises(ApiError) as caught:
        cluster.delete(ref, resource_version=made["metadata"]["resourceVersion"])
    assert caught.value.status == 409
    now = cluster.get(ref)
    assert now is not None
    cluster.delete(ref, resource_version=now["metadata"]["resourceVersion"])
    assert cluster.get(ref) is None


def test_one_of_its_name_cannot_be_created_twice(cluster: Cluster, namespace: str) -> None:
    made = lease(lease_ref(namespace), Holder(identity="me", run="a run"), datetime.now(UTC))
    cluster.create(made)
    with pytest.raises(ApiError) as caught:
        cluster.create(made)
    assert (caught.value.status, caught.value.reason) == (409, "AlreadyExists")


def test_who_may_only_read_goes_on_without(world: World, namespace: str) -> None:
    with world.reader(namespace) as cluster:
        if cluster is world.cluster:
            cluster.forbid("create", "Lease")  # type: ignore[attr-defined]
        reader = lock(cluster, namespace, "reader")
        assert not reader.take(0)
        reader.check()
        reader.release()
