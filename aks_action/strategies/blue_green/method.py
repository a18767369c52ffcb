"""What the four ways to switch traffic have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aks_action.model.manifests import Manifest, ManifestSet, ObjectRef
from aks_action.model.plan import Stage, Step
from aks_action.model.traffic.steps import WaitEndpoints
from aks_action.model.variants import Colour, coloured, copy_ref
from aks_action.strategies.app import App, applied
from aks_action.strategies.blue_green.colours import (
    GREEN,
    Carrier,
    Marks,
    selector_of,
    stable_service,
)

Stages = tuple[Stage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One way to switch; every part is a pure function of what was found.

    handled:      manifests that the method writes itself, when it is their time.
    carrier:      what carries the traffic now.
    before_green: what keeps green out of the traffic until the switch, and its Services.
    green_ready:  waits until green has endpoints.
    to_green:     the switch, and the proof of it.
    after_green:  what `before_green` did only for the time being, undone.
    blue_ready:   Services and waits that blue needs before traffic returns to it.
    to_blue:      the switch back, and the proof of it.
    leftovers:    what else than workloads is deleted when green goes.
    after_blue:   what remains to be done when green is gone; the marks are those that this plan
                  has put into selectors.
    """

    handled: Callable[[App], tuple[Manifest, ...]]
    carrier: Callable[[App], Carrier]
    before_green: Callable[[App], Stages]
    green_ready: Callable[[App], Stages]
    to_green: Callable[[App], Stages]
    after_green: Callable[[App], Stages]
    blue_ready: Callable[[App, Marks], Stages]
    to_blue: Callable[[App, Marks], Stages]
    leftovers: Callable[[App], tuple[ObjectRef, ...]]
    after_blue: Callable[[App, Marks], Stages]


def nothing(_app: App) -> Stages:
    return ()


def green_services(app: App) -> Stages:
    """A stage that makes `name-green` of every routed Service."""
    made = [each.with_document(coloured(each.document, Colour.GREEN)) for each in app.services]
    return (applied("Services of green", made),) if made else ()


def green_service_refs(app: App) -> tuple[ObjectRef, ...]:
    return tuple(copy_ref(each.ref, Colour.GREEN) for each in app.services)


def green_endpoints(app: App) -> Stages:
    """A stage that waits until every `name-green` has a ready endpoint."""
    waits: tuple[Step, ...] = tuple(
        WaitEndpoints(service=copy_ref(each.ref, Colour.GREEN), ready=GREEN)
        for each in app.services
        if app.serves(each)
    )
    return (Stage(name="Wait for endpoints of green", steps=waits),) if waits else ()


def plain_services_to_blue(app: App, marks: Marks) -> Stages:
    """Stages that aim the plain Services at blue and wait for their endpoints."""
    made: ManifestSet = tuple(stable_service(each, marks(each)) for each in app.services)
    waits: tuple[Step, ...] = tuple(
        WaitEndpoints(
            service=each.ref, ready=selector_of(each), none=GREEN if marks(service) else {}
        )
        for each, service in zip(made, app.services, strict=True)
        if app.serves(service)
    )
    return (
        applied("Aim the plain Services at the stable", made),
        Stage(name="Wait for endpoints of the stable", steps=waits),
    )
