"""Blue-green by Ingresses: their backends are renamed to the Services of green and back."""

from __future__ import annotations

from collections.abc import Callable, Collection

from aks_action.errors import Conflict
from aks_action.model.documents import set_in
from aks_action.model.manifests import Document, Manifest
from aks_action.model.strategy_settings import StrategyAction
from aks_action.model.traffic.ingress_paths import asked, knowing
from aks_action.model.traffic.routing import ingress_services, with_ingress_services
from aks_action.model.variants import COLOUR_LABEL, Colour, copy_name
from aks_action.strategies.app import App, applied, settled
from aks_action.strategies.blue_green import colours, found, method
from aks_action.strategies.blue_green.colours import Carrier, Marks
from aks_action.strategies.blue_green.method import Method, Stages

Form = Callable[[App, Manifest], Document]
"""An Ingress of the manifests as it has to be."""

SETTLE_SECONDS = 5.0
"""An Ingress does not report when its controller has taken a change; reloads take seconds."""


def _carrier(app: App) -> Carrier:
    return colours.combined([_colour(app, each) for each in app.ingresses])


def _colour(app: App, ingress: Manifest) -> Carrier:
    live = app.live(ingress.ref)
    if live is None:
        return Carrier.NOBODY
    named = set(ingress_services(asked(live)))
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
    """A green that had the traffic has given it back by then, where there is a stable."""
    was_moved = app.settings.action is StrategyAction.DEPLOY and found.all_have_blue(app)
    there = () if was_moved else (Carrier.GREEN,)
    return _switched(app, "Switch to green", _green, old=_blue, there=there)


def _to_blue(app: App, _marks: Marks) -> Stages:
    """A promote that found a part of the traffic on green has completed that by then."""
    was_moved = app.settings.action is StrategyAction.PROMOTE and _carrier(app) is Carrier.MIXED
    there = () if was_moved else (Carrier.BLUE,)
    return _switched(app, "Switch to the stable", _blue, old=_green, there=there)


def _switched(app: App, name: str, new: Form, *, old: Form, there: Collection[Carrier]) -> Stages:
    """The Ingresses as `new` has them; those that are moved know both colours' Services meanwhile.

    there: what an Ingress that need not be moved was found to be.
    """
    moving = [
        each for each in app.ingresses if app.is_live(each.ref) and _colour(app, each) not in there
    ]
    final = [each.with_document(new(app, each)) for each in app.ingresses]
    taken = settled("ingress controllers take the new backends", SETTLE_SECONDS)
    if not moving:
        return (applied(name, final), taken)
    before = [each.with_document(old(app, each)) for each in moving]
    primed = [each.with_document(knowing(old(app, each), new(app, each))) for each in moving]
    retiring = [each.with_document(knowing(new(app, each), old(app, each))) for each in moving]
    undo = applied(f"Undo: {name}", before)
    return (
        applied("Make new Services known", primed, undo=undo),
        taken,
        applied(name, retiring, undo=undo),
        taken,
        applied("Forget old Services", final),
    )


def _after_blue(app: App, marks: Marks) -> Stages:
    """A reject that was cut off right after its switch has left Services known."""
    left = tuple(
        each
        for each in app.ingresses
        if (live := app.live(each.ref)) is not None and asked(live) is not live
    )
    forgotten = (applied("Forget old Services", left),) if left else ()
    return (*forgotten, *colours.version_forgotten(app, marks))


def _blue(_app: App, ingress: Manifest) -> Document:
    return ingress.document


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
    after_blue=_after_blue,
)
