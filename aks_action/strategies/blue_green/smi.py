"""Blue-green by SMI TrafficSplits between the Services of stable and green."""

from __future__ import annotations

from collections.abc import Callable

from aks_action.errors import Conflict
from aks_action.model.manifests import Manifest, ObjectRef, ref_of
from aks_action.model.plan import Apply, Stage, Step
from aks_action.model.traffic.splits import (
    COLOUR_SUFFIX,
    served_version,
    traffic_split,
    weights_of,
)
from aks_action.model.traffic.steps import Labels, WaitEndpoints
from aks_action.model.traffic.weights import Part
from aks_action.model.variants import Colour, Version, copied_service, copy_name, copy_ref
from aks_action.strategies.app import App, applied, deleted, settled
from aks_action.strategies.blue_green import colours, method
from aks_action.strategies.blue_green.colours import BLUE, Carrier, Marks
from aks_action.strategies.blue_green.method import Method, Stages, nothing

Parts = Callable[[Manifest], tuple[Part, ...]]


def _carrier(app: App) -> Carrier:
    return colours.combined([_colour(app, each) for each in app.services])


def _colour(app: App, service: Manifest) -> Carrier:
    live = app.live(_split_ref(app, service))
    if live is None:
        return Carrier.NOBODY
    weights = weights_of(live)
    green, blue = (weights.get(name, 0) > 0 for name in (_green(service), _stable(service)))
    if green and blue:
        return Carrier.MIXED
    return Carrier.GREEN if green else Carrier.BLUE


def _before_green(app: App) -> Stages:
    """Where there is a stable, the split gives it everything before green is made."""
    fresh = tuple(
        each
        for each in app.services
        if colours.has_blue(app, each) and not app.is_live(_split_ref(app, each))
    )
    return (
        *_stable_services(app, colours.marks_found(app), fresh),
        *_weighted(app, "Send all traffic to the stable", fresh, _all_blue),
        *method.green_services(app),
    )


def _to_green(app: App) -> Stages:
    return _switched(app, "Switch to green", _all_green)


def _blue_ready(app: App, marks: Marks) -> Stages:
    return _stable_services(app, marks, app.services)


def _to_blue(app: App, _marks: Marks) -> Stages:
    return _switched(app, "Switch to the stable", _all_blue)


def _after_blue(app: App, _marks: Marks) -> Stages:
    """Without a colour on blue's pods, `name-stable` would lose them at blue's next rollout.

    So what was there before the first green is restored: the plain Service alone.
    """
    marks = colours.marks_found(app)
    pinned = [each for each in app.services if marks(each) != BLUE]
    splits = [_split_ref(app, each) for each in pinned]
    stables = [copy_ref(each.ref, Version.STABLE) for each in pinned]
    why = "the plain Service selects the stable again"
    return (
        *deleted(app, "Delete the splits", splits, why),
        *deleted(app, "Delete the stable's Services", stables, why),
    )


def _stable_services(app: App, marks: Marks, services: tuple[Manifest, ...]) -> Stages:
    if not services:
        return ()
    made = tuple(_stable_service(each, marks(each)) for each in services)
    waits: tuple[Step, ...] = tuple(
        WaitEndpoints(service=each.ref, ready=colours.selector_of(each))
        for each, service in zip(made, services, strict=True)
        if app.serves(service)
    )
    return (
        applied("Services of the stable", made),
        Stage(name="Wait for endpoints of the stable", steps=waits),
    )


def _stable_service(service: Manifest, marks: Labels) -> Manifest:
    aimed = colours.stable_service(service, marks)
    return service.with_document(copied_service(aimed.document, Version.STABLE))


def _switched(app: App, name: str, parts: Parts) -> Stages:
    return (
        *_weighted(app, name, app.services, parts),
        settled("the mesh takes the new weights to its proxies"),
    )


def _weighted(app: App, name: str, services: tuple[Manifest, ...], parts: Parts) -> Stages:
    if not services:
        return ()
    before = [
        Apply(manifest=_split(app, each, _parts_found(app, each)))
        for each in services
        if app.is_live(_split_ref(app, each))
    ]
    undo = Stage(name=f"Undo: {name}", steps=tuple(before)) if before else None
    made = [_split(app, each, parts(each)) for each in services]
    return (applied(name, made, undo=undo),)


def _split(app: App, service: Manifest, parts: tuple[Part, ...]) -> Manifest:
    annotations = app.settings.split_annotations
    document = traffic_split(
        _api_version(app), service.document, COLOUR_SUFFIX, parts, annotations=annotations
    )
    return service.with_document(document)


def _split_ref(app: App, service: Manifest) -> ObjectRef:
    return ref_of(traffic_split(_api_version(app), service.document, COLOUR_SUFFIX, ()))


def _api_version(app: App) -> str:
    version = served_version(app.observed.types)
    if version is None:
        raise Conflict(
            "The cluster serves no TrafficSplit (split.smi-spec.io). Install a service mesh that "
            "implements SMI, or use the Gateway API with route-method gateway."
        )
    return version


def _parts_found(app: App, service: Manifest) -> tuple[Part, ...]:
    weights = weights_of(app.live(_split_ref(app, service)))
    return tuple(Part(service=name, share=weight) for name, weight in weights.items())


def _all_blue(service: Manifest) -> tuple[Part, ...]:
    return Part(service=_stable(service), share=100), Part(service=_green(service), share=0)


def _all_green(service: Manifest) -> tuple[Part, ...]:
    return Part(service=_stable(service), share=0), Part(service=_green(service), share=100)


def _stable(service: Manifest) -> str:
    return copy_name("Service", service.ref.name, Version.STABLE)


def _green(service: Manifest) -> str:
    return copy_name("Service", service.ref.name, Colour.GREEN)


METHOD = Method(
    handled=lambda _app: (),
    carrier=_carrier,
    before_green=_before_green,
    green_ready=method.green_endpoints,
    to_green=_to_green,
    after_green=nothing,
    blue_ready=_blue_ready,
    to_blue=_to_blue,
    leftovers=method.green_service_refs,
    after_blue=_after_blue,
)
