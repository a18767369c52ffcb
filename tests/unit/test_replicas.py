"""How many pods a copy gets."""

from typing import Any

import pytest

from aks_action.model import replicas


def workload(number: int | None, kind: str = "Deployment") -> dict[str, Any]:
    return {"kind": kind, "spec": {} if number is None else {"replicas": number}}


@pytest.mark.parametrize(
    ("number", "percentage", "pods"),
    [
        (10, 20, 2),
        (10, 0, 1),
        (3, 50, 2),
        (5, 50, 3),
        (5, 30, 2),
        (5, 29, 1),
        (1, 1, 1),
        (0, 100, 1),
        (7, 100, 7),
    ],
)
def test_a_share_is_rounded_half_up_and_is_one_pod_at_least(
    number: int, percentage: int, pods: int
) -> None:
    assert replicas.share(number, percentage) == pods


def test_a_fixed_number_goes_before_the_percentage() -> None:
    assert replicas.for_copy(workload(10), None, percentage=50, fixed=1) == 1


@pytest.mark.parametrize("number", [None, "many", True])
def test_a_workload_that_says_nothing_usable_has_kubernetes_default_of_one(number: Any) -> None:
    assert replicas.for_copy(workload(number), None, percentage=50) == 1


def test_a_number_that_is_left_to_an_autoscaler_is_the_live_one() -> None:
    assert replicas.for_copy(workload(None), workload(9), percentage=50) == 5
    assert replicas.for_copy(workload(2), workload(9), percentage=50) == 1


@pytest.mark.parametrize("kind", ["DaemonSet", "Pod"])
def test_kinds_without_a_number_of_pods_get_none(kind: str) -> None:
    assert replicas.scaled(workload(None, kind), 3) == workload(None, kind)


def test_a_colour_that_takes_over_begins_at_the_size_of_the_other() -> None:
    assert replicas.of(replicas.carried_over(workload(2), workload(9))) == 9
    assert replicas.of(replicas.carried_over(workload(4), workload(1))) == 4
    assert replicas.of(replicas.carried_over(workload(4), None)) == 4
