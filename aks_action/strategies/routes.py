"""Moving the traffic of HTTPRoutes and GRPCRoutes, in the manifests or live."""

from __future__ import annotations

from collections.abc import Callable, Collection

from aks_action.model.manifests import Document, Manifest, ObjectRef, ref_of
from aks_action.model.plan import Apply, Stage, Step
from aks_action.model.traffic.routing import route_services
from aks_action.model.traffic.steps import Reroute, WaitAccepted
from aks_action.model.traffic.weights import Part, Split, rerouted
from aks_action.strategies.app import App, family, settled

Parts = Callable[[Manifest], tuple[Part, ...]]
"""From a routed Service to the Services that take its traffic."""


def moved(
    app: App,
    name: str,
    parts: Parts,
    *,
    refs: Collection[ObjectRef],
    before: Parts | None = None,
    moved_already: bool = False,
) -> tuple[Stage, ...]:
    """Stages that write the routes among `refs` and wait until their gateways have accepted it.

    before: where the traffic goes until then, and goes again when the move fails; None: unknown.
    moved_already: whether this plan has moved it before, so that what is live now says nothing.

    A Service that the routes did not name before is named with weight 0 first, and one that they
    name no longer is left with weight 0 for a moment. Proxies learn of routes and of the Services
    behind them by separate ways, and one that has the route and not the Service answers 503
    (seen with Contour and Envoy).
    """
    wanted = [ref for ref in all_refs(app) if ref in refs]
    if not wanted:
        return ()
    if before is None:
        return _written(app, name, parts, wanted, undo=None)
    back = Stage(name=f"Undo: {name}", steps=_writes(app, before, wanted))
    primed, retiring = _with_names_of(before, parts), _with_names_of(parts, before)
    unknowing = [ref for ref in wanted if moved_already or _lacks_a_part(app, ref, parts)]
    is_new = any(primed(each) != before(each) for each in app.services)
    known = [ref for ref in wanted if app.is_live(ref)]
    is_old = known and any(retiring(each) != parts(each) for each in app.services)
    return (
        *(
            _written(app, "Make new Services known", primed, unknowing, undo=back)
            if is_new and unknowing
            else ()
        ),
        *(_written(app, name, retiring, known, undo=back) if is_old else ()),
        *_written(app, "Forget old Services" if is_old else name, parts, wanted, undo=back),
    )


def _written(
    app: App, name: str, parts: Parts, wanted: Collection[ObjectRef], *, undo: Stage | None
) -> tuple[Stage, ...]:
    waits: tuple[Step, ...] = tuple(WaitAccepted(ref=ref) for ref in wanted)
    return (
        Stage(name=name, steps=_writes(app, parts, wanted), undo=undo),
        Stage(name="Wait for the gateways", steps=waits, undo=undo),
        settled("gateways take what is new to all of their proxies"),
    )


def _lacks_a_part(app: App, ref: ObjectRef, parts: Parts) -> bool:
    """Whether a live route names a Service or a copy of it, but not all that are to be named."""
    live = app.live(ref)
    if live is None:
        return False
    return any(
        named & family(each) and not {part.service for part in parts(each)} <= named
        for each in app.services
        for named in (route_services(live, each.ref.namespace),)
    )


def _with_names_of(parts: Parts, other: Parts) -> Parts:
    """The parts, and those that only `other` has without a share."""

    def together(service: Manifest) -> tuple[Part, ...]:
        own = parts(service)
        names = {part.service for part in own}
        more = [part.service for part in other(service) if part.service not in names]
        return (*own, *(Part(service=name, share=0) for name in more))

    return together


def all_refs(app: App) -> tuple[ObjectRef, ...]:
    """Every route that takes part: those of the manifests, then the live ones beside them."""
    return (*(each.ref for each in app.routes), *(ref_of(each) for each in app.live_routes))


def live_refs(app: App, names: Callable[[Manifest], Collection[str]]) -> tuple[ObjectRef, ...]:
    """The routes that now, in the cluster, send traffic to one of `names(service)`."""
    return tuple(
        ref
        for ref in all_refs(app)
        if (live := app.live(ref)) is not None and _names_any(app, live, names)
    )


def _names_any(app: App, live: Document, names: Callable[[Manifest], Collection[str]]) -> bool:
    return any(
        name in route_services(live, service.ref.namespace)
        for service in app.services
        for name in names(service)
    )


def _writes(app: App, parts: Parts, wanted: Collection[ObjectRef]) -> tuple[Step, ...]:
    splits = tuple(
        Split(namespace=each.ref.namespace, family=family(each), parts=parts(each))
        for each in app.services
    )
    applies: list[Step] = [
        Apply(manifest=each.with_document(rerouted(each.document, splits)))
        for each in app.routes
        if each.ref in wanted
    ]
    return (*applies, *(Reroute(ref=ref, splits=splits) for ref in _beside(app, wanted)))


def _beside(app: App, wanted: Collection[ObjectRef]) -> tuple[ObjectRef, ...]:
    return tuple(ref for each in app.live_routes if (ref := ref_of(each)) in wanted)
