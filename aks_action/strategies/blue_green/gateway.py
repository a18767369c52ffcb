"""Blue-green by HTTPRoutes and GRPCRoutes: backendRefs go to the Services of green and back."""

from __future__ import annotations

from aks_action.errors import Conflict
from aks_action.model.manifests import Manifest, ObjectRef
from aks_action.model.traffic.routing import route_services
from aks_action.model.traffic.weights import Part, whole
from aks_action.model.variants import Colour, copy_name
from aks_action.strategies import routes
from aks_action.strategies.app import App
from aks_action.strategies.blue_green import colours, found, method
from aks_action.strategies.blue_green.colours import Carrier, Marks
from aks_action.strategies.blue_green.method import Method, Stages


def _carrier(app: App) -> Carrier:
    return colours.combined([_colour(app, ref) for ref in routes.all_refs(app)])


def _colour(app: App, ref: ObjectRef) -> Carrier:
    live = app.live(ref)
    if live is None:
        return Carrier.NOBODY
    found = [
        (_green_name(each) in named, each.ref.name in named)
        for each in app.services
        for named in (route_services(live, each.ref.namespace),)
    ]
    green, blue = any(pair[0] for pair in found), any(pair[1] for pair in found)
    if green and blue:
        return Carrier.MIXED
    return Carrier.GREEN if green else Carrier.BLUE


def _before_green(app: App) -> Stages:
    if not routes.all_refs(app):
        names = ", ".join(each.ref.name for each in app.services) or "a Service of the workloads"
        raise Conflict(
            "No HTTPRoute or GRPCRoute, in the manifests or beside them, sends traffic to "
            f"{names}. Add one, or use another route-method."
        )
    return (*colours.green_kept_out(app), *method.green_services(app))


def _to_green(app: App) -> Stages:
    """From blue, where there is one: a green that had the traffic has given it back by then."""
    stable = found.all_have_blue(app)
    return routes.moved(
        app,
        "Switch to green",
        _green,
        refs=routes.all_refs(app),
        before=_blue if stable else None,
        moved_already=stable and _carrier(app).is_green,
    )


def _to_blue(app: App, _marks: Marks) -> Stages:
    return routes.moved(
        app,
        "Switch to the stable",
        _blue,
        refs=routes.all_refs(app),
        before=_green if _carrier(app) is Carrier.GREEN else None,
    )


def _green(service: Manifest) -> tuple[Part, ...]:
    return whole(_green_name(service))


def _blue(service: Manifest) -> tuple[Part, ...]:
    return whole(service.ref.name)


def _green_name(service: Manifest) -> str:
    return copy_name("Service", service.ref.name, Colour.GREEN)


METHOD = Method(
    handled=lambda app: (*app.services, *app.routes),
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
