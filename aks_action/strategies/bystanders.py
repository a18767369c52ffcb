"""Objects that a copy meets without being told of: budgets, network policies and autoscalers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aks_action.model.documents import get_in, set_in
from aks_action.model.label_selectors import selects
from aks_action.model.manifests import Document, Manifest, ManifestSet, ObjectRef, ref_of
from aks_action.model.plan import Apply, Stage, Step
from aks_action.model.traffic.steps import Patch
from aks_action.model.variants import Colour, copy_name, pod_labels_of
from aks_action.strategies.app import App

AUTOSCALER_KINDS: Mapping[str, str] = {
    "HorizontalPodAutoscaler": "autoscaling",
    "ScaledObject": "keda.sh",
}
SELECTING_KINDS: Mapping[str, tuple[str, tuple[str, ...], str]] = {
    "PodDisruptionBudget": ("policy", ("spec", "selector"), "counts"),
    "NetworkPolicy": ("networking.k8s.io", ("spec", "podSelector"), "applies to"),
}
_TARGET_NAME = ("spec", "scaleTargetRef", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A workload and a copy of it."""

    original: Manifest
    copy: Manifest


def notes(app: App, pairs: tuple[Pair, ...]) -> tuple[str, ...]:
    """A sentence for each budget and policy that hits a copy or, unlike its original, misses it."""
    return tuple(
        sentence
        for bystander in _bystanders(app)
        for pair in pairs
        if (sentence := _meeting(bystander, pair))
    )


def unscaled(app: App, pairs: tuple[Pair, ...]) -> tuple[str, ...]:
    """A sentence for each autoscaler that scales an original and not its copy."""
    return tuple(
        f"{ref_of(scaler)} scales {pair.original.ref.name} alone; "
        f"{pair.copy.ref.name} keeps its number of pods."
        for _, scaler in _autoscalers(app)
        for pair in pairs
        if _targets(scaler, pair.original.ref, pair.original.ref.name)
    )


def following(app: App, colour: Colour) -> tuple[Stage, ...]:
    """A stage that aims autoscalers at the colour that carries the traffic; none without them.

    One that is not live yet is made with its first green.
    """
    steps: list[Step] = []
    for manifest, scaler in _autoscalers(app):
        for workload in app.workloads:
            green = copy_name(workload.kind, workload.ref.name, Colour.GREEN)
            name = green if colour is Colour.GREEN else workload.ref.name
            if not any(_targets(scaler, workload.ref, each) for each in (green, workload.ref.name)):
                continue
            if manifest is not None and (colour is Colour.GREEN or app.is_live(manifest.ref)):
                aimed = set_in(manifest.document, _TARGET_NAME, name)
                steps.append(Apply(manifest=manifest.with_document(aimed)))
            elif manifest is None and get_in(scaler, _TARGET_NAME) != name:
                body = {"spec": {"scaleTargetRef": {"name": name}}}
                why = f"it follows the traffic to {name}"
                steps.append(Patch(ref=ref_of(scaler), body=body, why=why))
    return (Stage(name="Aim autoscalers", steps=tuple(steps)),) if steps else ()


def aimed_autoscalers(app: App) -> ManifestSet:
    """The autoscalers of the manifests that follow the traffic; nobody else applies them."""
    return tuple(
        manifest
        for manifest, scaler in _autoscalers(app)
        if manifest is not None
        and any(_targets(scaler, each.ref, each.ref.name) for each in app.workloads)
    )


def is_scaled(app: App, workload: Manifest) -> bool:
    """Whether an autoscaler decides the replicas of a workload or of its green copy."""
    names = (workload.ref.name, copy_name(workload.kind, workload.ref.name, Colour.GREEN))
    return any(
        _targets(scaler, workload.ref, name) for _, scaler in _autoscalers(app) for name in names
    )


def _autoscalers(app: App) -> Iterator[tuple[Manifest | None, Document]]:
    """Autoscalers of the manifests with their manifest, then live ones beside them.

    An API server lists an HPA under every version that was asked for; each counts once. One that
    has an owner (KEDA makes HPAs) is its owner's to aim.
    """
    seen: set[tuple[str, str, str]] = set()
    for manifest in app.manifests:
        if AUTOSCALER_KINDS.get(manifest.kind) == manifest.ref.group:
            seen.add((manifest.kind, manifest.ref.namespace, manifest.ref.name))
            yield manifest, manifest.document
    for ref, live in sorted(app.observed.live.items(), key=lambda item: item[0]):
        place = (ref.kind, ref.namespace, ref.name)
        owned = get_in(live, ("metadata", "ownerReferences"))
        if AUTOSCALER_KINDS.get(ref.kind) == ref.group and place not in seen and not owned:
            seen.add(place)
            yield None, live


def _targets(scaler: Document, ref: ObjectRef, name: str) -> bool:
    target = get_in(scaler, ("spec", "scaleTargetRef"), {})
    return (
        ref_of(scaler).namespace == ref.namespace
        and str(target.get("kind") or "Deployment") == ref.kind
        and target.get("name") == name
    )


def _bystanders(app: App) -> Iterator[Document]:
    """Budgets and policies of the manifests, then the live ones beside them."""
    ours = {each.ref: each.document for each in app.manifests}
    for ref, document in {**app.observed.live, **ours}.items():
        if ref.kind in SELECTING_KINDS and SELECTING_KINDS[ref.kind][0] == ref.group:
            yield document


def _meeting(bystander: Document, pair: Pair) -> str:
    ref = ref_of(bystander)
    if ref.namespace != pair.original.ref.namespace:
        return ""
    _, path, verb = SELECTING_KINDS[ref.kind]
    selector = get_in(bystander, path)
    if selects(selector, pod_labels_of(pair.copy.document)):
        return f"{ref} {verb} the pods of {pair.copy.ref.name} too."
    if selects(selector, pod_labels_of(pair.original.document)):
        return f"{ref} misses the pods of {pair.copy.ref.name}: its selector leaves them out."
    return ""
