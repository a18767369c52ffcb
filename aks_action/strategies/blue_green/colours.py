"""Blue and green: their workloads, and what tells the pods of one from the other's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import Enum, auto
from typing import Any

from aks_action.model import replicas
from aks_action.model.documents import get_in
from aks_action.model.manifests import Document, Manifest, ManifestSet, ObjectRef, ref_of
from aks_action.model.plan import Stage, Step
from aks_action.model.traffic.steps import Labels, Patch
from aks_action.model.variants import (
    COLOUR_LABEL,
    Colour,
    coloured,
    copy_ref,
    pod_labels_of,
    selecting,
    with_live_selector,
)
from aks_action.strategies.app import App
from aks_action.strategies.bystanders import is_scaled

GREEN: Labels = {COLOUR_LABEL: str(Colour.GREEN)}
BLUE: Labels = {COLOUR_LABEL: str(Colour.BLUE)}

_GENERATIONS = ("pod-template-hash", "controller-revision-hash")
"""Labels that a controller gives to the pods of one version of one workload."""

Marks = Callable[[Manifest], Labels]
"""From a routed Service to the labels that single out the pods of blue; empty: none do."""


class Carrier(Enum):
    """What carries the traffic, as it was found. NOBODY: nothing that routes is there yet."""

    BLUE = auto()
    GREEN = auto()
    MIXED = auto()
    NOBODY = auto()

    @property
    def is_green(self) -> bool:
        """Whether green has all of the traffic or some."""
        return self in (Carrier.GREEN, Carrier.MIXED)


def combined(found: list[Carrier]) -> Carrier:
    """One answer for several Services or routes."""
    colours = {each for each in found if each is not Carrier.NOBODY}
    if len(colours) > 1:
        return Carrier.MIXED
    return colours.pop() if colours else Carrier.NOBODY


def greens(app: App) -> ManifestSet:
    """The workloads as green, as large as an autoscaler has made the stable by now."""
    return tuple(
        each.with_document(
            _as_large(app, each, coloured(each.document, Colour.GREEN), app.live(each.ref))
        )
        for each in app.workloads
    )


def blues(app: App) -> ManifestSet:
    """The workloads as the next stable, as large as an autoscaler has made green by now."""
    return tuple(each.with_document(_blue(app, each)) for each in app.workloads)


def green_refs(app: App) -> tuple[ObjectRef, ...]:
    return tuple(copy_ref(each.ref, Colour.GREEN) for each in app.workloads)


def has_blue(app: App, service: Manifest) -> bool:
    """Whether a Service has a live stable with pods behind it."""
    return any(
        live is not None and replicas.of(live) > 0
        for live in (app.live(each.ref) for each in app.behind(service))
    )


def replaced(app: App) -> tuple[ObjectRef, ...]:
    """Live stables whose selector has to change, which only a new object can."""
    return tuple(
        each.ref
        for each in blues(app)
        if (live := app.live(each.ref)) is not None
        and _match_labels(live) != _match_labels(each.document)
    )


def marks_when_promoted(_service: Manifest) -> Labels:
    return BLUE


def marks_found(app: App) -> Marks:
    """The labels of blue's live pods: the colour, or, where `basic` made them, their version.

    Without either, a Service that selects blue selects green too.
    """

    def marks(service: Manifest) -> Labels:
        lives = [live for each in app.behind(service) if (live := app.live(each.ref)) is not None]
        if lives and all(BLUE.items() <= pod_labels_of(live).items() for live in lives):
            return BLUE
        return _generation(app, lives[0]) if len(lives) == 1 else {}

    return marks


def stable_service(service: Manifest, marks: Labels) -> Manifest:
    """The Service as it routes to blue: by colour as k8s-deploy has it, else by `marks`."""
    if marks == BLUE:
        return service.with_document(coloured(service.document, Colour.BLUE))
    return service.with_document(selecting(service.document, marks))


def selector_of(service: Manifest) -> Labels:
    selector = get_in(service.document, ("spec", "selector"))
    return selector if isinstance(selector, Mapping) else {}


def marked_pods(app: App, marks: Marks) -> Iterator[tuple[ObjectRef, Labels]]:
    """Each Service that is to serve, and the labels of those of its pods that have its marks."""
    for each in app.services:
        if app.serves(each):
            yield each.ref, {**selector_of(each), **marks(each)}


def green_kept_out(app: App) -> tuple[Stage, ...]:
    """A stage after which live Services that select both colours select what blue is now.

    The pods that a stable made by `basic` has are told from green's by the label of their
    version. They are not touched, and the endpoints stay the same.
    """
    marks = marks_found(app)
    steps: list[Step] = []
    for each in app.services:
        live = app.live(each.ref)
        found = marks(each)
        selector = get_in(live, ("spec", "selector")) or {}
        if (
            live is None
            or COLOUR_LABEL in selector
            or not found
            or found.items() <= selector.items()
        ):
            continue
        why = "until green is ready, only the pods that serve now get traffic"
        steps.append(Patch(ref=each.ref, body={"spec": {"selector": dict(found)}}, why=why))
    return (Stage(name="Keep green out of the traffic", steps=tuple(steps)),) if steps else ()


def version_forgotten(app: App, marks: Marks | None = None) -> tuple[Stage, ...]:
    """A stage that takes the label of blue's version out of Services' selectors again.

    marks: what this plan has put there; without it only what is found there counts.
    """
    steps: list[Step] = []
    for each in app.services:
        selector = get_in(app.live(each.ref), ("spec", "selector")) or {}
        labels = {*selector, *(marks(each) if marks else ())}
        pinned: dict[str, Any] = {label: None for label in _GENERATIONS if label in labels}
        if pinned:
            why = "green is out of the way, or ready"
            steps.append(Patch(ref=each.ref, body={"spec": {"selector": pinned}}, why=why))
    return (Stage(name="Select by the manifest's labels", steps=tuple(steps)),) if steps else ()


def _blue(app: App, workload: Manifest) -> Document:
    live = app.live(workload.ref)
    document = with_live_selector(coloured(workload.document, Colour.BLUE), live, COLOUR_LABEL)
    return _as_large(app, workload, document, app.live(copy_ref(workload.ref, Colour.GREEN)))


def _as_large(app: App, workload: Manifest, document: Document, other: Document | None) -> Document:
    return replicas.carried_over(document, other) if is_scaled(app, workload) else document


def _match_labels(workload: Document) -> object:
    return get_in(workload, ("spec", "selector", "matchLabels"))


def _generation(app: App, live: Document) -> Labels:
    """The label of the one version of which a workload has pods; empty in a rollout's middle."""
    status = get_in(live, ("status",)) or {}
    if live["kind"] == "StatefulSet":
        version = status.get("updateRevision")
        settled = version and version == status.get("currentRevision")
        return {"controller-revision-hash": str(version)} if settled else {}
    if live["kind"] != "Deployment" or status.get("updatedReplicas") != status.get("replicas"):
        return {}
    for each in app.observed.of_kind("ReplicaSet", ref_of(live).namespace):
        label = get_in(each, ("metadata", "labels", "pod-template-hash"))
        if label and _is_newest(each, live):
            return {"pod-template-hash": str(label)}
    return {}


def _is_newest(replica_set: Document, deployment: Document) -> bool:
    owners = get_in(replica_set, ("metadata", "ownerReferences")) or ()
    path = ("metadata", "annotations", "deployment.kubernetes.io/revision")
    revision = get_in(deployment, path)
    return (
        any(each.get("uid") == get_in(deployment, ("metadata", "uid")) for each in owners)
        and revision is not None
        and get_in(replica_set, path) == revision
    )
