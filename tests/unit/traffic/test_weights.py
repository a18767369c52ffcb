"""Shares of traffic as integer weights in the rules of HTTPRoutes and GRPCRoutes."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from aks_action.model.traffic.weights import LARGEST_WEIGHT, Part, Split, parts_of, rerouted, whole

FAMILY = frozenset({"web", "web-stable", "web-baseline", "web-canary", "web-green"})
COPIES = {"stable": "web-stable", "baseline": "web-baseline", "canary": "web-canary"}


def split(percentage: int) -> Split:
    return Split(namespace="shop", family=FAMILY, parts=parts_of(percentage, **COPIES))


def back_to(service: str) -> Split:
    return Split(namespace="shop", family=FAMILY, parts=whole(service))


def route(*rules: Any) -> dict[str, Any]:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"parentRefs": [{"name": "gateway"}], "rules": list(rules)},
    }


def rule(**weights: int) -> dict[str, Any]:
    refs = [{"name": name, "port": 80, "weight": weight} for name, weight in weights.items()]
    return {"matches": [{"path": {"value": "/"}}], "backendRefs": refs}


def weights(document: dict[str, Any], index: int = 0) -> list[tuple[str, int]]:
    refs = document["spec"]["rules"][index]["backendRefs"]
    return [(ref["name"], ref.get("weight")) for ref in refs]


@pytest.mark.parametrize(
    ("before", "percentage", "after"),
    [
        (
            {"web": 1},
            20,
            [("web-stable", 8), ("web-baseline", 1), ("web-canary", 1)],
        ),
        (
            {"web": 100},
            20,
            [("web-stable", 80), ("web-baseline", 10), ("web-canary", 10)],
        ),
        (
            {"web": 1, "other": 3},
            20,
            [("web-stable", 8), ("web-baseline", 1), ("web-canary", 1), ("other", 30)],
        ),
        (
            {"other": 50, "web": 50},
            1,
            [("other", 200), ("web-stable", 198), ("web-baseline", 1), ("web-canary", 1)],
        ),
        (
            {"web": 1},
            100,
            [("web-stable", 0), ("web-baseline", 1), ("web-canary", 1)],
        ),
        (
            {"web": 1},
            0,
            [("web-stable", 1), ("web-baseline", 0), ("web-canary", 0)],
        ),
        (
            {"web": 0, "other": 1},
            20,
            [("web-stable", 0), ("web-baseline", 0), ("web-canary", 0), ("other", 1)],
        ),
        ({"other": 1}, 20, [("other", 1)]),
    ],
)
def test_a_backend_is_divided_and_the_others_keep_their_share(
    before: dict[str, int], percentage: int, after: list[tuple[str, int]]
) -> None:
    assert weights(rerouted(route(rule(**before)), [split(percentage)])) == after


def test_a_backend_without_a_weight_counts_as_one() -> None:
    plain = route({"backendRefs": [{"name": "web", "port": 80}]})
    assert weights(rerouted(plain, [split(50)])) == [
        ("web-stable", 2),
        ("web-baseline", 1),
        ("web-canary", 1),
    ]


def test_filters_and_port_of_a_backend_are_kept_on_each_copy() -> None:
    filters = [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x"]}}]
    ref = {"name": "web", "port": 8080, "weight": 1, "filters": filters}
    refs = rerouted(route({"backendRefs": [ref]}), [split(20)])["spec"]["rules"][0]["backendRefs"]
    assert [(each["port"], each["filters"]) for each in refs] == [(8080, filters)] * 3


def test_matches_filters_and_other_rules_are_untouched() -> None:
    mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "web"}}}
    first = {**rule(web=1), "filters": [mirror], "timeouts": {"request": "3s"}}
    second, third = rule(other=7), {"filters": [{"type": "RequestRedirect"}]}
    changed = rerouted(route(first, second, third), [split(20)])["spec"]["rules"]
    assert {key: changed[0][key] for key in ("matches", "filters", "timeouts")} == {
        key: first[key] for key in ("matches", "filters", "timeouts")
    }
    assert changed[1:] == [second, third]


def test_a_route_that_does_not_name_the_service_is_the_same_object() -> None:
    untouched = route(rule(other=1))
    assert rerouted(untouched, [split(20)]) is untouched


def test_a_service_of_another_namespace_or_kind_is_not_the_service() -> None:
    refs = [{"name": "web", "namespace": "prod"}, {"name": "web", "kind": "ServiceImport"}]
    untouched = route({"backendRefs": refs})
    assert rerouted(untouched, [split(20)]) is untouched


def test_backends_on_two_ports_are_divided_each_for_itself() -> None:
    refs = [{"name": "web", "port": 80, "weight": 1}, {"name": "web", "port": 81, "weight": 1}]
    found = weights(rerouted(route({"backendRefs": refs}), [split(100)]))
    assert [weight for _, weight in found] == [0, 1, 1, 0, 1, 1]


def test_green_takes_the_place_of_blue_with_the_same_weight() -> None:
    blue = route(rule(web=3, other=6))
    green = rerouted(blue, [back_to("web-green")])
    assert weights(green) == [("web-green", 3), ("other", 6)]
    assert rerouted(green, [back_to("web")]) == blue


def test_a_malformed_rule_is_left_to_the_servers_check() -> None:
    broken = route(None, "x", {"backendRefs": None}, {"backendRefs": ["x"]})
    assert rerouted(broken, [split(20)]) is broken


def test_a_split_says_its_shares() -> None:
    assert str(split(25)) == "75 % web-stable, 12.5 % web-baseline, 12.5 % web-canary"


NAMES = ("web", "other", "third")
modest = st.lists(st.integers(0, LARGEST_WEIGHT // 200), min_size=1, max_size=3)
any_size = st.lists(st.integers(0, LARGEST_WEIGHT), min_size=1, max_size=3)
percentages = st.integers(0, 100)


def given_route(numbers: list[int]) -> dict[str, Any]:
    return route(rule(**dict(zip(NAMES, numbers, strict=False))))


def shares(document: dict[str, Any]) -> dict[str, Fraction]:
    """Each backend's share of the rule, the Service's copies counted as the Service."""
    found: dict[str, Fraction] = {}
    pairs = weights(document)
    total = sum(weight for _, weight in pairs)
    for name, weight in pairs:
        key = "web" if name in FAMILY else name
        found[key] = found.get(key, Fraction(0)) + Fraction(weight, total or 1)
    return found


@given(modest, percentages)
def test_the_shares_of_all_backends_stay_exactly_what_they_were(
    numbers: list[int], percentage: int
) -> None:
    before = given_route(numbers)
    assert shares(rerouted(before, [split(percentage)])) == shares(before)


@given(modest, percentages)
def test_the_service_is_divided_exactly(numbers: list[int], percentage: int) -> None:
    found = dict(weights(rerouted(given_route(numbers), [split(percentage)])))
    total = sum(found[name] for name in COPIES.values())
    assert found["web-canary"] * 200 == found["web-baseline"] * 200 == total * percentage


@given(any_size, percentages)
def test_dividing_again_changes_nothing(numbers: list[int], percentage: int) -> None:
    once = rerouted(given_route(numbers), [split(percentage)])
    assert rerouted(once, [split(percentage)]) == once


@given(any_size, st.lists(percentages, max_size=4))
@example([54669, 1], [8])  # was rounded up to one more than the largest weight
def test_weights_never_leave_the_range_of_the_gateway_api_nor_the_shares_their_place(
    numbers: list[int], steps: list[int]
) -> None:
    before = document = given_route(numbers)
    for percentage in steps:
        document = rerouted(document, [split(percentage)])
    assert all(0 <= weight <= LARGEST_WEIGHT for _, weight in weights(document))
    for name, share in shares(before).items():
        assert abs(shares(document)[name] - share) < Fraction(len(steps) + 1, 10_000)


@given(modest, st.lists(percentages, min_size=1, max_size=3))
def test_the_way_back_restores_every_share_and_the_smallest_weights(
    numbers: list[int], steps: list[int]
) -> None:
    before = document = given_route(numbers)
    for percentage in steps:
        document = rerouted(document, [split(percentage)])
    back = rerouted(document, [back_to("web")])
    assert [name for name, _ in weights(back)] == [name for name, _ in weights(before)]
    assert shares(back) == shares(before)


@given(st.integers(1, 5000), percentages)
def test_a_route_with_weights_without_a_common_factor_comes_back_as_it_was(
    other: int, percentage: int
) -> None:
    before = route(rule(web=1, other=other))
    assert rerouted(rerouted(before, [split(percentage)]), [back_to("web")]) == before


@given(modest, st.lists(st.integers(0, 50), min_size=2, max_size=5).filter(any))
def test_parts_of_any_number_and_size_add_up(numbers: list[int], sizes: list[int]) -> None:
    """Exactly, where the proportions need no larger weight than there is."""
    assume(sum(numbers) * sum(sizes) <= LARGEST_WEIGHT)
    parts = tuple(Part(service=f"web-{i}", share=size) for i, size in enumerate(sizes))
    family = frozenset({"web", *(part.service for part in parts)})
    before = given_route(numbers)
    found = rerouted(before, [Split(namespace="shop", family=family, parts=parts)])
    web = Fraction(numbers[0], sum(numbers) or 1)
    pairs = weights(found)
    total = sum(weight for _, weight in pairs) or 1
    assert sum(Fraction(w, total) for name, w in pairs if name in family) == web
