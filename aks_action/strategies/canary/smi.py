"""A canary by an SMI TrafficSplit between the Services of stable, baseline and canary."""

from __future__ import annotations

from collections.abc import Callable

from aks_action.errors import Conflict
from aks_action.model.manifests import Manifest, ManifestSet, ObjectRef, ref_of
from aks_action.model.plan import Apply, Delete, Plan, Stage, Step
from aks_action.model.traffic.splits import (
    CANARY_SUFFIX,
    CANARY_TOTAL,
    canary_parts,
    served_version,
    traffic_split,
    weights_of,
)
from aks_action.model.traffic.weights import Part
from aks_action.model.variants import Version
from aks_action.strategies.app import App, deleted, only_filled, settled
from aks_action.strategies.canary import copies, services


def deploy(app: App) -> Plan:
    """The stable gets the split for itself first; then canary and baseline, then their weights."""
    version = api_version(app)
    fresh = tuple(
        each
        for each in app.services
        if copies.has_stable(app, each) and _live_split(app, version, each) is None
    )
    before, beside = app.deployed(app.besides()), copies.beside_the_stable(app)
    stages = (
        *before.stages,
        *services.stable_behind_its_service(app),
        _weighted(app, version, "Send all traffic to the stable", fresh, _all_stable),
        *services.of_canary(app),
        *beside.stages,
        services.endpoints_ready(app),
        _weighted(
            app, version, "Give the canary its share", app.services, lambda s: _shares(app, s)
        ),
    )
    return Plan(
        stages=only_filled(stages), notes=(*before.notes, *beside.notes, *copies.notes(app))
    )


def promote(app: App) -> Plan:
    """The weights stay until the stable, updated, is healthy; then it gets all, then copies go."""
    version = api_version(app)
    new = tuple(copies.updated_stable(app, each) for each in app.workloads)
    before = app.deployed(app.besides(), new)
    found = _is_out(app)
    stages = (
        *before.stages,
        *services.of_stable(app, app.services),
        *_back_to_stable(app, version, app.services, "its version is the stable"),
    )
    none_found = () if found else ("No canary was found; the manifests became the stable.",)
    return Plan(stages=only_filled(stages), notes=(*before.notes, *none_found))


def reject(app: App) -> Plan:
    """All traffic to the healthy stable, then canary and baseline go."""
    version = api_version(app)
    copies.refuse_to_take_the_last(app)
    if not _is_out(app):
        return Plan(stages=(), notes=("Nothing to reject: no canary was found.",))
    backed = tuple(each for each in app.services if copies.has_stable(app, each))
    stages = (
        *copies.healthy_stable(app),
        *services.stable_behind_its_service(app),
        *_back_to_stable(app, version, backed, "it was rejected"),
    )
    return Plan(stages=only_filled(stages))


def api_version(app: App) -> str:
    """The apiVersion of TrafficSplits; raises Conflict where the cluster serves none."""
    version = served_version(app.observed.types)
    if version is None:
        raise Conflict(
            "The cluster serves no TrafficSplit (split.smi-spec.io). Install a service mesh that "
            "implements SMI, or use the Gateway API with method gateway."
        )
    return version


def _back_to_stable(app: App, version: str, backed: ManifestSet, why: str) -> tuple[Stage, ...]:
    """All weight to the stable; then what was copied goes, whose Services have weight 0 by then."""
    gone = deleted(app, "Delete the canary", copies.copied_refs(app), why)
    refs = services.refs(app, Version.BASELINE, Version.CANARY)
    return (
        _weighted(app, version, "Send all traffic to the stable", backed, _all_stable),
        *((settled("the mesh takes the new weights to its proxies"),) if gone else ()),
        *gone,
        *deleted(app, "Delete the canary's Services", refs, why),
    )


def _shares(app: App, service: Manifest) -> tuple[Part, ...]:
    """The percentage; everything to the first canary of an app that has no stable."""
    if copies.has_stable(app, service):
        return canary_parts(app.settings.percentage, **_names(service))
    names = _names(service)
    return tuple(
        Part(service=names[each], share=CANARY_TOTAL if each == "canary" else 0)
        for each in ("stable", "baseline", "canary")
    )


def _all_stable(service: Manifest) -> tuple[Part, ...]:
    return canary_parts(0, **_names(service))


def _names(service: Manifest) -> dict[str, str]:
    return {str(version): services.name_of(service, version) for version in Version}


def _weighted(
    app: App,
    version: str,
    name: str,
    routed: ManifestSet,
    parts: Callable[[Manifest], tuple[Part, ...]],
) -> Stage:
    """A stage that writes each Service's split; undone, it is what it was or gone."""
    steps: list[Step] = []
    undo: list[Step] = []
    for service in routed:
        split = _split(app, version, service, parts(service))
        steps.append(Apply(manifest=split))
        undo.append(_before(app, version, service))
    return Stage(name=name, steps=tuple(steps), undo=Stage(name=f"Undo: {name}", steps=tuple(undo)))


def _before(app: App, version: str, service: Manifest) -> Step:
    """What gives a Service its split of before back."""
    live = _live_split(app, version, service)
    if live is None:
        return Delete(ref=_split_ref(version, service), why="there was none before")
    parts = tuple(Part(service=name, share=weight) for name, weight in live.items())
    return Apply(manifest=_split(app, version, service, parts))


def _split(app: App, version: str, service: Manifest, parts: tuple[Part, ...]) -> Manifest:
    annotations = app.settings.split_annotations
    return service.with_document(
        traffic_split(version, service.document, CANARY_SUFFIX, parts, annotations=annotations)
    )


def _split_ref(version: str, service: Manifest) -> ObjectRef:
    return ref_of(traffic_split(version, service.document, CANARY_SUFFIX, ()))


def _live_split(app: App, version: str, service: Manifest) -> dict[str, int] | None:
    live = app.live(_split_ref(version, service))
    return None if live is None else weights_of(live)


def has_weight(app: App) -> bool:
    """Whether a live split gives weight to a baseline or a canary."""
    version = served_version(app.observed.types)
    return version is not None and any(
        weight
        for service in app.services
        for name, weight in (_live_split(app, version, service) or {}).items()
        if name != services.name_of(service, Version.STABLE)
    )


def _is_out(app: App) -> bool:
    """Whether there is a canary, or weight for one."""
    refs = (
        *copies.copied_refs(app),
        *services.refs(app, Version.BASELINE, Version.CANARY),
    )
    return has_weight(app) or any(ref in app.observed.live for ref in refs)
