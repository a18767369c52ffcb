"""In which order manifests are applied: levels of a graph of what needs what.

An edge leads from an object to one that needs it to be there: by name, by labels (a Service and
the pods that it selects, a RoleBinding and the pods of its ServiceAccount) or by rule (quotas and
policies before the pods of their namespace, webhooks after everything); see `needs`. The objects
of a level need nothing of each other and are applied in parallel, begun in the order of kinds.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from aks_action.model.manifests import Manifest, ManifestSet
from aks_action.model.ordering.graphs import Graph
from aks_action.model.ordering.kind_order import rank
from aks_action.model.ordering.needs import needs

_AWAITED = frozenset({"CustomResourceDefinition", "Namespace"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Manifests that can be applied at the same time.

    awaited: the Namespaces and CustomResourceDefinitions among them that a later level needs:
             they have to be Active and Established before it.
    """

    manifests: ManifestSet
    awaited: ManifestSet = ()

    @property
    def barrier(self) -> bool:
        """Whether anything has to be waited for before the next level."""
        return bool(self.awaited)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """Levels from first to last, and a note for each circle of objects that need each other."""

    levels: tuple[Level, ...]
    notes: tuple[str, ...] = ()


def stages(manifests: ManifestSet) -> Ordered:
    """Put manifests into as few levels as their needs allow.

    The namespaces of the manifests have to be settled (see `scopes`). Within a level the order
    of kinds decides, then the order that was given. Objects that need each other in a circle
    are put into the order of kinds among themselves, and a note says so.
    """
    graph = needs(manifests)
    depths, stuck = graph.depths()
    notes = [_cut(cycle, graph, manifests) for cycle in graph.cycles(stuck)]
    if notes:
        depths, _ = graph.depths()
    levels: dict[int, list[int]] = {}
    ranked = sorted(range(len(manifests)), key=lambda node: (rank(manifests[node]), node))
    for node in ranked:
        levels.setdefault(depths[node], []).append(node)
    ordered = tuple(_level(levels[depth], graph, manifests) for depth in sorted(levels))
    return Ordered(levels=ordered, notes=tuple(notes))


def _level(nodes: list[int], graph: Graph, manifests: ManifestSet) -> Level:
    awaited = (node for node in nodes if manifests[node].kind in _AWAITED and graph.after[node])
    return Level(
        manifests=tuple(manifests[node] for node in nodes),
        awaited=tuple(manifests[node] for node in awaited),
    )


def _cut(cycle: list[int], graph: Graph, manifests: ManifestSet) -> str:
    def rank_of(node: int) -> int:
        return rank(manifests[node])

    members = sorted(cycle, key=rank_of)
    graph.replace_cycle([list(group) for _, group in groupby(members, key=rank_of)])
    names = ", ".join(_name(manifests[node]) for node in members)
    return (
        f"These objects need each other, so they are applied in the order of their kinds: {names}."
    )


def _name(manifest: Manifest) -> str:
    return str(manifest.ref)
