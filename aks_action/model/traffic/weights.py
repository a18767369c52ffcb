"""Shares of traffic as integer weights in the rules of HTTPRoutes and GRPCRoutes.

A backendRef to a Service becomes weighted ones to its copies that add up to the same share among
the rule's other backends. Weights of a rule count only against each other (Gateway API,
BackendRef), so where a share is no whole number, all of the rule are multiplied by one factor.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import gcd, lcm
from typing import Any

from aks_action.model.documents import set_in
from aks_action.model.manifests import Document, ref_of
from aks_action.model.traffic.routing import names_service, rules_of

LARGEST_WEIGHT = 1_000_000
"""The largest weight that the Gateway API takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One Service that takes a part of the traffic; `share` counts against the other parts'."""

    service: str
    share: int


@dataclass(frozen=True, kw_only=True)
class Split:
    """How the traffic to one Service is divided.

    namespace: of the Service and its copies.
    family:    every name that stands for the Service in a route: its own and its copies'.
    parts:     the Services that it goes to, in the order in which they are written; at least
               one has a share.
    """

    namespace: str
    family: frozenset[str]
    parts: tuple[Part, ...]

    @cached_property
    def total(self) -> int:
        return sum(part.share for part in self.parts)

    def __str__(self) -> str:
        """`80 % web-stable, 10 % web-baseline, 10 % web-canary`."""
        return ", ".join(
            f"{part.share * 100 / self.total:g} % {part.service}" for part in self.parts
        )


@dataclass(slots=True)
class _Group:
    """The refs of a rule that stand for one Service: same port, filters and so on."""

    split: Split
    template: Mapping[str, Any]
    members: list[Mapping[str, Any]]

    @property
    def weight(self) -> int:
        return sum(_weight(each) for each in self.members)

    @property
    def is_settled(self) -> bool:
        """Whether it is divided as asked for already, to the nearest whole weights."""
        names = [str(each.get("name")) for each in self.members]
        return names == [part.service for part in self.split.parts] and all(
            abs(_weight(each) - self.exact(part)) < 1
            for each, part in zip(self.members, self.split.parts, strict=True)
        )

    def exact(self, part: Part) -> Fraction:
        return Fraction(self.weight * part.share, self.split.total)


def rerouted(route: Document, splits: Sequence[Split]) -> Document:
    """The route with its traffic divided by `splits`; rules that name none of them untouched.

    Dividing again changes nothing. One part takes everything back: filters, port and place of a
    backendRef stay, and the rule's weights lose the factor that they have in common.
    """
    own = ref_of(route).namespace
    rules = rules_of(route)
    changed = [_divided(rule, splits, own) for rule in rules]
    return route if changed == rules else set_in(route, ("spec", "rules"), changed)


def parts_of(percentage: int, *, stable: str, baseline: str, canary: str) -> tuple[Part, ...]:
    """Stable, baseline and canary, the last two with half of the percentage each."""
    return (
        Part(service=stable, share=200 - 2 * percentage),
        Part(service=baseline, share=percentage),
        Part(service=canary, share=percentage),
    )


def whole(service: str) -> tuple[Part, ...]:
    """All of the traffic to one Service."""
    return (Part(service=service, share=1),)


def _divided(rule: Any, splits: Sequence[Split], own: str) -> Any:
    refs = rule.get("backendRefs") if isinstance(rule, Mapping) else None
    if not isinstance(refs, list):
        return rule
    row = _grouped(refs, splits, own)
    groups = [each for each in row if isinstance(each, _Group)]
    if not groups or all(group.is_settled for group in groups):
        return rule
    merged = any(len(group.members) > len(group.split.parts) for group in groups)
    exact = _exact_weights(row)
    return {**rule, "backendRefs": _written(row, _whole_weights(exact, reduce=merged))}


def _grouped(refs: Sequence[Any], splits: Sequence[Split], own: str) -> list[Any]:
    """The refs in order, those that stand for one Service as one `_Group` at the first's place."""
    row: list[Any] = []
    groups: dict[tuple[int, str], _Group] = {}
    for ref in refs:
        position = _split_of(ref, splits, own)
        if position is None:
            row.append(ref)
            continue
        same = {key: value for key, value in ref.items() if key not in ("name", "weight")}
        key = (position, json.dumps(same, sort_keys=True))
        if key in groups:
            groups[key].members.append(ref)
        else:
            groups[key] = _Group(split=splits[position], template=ref, members=[ref])
            row.append(groups[key])
    return row


def _split_of(ref: Any, splits: Sequence[Split], own: str) -> int | None:
    if isinstance(ref, Mapping):
        for position, split in enumerate(splits):
            if ref.get("name") in split.family and names_service(ref, own, split.namespace):
                return position
    return None


def _exact_weights(row: Sequence[Any]) -> list[list[Fraction]]:
    """The weight of every ref to be written, by entry of the row."""
    return [
        [each.exact(part) for part in each.split.parts]
        if isinstance(each, _Group)
        else [Fraction(_weight(each))]
        for each in row
    ]


def _whole_weights(exact: list[list[Fraction]], *, reduce: bool) -> list[list[int]]:
    """Integers in the same proportions, none above `LARGEST_WEIGHT`.

    Only proportions that need larger numbers than that are rounded; an entry's parts add up to
    the entry's rounded weight then.
    """
    factor = lcm(*(weight.denominator for entry in exact for weight in entry))
    scaled = [[int(weight * factor) for weight in entry] for entry in exact]
    largest = max(weight for entry in scaled for weight in entry)
    if reduce or largest > LARGEST_WEIGHT:
        common = gcd(*(weight for entry in scaled for weight in entry)) or 1
        scaled = [[weight // common for weight in entry] for entry in scaled]
        largest //= common
    if largest <= LARGEST_WEIGHT:
        return scaled
    # One less than the limit: rounding may add one.
    scale = Fraction(LARGEST_WEIGHT - 1, largest)
    return [_rounded([weight * scale for weight in entry]) for entry in scaled]


def _rounded(entry: list[Fraction]) -> list[int]:
    """Whole numbers that add up to the rounded sum: the largest remainders are rounded up.

    What has a weight keeps one: a backend must not lose its last bit of traffic to rounding.
    """
    total = sum(entry)
    if not total:
        return [0 for _ in entry]
    rounded = max(round(total), sum(1 for weight in entry if weight))
    exact = [weight * rounded / total for weight in entry]
    whole_parts = [max(int(weight), 1 if weight else 0) for weight in exact]
    for index in sorted(range(len(exact)), key=lambda i: whole_parts[i] - exact[i]):
        if sum(whole_parts) < rounded:
            whole_parts[index] += 1
    largest = whole_parts.index(max(whole_parts))
    whole_parts[largest] -= sum(whole_parts) - rounded
    return whole_parts


def _written(row: Sequence[Any], weights: Sequence[Sequence[int]]) -> list[Any]:
    refs: list[Any] = []
    for each, entry in zip(row, weights, strict=True):
        if isinstance(each, _Group):
            refs += [
                {**each.template, "name": part.service, "weight": weight}
                for part, weight in zip(each.split.parts, entry, strict=True)
            ]
        else:
            refs.append(each if _weight(each) == entry[0] else {**each, "weight": entry[0]})
    return refs


def _weight(ref: Any) -> int:
    """The weight of a backendRef; 1 where it says nothing (Gateway API, BackendRef)."""
    weight = ref.get("weight") if isinstance(ref, Mapping) else None
    return weight if isinstance(weight, int) and weight >= 0 else 1
