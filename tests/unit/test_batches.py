"""Deciding for a cluster that answers many questions at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aks_action.clients.ports import Batch
from aks_action.errors import ManifestError
from aks_action.jobs.batches import decided
from aks_action.model.manifests import ManifestSet
from tests.fakes.clock import FakeClock
from tests.fakes.cluster import FakeCluster


class Batched(FakeCluster):
    """Has an answer to each of `questions` only after as many flushes."""

    def __init__(self, questions: int) -> None:
        super().__init__()
        self.left = questions
        self.calls: list[str] = []

    clock = FakeClock()

    def prepare(self, manifests: ManifestSet) -> None:
        self.calls.append("prepare")

    def flush(self) -> bool:
        self.calls.append("flush")
        self.left -= 1
        return self.left >= 0

    def begin(self, batch: Batch) -> None:
        self.calls.append(f"begin {batch.stages[0].name}")


def deciding(cluster: Batched) -> Callable[[Callable[[str], None]], int]:
    def decide(tell: Callable[[str], None]) -> int:
        tell(f"{cluster.left} left")
        return cluster.left

    return decide


def test_it_is_decided_again_until_nothing_is_asked_any_more() -> None:
    cluster = Batched(2)
    told: list[str] = []
    assert decided(cluster, (), deciding(cluster), told.append) == 0
    assert cluster.calls == ["prepare", "flush", "flush", "flush"]


def test_only_what_the_last_decision_told_is_told() -> None:
    cluster = Batched(2)
    told: list[str] = []
    decided(cluster, (), deciding(cluster), told.append)
    assert told == ["0 left"]


def test_what_is_told_after_the_decision_is_told_at_once() -> None:
    told: list[str] = []
    tell = decided(Batched(1), (), lambda tell: tell, told.append)
    tell("later")
    assert told == ["later"]


def test_an_error_counts_only_when_nothing_was_missing() -> None:
    cluster = Batched(1)

    def decide(_tell: Callable[[str], None]) -> None:
        raise ManifestError(f"with {cluster.left} left")

    with pytest.raises(ManifestError, match="with 0 left"):
        decided(cluster, (), decide, print)


def test_any_other_cluster_is_asked_directly() -> None:
    told: list[str] = []
    decided(FakeCluster(), (), lambda tell: tell("now"), told.append)
    assert told == ["now"]
