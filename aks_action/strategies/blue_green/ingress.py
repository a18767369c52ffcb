"""Blue-green by Ingresses: their backends are renamed to the Services of green and back."""

from __future__ import annotations

from aks_action.errors import Conflict
from aks_action.model.documents import set_in
from aks_action.model.manifests import Document, Manifest
from aks_action.model.plan import Stage
from aks_action.model.routing import ingress_services, with_ingress_services
from aks_action.model.variants import COLOUR_LABEL, Colour, copy_name
from aks_action.strategies.app import App, applied, settled
from aks_action.strategies.blue_green import colours, method
from aks_action.strategies.blue_green.colours import Carrier, Marks
from aks_action.strategies.blue_green.method import Method, Stages

SETTLE_SECONDS = 5.0
"""An Ingress does not report when its controller has taken a change; reloads take seconds."""


def _carrier(app: App) -> Carrier:
    return colours.combined([_colour(app, each) for each in app.ingresses])


def _colour(app: App, ingress: Manifest) -> Carrier:
    live = app.live(ingress.ref)
    if live is None:
        return Carrier.NOBODY
    named = set(ingress_services(live))
    services = [
        each.ref.name for each in app.services if each.ref.namespace == ingress.ref.namespace
    ]
    green = any(copy_name("Service", name, Colour.GREEN) in named for name in services)
    blue = any(name in named for name in services)
    if green and blue:
        return Carrier.MIXED
    return Carrier.GREEN if green else Carrier.BLUE


def _before_green(app: App) -> Stages:
    if not app.ingresses:
        names = ", ".join(each.ref.name for each in app.services) or "a Service of the workloads"
        raise Conflict(
            f"No Ingress of the manifests names {names}. Add one, or use another route-method."
        )
    return (*colours.green_kept_out(app), *method.green_services(app))


def _to_green(app: App) -> Stages:
    made = tuple(each.with_document(_green(app, each)) for each in app.ingresses)
    return _switched(app, "Switch to green", made)


def _to_blue(app: App, _marks: Marks) -> Stages:
    return _switched(app, "Switch to the stable", app.ingresses)


def _switched(app: App, name: str, made: tuple[Manifest, ...]) -> Stages:
    before = tuple(manifest for manifest in app.ingresses if app.is_live(manifest.ref))
    green = _carrier(app) is Carrier.GREEN
    undo: Stage | None = applied(
        f"Undo: {name}",
        [each.with_document(_green(app, each)) if green else each for each in before],
    )
    return (
        applied(name, made, undo=undo if before else None),
        settled("ingress controllers take the new backends", SETTLE_SECONDS),
    )


def _green(app: App, ingress: Manifest) -> Document:
    namespace = ingress.ref.namespace
    routed = {each.ref.name for each in app.services if each.ref.namespace == namespace}

    def rename(name: str) -> str:
        return copy_name("Service", name, Colour.GREEN) if name in routed else name

    marked = set_in(ingress.document, ("metadata", "labels", COLOUR_LABEL), str(Colour.GREEN))
    return with_ingress_services(marked, rename)


METHOD = Method(
    handled=lambda app: (*app.services, *app.ingresses),
    carrier=_carrier,
    before_green=_before_green,
    green_ready=method.green_endpoints,
    to_green=_to_green,
    after_green=lambda app: colours.version_forgotten(app, colours.marks_found(app)),
    blue_ready=method.plain_services_to_blue,
    to_blue=_to_blue,
    leftovers=method.green_service_refs,
    after_blue=colours.version_forgotten,
)
