"""A directed graph of numbered nodes: circles, and how deep each node is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise


@dataclass(slots=True, kw_only=True)
class Graph:
    """Nodes 0 … `size` - 1 are things; higher numbers are junctions, which have no depth of
    their own and stand for all edges from what leads to them to what they lead to.
    """

    size: int
    after: list[list[int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.after = self.after or [[] for _ in range(self.size)]

    def junction(self) -> int:
        """A new junction."""
        self.after.append([])
        return len(self.after) - 1

    def edge(self, before: int, after: int) -> None:
        """`after` comes after `before`; a node never comes after itself."""
        if before != after:
            self.after[before].append(after)

    def depths(self) -> tuple[list[int], set[int]]:
        """How many things come before each node at least, and the nodes that no order reaches."""
        before = [0] * len(self.after)
        for followers in self.after:
            for node in followers:
                before[node] += 1
        ready = [node for node, count in enumerate(before) if count == 0]
        depths = [0] * len(self.after)
        for node in ready:  # grows while it is read
            below = depths[node] + (1 if node < self.size else 0)
            for follower in self.after[node]:
                depths[follower] = max(depths[follower], below)
                before[follower] -= 1
                if before[follower] == 0:
                    ready.append(follower)
        return depths, {node for node, count in enumerate(before) if count > 0}

    def leading_to(self, nodes: Iterable[int]) -> set[int]:
        """The things that come before one of some nodes, at whatever distance."""
        before: list[list[int]] = [[] for _ in self.after]
        for node, followers in enumerate(self.after):
            for follower in followers:
                before[follower].append(node)
        ready = list(nodes)
        found: set[int] = set()
        while ready:
            for node in before[ready.pop()]:
                if node not in found:
                    found.add(node)
                    ready.append(node)
        return {node for node in found if node < self.size}

    def cycles(self, among: set[int]) -> list[list[int]]:
        """The groups of nodes that reach each other: Tarjan's strongly connected components.

        Without recursion, as a chain of manifests may be longer than Python's stack. The nodes
        of a group are in ascending order, and so are the groups.
        """
        found = _Components(self.after, among)
        for node in sorted(among):
            found.visit(node)
        return sorted(sorted(group) for group in found.groups if len(group) > 1)

    def replace_cycle(self, groups: Sequence[Sequence[int]]) -> None:
        """Order the nodes of a circle by groups: all of one group before all of the next."""
        members = {node for group in groups for node in group}
        for node in members:
            self.after[node] = [each for each in self.after[node] if each not in members]
        for earlier, later in pairwise(groups):
            for node in earlier:
                self.after[node] += later


class _Components:
    def __init__(self, after: list[list[int]], among: set[int]) -> None:
        self.groups: list[list[int]] = []
        self._after = after
        self._among = among
        self._number: dict[int, int] = {}
        self._lowest: dict[int, int] = {}
        self._open: list[int] = []
        self._is_open: set[int] = set()

    def visit(self, start: int) -> None:
        if start in self._number:
            return
        self._enter(start)
        path = [(start, iter(self._after[start]))]
        while path:
            node, followers = path[-1]
            for follower in followers:
                if follower not in self._among:
                    continue
                if follower not in self._number:
                    self._enter(follower)
                    path.append((follower, iter(self._after[follower])))
                    break
                if follower in self._is_open:
                    self._lowest[node] = min(self._lowest[node], self._number[follower])
            else:
                path.pop()
                if path:
                    above = path[-1][0]
                    self._lowest[above] = min(self._lowest[above], self._lowest[node])
                self._leave(node)

    def _enter(self, node: int) -> None:
        self._number[node] = self._lowest[node] = len(self._number)
        self._open.append(node)
        self._is_open.add(node)

    def _leave(self, node: int) -> None:
        if self._lowest[node] != self._number[node]:
            return
        group: list[int] = []
        while not group or group[-1] != node:
            group.append(self._open.pop())
        self._is_open.difference_update(group)
        self.groups.append(group)
