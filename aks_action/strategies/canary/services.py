"""The Services of stable, baseline and canary, among which routes and splits divide traffic."""

from __future__ import annotations

from aks_action.model.manifests import Manifest, ManifestSet, ObjectRef
from aks_action.model.plan import Stage, Step
from aks_action.model.traffic.steps import WaitEndpoints
from aks_action.model.variants import VERSION_LABEL, Version, copy_name, copy_ref, versioned
from aks_action.strategies.app import App, applied
from aks_action.strategies.canary import adoption, copies


def name_of(service: Manifest, version: Version) -> str:
    return copy_name("Service", service.ref.name, version)


def refs(app: App, *versions: Version) -> tuple[ObjectRef, ...]:
    """The copies of every routed Service, whether they are live or not."""
    return tuple(copy_ref(each.ref, version) for each in app.services for version in versions)


def backed(app: App) -> ManifestSet:
    """The Services that have a live stable with pods."""
    return tuple(each for each in app.services if copies.has_stable(app, each))


def of_canary(app: App) -> tuple[Stage, ...]:
    """A stage that makes the Services of canary and baseline."""
    made = [
        _copy(each, version)
        for each in app.services
        for version in (Version.BASELINE, Version.CANARY)
    ]
    return (applied("Services of the canary", made),)


def of_stable(app: App, routed: ManifestSet) -> tuple[Stage, ...]:
    """Stages that make the stable's Services and wait for their endpoints."""
    made = [_copy(each, Version.STABLE) for each in routed]
    waits: tuple[Step, ...] = tuple(
        WaitEndpoints(service=each.ref, ready={VERSION_LABEL: str(Version.STABLE)})
        for each, service in zip(made, routed, strict=True)
        if app.serves(service)
    )
    return (
        applied("Services of the stable", made),
        Stage(name="Wait for endpoints of the stable", steps=waits),
    )


def stable_behind_its_service(app: App) -> tuple[Stage, ...]:
    """Every live stable marked, with a Service of its own that has endpoints."""
    return (*adoption.marked_stable(app), *of_stable(app, backed(app)))


def endpoints_ready(app: App) -> Stage:
    """Wait until every Service that gets a share has ready endpoints."""
    waits: list[Step] = [
        WaitEndpoints(service=copy_ref(each.ref, version), ready={VERSION_LABEL: str(version)})
        for each in app.services
        for version in (Version.CANARY, Version.BASELINE)
        if version is Version.CANARY or copies.has_stable(app, each)
    ]
    return Stage(name="Wait for endpoints of the canary", steps=tuple(waits))


def _copy(service: Manifest, version: Version) -> Manifest:
    return service.with_document(versioned(service.document, version))
