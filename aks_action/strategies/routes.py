"""Moving the traffic of HTTPRoutes and GRPCRoutes, in the manifests or live."""

from __future__ import annotations

from collections.abc import Callable, Collection

from aks_action.model.manifests import Document, Manifest, ObjectRef, ref_of
from aks_action.model.plan import Apply, Stage, Step
from aks_action.model.routing import route_services
from aks_action.model.traffic_steps import Reroute, WaitAccepted
from aks_action.model.weights import Part, Split, rerouted
from aks_action.strategies.app import App, family, settled

Parts = Callable[[Manifest], tuple[Part, ...]]
"""From a routed Service to the Services that take its traffic."""


def moved(
    app: App, name: str, parts: Parts, *, refs: Collection[ObjectRef], undo: Parts | None = None
) -> tuple[Stage, ...]:
    """Stages that write the routes among `refs` and wait until their gateways have accepted it.

    undo: where the traffic goes when that fails; None: nowhere else.
    """
    wanted = [ref for ref in all_refs(app) if ref in refs]
    if not wanted:
        return ()
    back = Stage(name=f"Undo: {name}", steps=_writes(app, undo, wanted)) if undo else None
    waits: tuple[Step, ...] = tuple(WaitAccepted(ref=ref) for ref in wanted)
    return (
        Stage(name=name, steps=_writes(app, parts, wanted), undo=back),
        Stage(name="Wait for the gateways", steps=waits, undo=back),
        settled("gateways take new weights to all of their proxies"),
    )


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
