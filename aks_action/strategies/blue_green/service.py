"""Blue-green by Services: the switch is the Service's own selector, one write for each."""

from __future__ import annotations

from collections.abc import Callable

from aks_action.model.documents import get_in, set_in
from aks_action.model.manifests import Document, Manifest, ManifestSet
from aks_action.model.plan import Apply, Stage, Step
from aks_action.model.traffic.steps import Labels, WaitEndpoints, WaitPods
from aks_action.model.variants import COLOUR_LABEL, Colour, coloured
from aks_action.strategies.app import App, applied, settled
from aks_action.strategies.blue_green import colours
from aks_action.strategies.blue_green.colours import GREEN, Carrier, Marks
from aks_action.strategies.blue_green.method import Method, Stages, nothing

Proof = Callable[[Manifest], tuple[Labels, Labels]]
"""From a Service to the labels that all pods behind it must have, and that none may have."""


def _carrier(app: App) -> Carrier:
    return colours.combined([_colour(app, each) for each in app.services])


def _colour(app: App, service: Manifest) -> Carrier:
    live = app.live(service.ref)
    if live is None:
        return Carrier.NOBODY
    green = get_in(live, ("spec", "selector", COLOUR_LABEL)) == Colour.GREEN
    return Carrier.GREEN if green else Carrier.BLUE


def _green_ready(app: App) -> Stages:
    """Green's pods as the switched Services will select them."""
    return _pods_ready(app, lambda _service: GREEN)


def _blue_ready(app: App, marks: Marks) -> Stages:
    return _pods_ready(app, marks)


def _pods_ready(app: App, marks: Marks) -> Stages:
    waits: tuple[Step, ...] = tuple(
        WaitPods(
            namespace=service.namespace, labels=labels, why=f"they are to be behind {service.name}"
        )
        for service, labels in colours.marked_pods(app, marks)
    )
    return (Stage(name="Wait for ready pods", steps=waits),) if waits else ()


def _to_green(app: App) -> Stages:
    made = tuple(
        each.with_document(coloured(each.document, Colour.GREEN, rename=False))
        for each in app.services
    )
    return _switched(app, "Switch to green", made, lambda _service: (GREEN, {}))


def _to_blue(app: App, marks: Marks) -> Stages:
    made = tuple(colours.stable_service(each, marks(each)) for each in app.services)
    if not made:
        return ()
    return (
        *_switched(
            app,
            "Switch to the stable",
            made,
            lambda each: ({}, GREEN if marks(each) else {}),
        ),
        settled("nodes take the new endpoints before green goes"),
    )


def _switched(app: App, name: str, made: ManifestSet, proof: Proof) -> Stages:
    """The switch, and the wait until only the right pods are behind the Services."""
    if not made:
        return ()
    before = tuple(
        Apply(manifest=_with_selector_of(each, live))
        for each in made
        if (live := app.live(each.ref)) is not None
    )
    undo = Stage(name=f"Undo: {name}", steps=before) if before else None
    waits: tuple[Step, ...] = tuple(
        WaitEndpoints(
            service=each.ref,
            ready=colours.selector_of(each),
            only=proof(service)[0],
            none=proof(service)[1],
        )
        for each, service in zip(made, app.services, strict=True)
        if app.serves(service)
    )
    return (
        applied(name, made, undo=undo),
        Stage(name="Wait for endpoints", steps=waits, undo=undo),
    )


def _with_selector_of(service: Manifest, live: Document) -> Manifest:
    selector = get_in(live, ("spec", "selector"))
    return service.with_document(set_in(service.document, ("spec", "selector"), selector))


METHOD = Method(
    handled=lambda app: app.services,
    carrier=_carrier,
    before_green=colours.green_kept_out,
    green_ready=_green_ready,
    to_green=_to_green,
    after_green=nothing,
    blue_ready=_blue_ready,
    to_blue=_to_blue,
    leftovers=lambda _app: (),
    after_blue=colours.version_forgotten,
)
