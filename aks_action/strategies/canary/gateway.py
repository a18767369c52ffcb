"""A canary by weights in HTTPRoutes and GRPCRoutes of the Gateway API."""

from __future__ import annotations

from collections.abc import Sequence

from aks_action.errors import Conflict
from aks_action.model.manifests import Manifest, ObjectRef
from aks_action.model.plan import Plan, Stage
from aks_action.model.traffic.weights import Part, parts_of, whole
from aks_action.model.variants import Version
from aks_action.strategies import routes
from aks_action.strategies.app import App, deleted, only_filled
from aks_action.strategies.canary import copies, services


def deploy(app: App) -> Plan:
    """The routes go to the stable alone first; then canary and baseline, then their weights.

    Without the first step the plain Service, which selects all pods, would give a canary traffic
    as soon as it is ready, and of any share.
    """
    if not routes.all_refs(app):
        raise Conflict(_no_route(app))
    before, beside = app.deployed(app.besides(app.routes)), copies.beside_the_stable(app)
    plain = routes.live_refs(app, lambda each: (each.ref.name,) if _backed(app, each) else ())
    stages = (
        *before.stages,
        *services.stable_behind_its_service(app),
        *routes.moved(
            app, "Send all traffic to the stable", _to_stable(app), refs=plain, before=_to_plain
        ),
        *services.of_canary(app),
        *beside.stages,
        services.endpoints_ready(app),
        *routes.moved(
            app,
            "Give the canary its share",
            lambda service: _shares(app, service),
            refs=routes.all_refs(app),
            before=_to_stable(app),
        ),
    )
    return Plan(
        stages=only_filled(stages), notes=(*before.notes, *beside.notes, *copies.notes(app))
    )


def promote(app: App) -> Plan:
    """The weights stay until the stable, updated, is healthy; then it gets all, then copies go."""
    new = tuple(copies.updated_stable(app, each) for each in app.workloads)
    before = app.deployed(app.besides(app.routes), new)
    found = _is_out(app)
    stages = (
        *before.stages,
        *(services.of_stable(app, app.services) if is_routed_to_copies(app) else ()),
        *_back_to_plain(app, "its version is the stable", [each.ref for each in app.routes]),
    )
    none_found = () if found else ("No canary was found; the manifests were deployed as they are.",)
    return Plan(stages=only_filled(stages), notes=(*before.notes, *none_found))


def reject(app: App) -> Plan:
    """All traffic to the healthy stable, then canary and baseline go."""
    copies.refuse_to_take_the_last(app)
    if not _is_out(app):
        return Plan(stages=(), notes=("Nothing to reject: no canary was found.",))
    stages = (
        *copies.healthy_stable(app),
        *(services.stable_behind_its_service(app) if is_routed_to_copies(app) else ()),
        *_back_to_plain(app, "it was rejected", []),
    )
    return Plan(stages=only_filled(stages))


def _back_to_plain(app: App, why: str, refs: Sequence[ObjectRef]) -> tuple[Stage, ...]:
    """Stages after which routes name the plain Services again, and no copy is left.

    The routes go by the stable's own Service: the plain one still selects the canary's pods
    while they are there.
    refs: routes to write in any case.
    """
    name = "Name the plain Services again"
    to_canary = routes.live_refs(app, lambda service: _names(service)[1:])
    to_any = routes.live_refs(app, _names)
    others = [ref for ref in refs if ref not in to_any]
    return (
        *routes.moved(
            app,
            "Send all traffic to the stable",
            _to_stable_only,
            refs=to_canary,
            before=lambda service: _shares(app, service),
        ),
        *deleted(app, "Delete the canary", copies.copied_refs(app), why),
        *routes.moved(app, name, _to_plain, refs=to_any, before=_to_stable_only),
        *routes.moved(app, name, _to_plain, refs=others),
        *deleted(app, "Delete the copies' Services", services.refs(app, *Version), why),
    )


def _shares(app: App, service: Manifest) -> tuple[Part, ...]:
    """The percentage; everything to the first canary of an app that has no stable."""
    stable, baseline, canary = _names(service)
    if not _backed(app, service):
        return whole(canary)
    return parts_of(app.settings.percentage, stable=stable, baseline=baseline, canary=canary)


def _to_stable(app: App) -> routes.Parts:
    """All of the traffic to the stable, where there is one; else to the plain Service."""
    return lambda service: _to_stable_only(service) if _backed(app, service) else _to_plain(service)


def _to_stable_only(service: Manifest) -> tuple[Part, ...]:
    return whole(services.name_of(service, Version.STABLE))


def _to_plain(service: Manifest) -> tuple[Part, ...]:
    return whole(service.ref.name)


def _backed(app: App, service: Manifest) -> bool:
    return copies.has_stable(app, service)


def _names(service: Manifest) -> tuple[str, str, str]:
    """The Services of stable, baseline and canary."""
    stable, baseline, canary = (services.name_of(service, version) for version in Version)
    return stable, baseline, canary


def is_routed_to_copies(app: App) -> bool:
    """Whether a live route names a Service of stable, baseline or canary."""
    return bool(routes.live_refs(app, _names))


def _is_out(app: App) -> bool:
    """Whether there is a canary, or anything that was made for one."""
    refs = (*copies.copied_refs(app), *services.refs(app, *Version))
    return is_routed_to_copies(app) or any(ref in app.observed.live for ref in refs)


def _no_route(app: App) -> str:
    names = ", ".join(each.ref.name for each in app.services) or "any Service of the manifests"
    return (
        f"No HTTPRoute or GRPCRoute, in the manifests or in {', '.join(app.namespaces)}, sends "
        f"traffic to {names}. Add one, or use traffic-split-method pod."
    )
