"""Which namespace each object belongs to.

Kubernetes' rule: a namespaced object belongs to the namespace that it names, else to the one that
is asked for. kubectl refuses an object that names another one than `--namespace`, and so do we.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from aks_action.errors import ManifestError, Problem, raise_all
from aks_action.model.documents import set_in, without
from aks_action.model.manifests import Manifest, ManifestSet
from aks_action.model.resources import ResourceType, ResourceTypes
from aks_action.model.shapes import repeated

_NAMESPACE = ("metadata", "namespace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoped:
    """Manifests that all say which namespace they are in, and notes for the user."""

    manifests: ManifestSet
    notes: tuple[str, ...] = ()


def scoped(manifests: ManifestSet, types: ResourceTypes, *, namespace: str, default: str) -> Scoped:
    """Give every namespaced object its namespace, and take it from those that have none.

    types:     what the API server serves, with what CRDs among the manifests add.
    namespace: the input; empty when it was not given.
    default:   the namespace of the kubeconfig's context.

    Raises ManifestError with every problem: a namespace that contradicts the input, a kind that
    is not served, an object that is there twice now that its namespace is known.
    """
    problems: list[Problem] = []
    notes: list[str] = []
    placed: list[Manifest] = []
    for manifest in manifests:
        ref = manifest.ref
        found = types.get((ref.api_version, ref.kind))
        if found is None:
            problems.append(_unknown(manifest, types))
        elif not found.namespaced:
            if ref.namespace:
                notes.append(
                    f"{manifest.source}: {ref.kind}/{ref.name} belongs to no namespace; "
                    f"its `metadata.namespace: {ref.namespace}` is left out."
                )
            placed.append(manifest.with_document(without(manifest.document, _NAMESPACE)))
        elif namespace and ref.namespace not in ("", namespace):
            problems.append(_contradiction(manifest, namespace))
        else:
            chosen = ref.namespace or namespace or default
            placed.append(manifest.with_document(set_in(manifest.document, _NAMESPACE, chosen)))
    problems += repeated(tuple(placed))
    raise_all(ManifestError, problems)
    return Scoped(manifests=tuple(placed), notes=tuple(notes))


def _contradiction(manifest: Manifest, namespace: str) -> Problem:
    ref = manifest.ref
    return Problem(
        message=f"{ref.kind}/{ref.name} says that it is in namespace `{ref.namespace}`, and the "
        f"input `namespace` is `{namespace}`. Leave out one of the two: the input, so that each "
        "object goes where it says, or the field.",
        source=manifest.source,
    )


def _unknown(manifest: Manifest, types: ResourceTypes) -> Problem:
    ref = manifest.ref
    return Problem(
        message=f"The cluster does not serve {ref.api_version} {ref.kind} ({ref.name or '?'})."
        + _hint(ref.api_version, ref.kind, types),
        source=manifest.source,
    )


def _hint(api_version: str, kind: str, types: ResourceTypes) -> str:
    same_kind = _named(each for each in types.values() if each.kind == kind)
    if same_kind:
        return f" It serves this kind as {same_kind}."
    lower = {each.kind.lower(): each.kind for each in types.values()}
    near = difflib.get_close_matches(kind.lower(), lower, n=3, cutoff=0.75)
    if near:
        kinds = {lower[each] for each in near}
        return f" Do you mean {_named(each for each in types.values() if each.kind in kinds)}?"
    group = api_version.rpartition("/")[0]
    if any(each.api_version.rpartition("/")[0] == group for each in types.values()):
        return f" Its group `{group or 'core'}` is served, without this kind."
    return " Install its CustomResourceDefinition first, or add it to `manifests`."


def _named(types: Iterable[ResourceType]) -> str:
    return ", ".join(f"{each.api_version} {each.kind}" for each in types)
