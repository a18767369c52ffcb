"""What every kind of canary has: the copies, the stable they stand beside, and what is found."""

from __future__ import annotations

from collections.abc import Iterator

from aks_action.errors import Conflict, ManifestError, Problem, raise_all
from aks_action.model import replicas
from aks_action.model.documents import get_in, set_in
from aks_action.model.manifests import Document, Manifest, ManifestSet, ObjectRef
from aks_action.model.plan import Plan, Stage, Wait
from aks_action.model.strategy_settings import SplitMethod
from aks_action.model.variants import (
    VERSION_LABEL,
    Version,
    copy_ref,
    versioned,
    with_live_selector,
)
from aks_action.strategies import bystanders
from aks_action.strategies.app import App, steadily

_SELECTOR_LABEL = ("spec", "selector", "matchLabels", VERSION_LABEL)


def refuse_what_cannot_be_copied(app: App) -> None:
    """Raise ManifestError for StatefulSets with volume claims: a copy would begin without data."""
    raise_all(
        ManifestError,
        [
            Problem(
                message=f"{each.ref} cannot have a canary: it owns volume claims, and a copy would "
                "get empty volumes of its own instead of its data. Deploy it with strategy basic, "
                "which updates its pods one by one.",
                source=each.source,
            )
            for each in app.workloads
            if each.kind == "StatefulSet"
            and get_in(each.document, ("spec", "volumeClaimTemplates"))
        ],
    )


def stable_ref(app: App, workload: Manifest) -> ObjectRef:
    """What the stable is called: as it is found live, else as the method calls a new one.

    `smi` looks for and makes `name-stable`; the others the plain name. Either finds the other's,
    so that an app that is live already is adopted, whatever deployed it.
    """
    suffixed = copy_ref(workload.ref, Version.STABLE)
    smi = app.settings.split_method is SplitMethod.SMI
    candidates = (suffixed, workload.ref) if smi else (workload.ref, suffixed)
    return next((ref for ref in candidates if app.is_live(ref)), candidates[0])


def live_stable(app: App, workload: Manifest) -> Document | None:
    return app.live(stable_ref(app, workload))


def stables(app: App) -> Iterator[tuple[Manifest, Document]]:
    for each in app.workloads:
        live = live_stable(app, each)
        if live is not None:
            yield each, live


def has_stable(app: App, service: Manifest) -> bool:
    """Whether a Service has a stable with pods behind it."""
    return any(
        stable is not None and replicas.of(stable) > 0
        for stable in (live_stable(app, each) for each in app.behind(service))
    )


def canaries(app: App) -> ManifestSet:
    """The canary of each workload: the manifest with its share of the pods."""
    return tuple(
        each.with_document(
            replicas.scaled(versioned(each.document, Version.CANARY), _pods(app, each))
        )
        for each in app.workloads
    )


def baselines(app: App) -> ManifestSet:
    """The baseline of each live stable: what runs now, with as many pods as the canary."""
    found: list[Manifest] = []
    for each in app.workloads:
        stable = live_stable(app, each)
        if stable is not None:
            plain = set_in(stable, ("metadata", "name"), each.ref.name)
            copy = versioned(plain, Version.BASELINE)
            found.append(each.with_document(replicas.scaled(copy, _pods(app, each))))
    return tuple(found)


def updated_stable(app: App, workload: Manifest) -> Manifest:
    """The stable with the new version, as `promote` applies it.

    A canary by pods leaves the manifest as it is, unless the live selector demands the label.
    """
    ref, live = stable_ref(app, workload), live_stable(app, workload)
    by_pods = app.settings.split_method is SplitMethod.POD
    renamed = ref != workload.ref
    if by_pods and not renamed and get_in(live, _SELECTOR_LABEL) is None:
        return workload
    marked = versioned(workload.document, Version.STABLE, rename=renamed)
    return workload.with_document(with_live_selector(marked, live, VERSION_LABEL))


def beside_the_stable(app: App) -> Plan:
    """Canaries and baselines, made and waited for until they are steady."""
    advice = (
        "The canary's pods get traffic whenever they are ready."
        if app.settings.split_method is SplitMethod.POD
        else "The canary gets no traffic that it did not have."
    )
    made = app.deployed((*canaries(app), *baselines(app)))
    return steadily(made, f"{advice} Mend it with another deploy, or end it with `action: reject`.")


def copied_refs(app: App) -> tuple[ObjectRef, ...]:
    """Canary and baseline of every workload, whether they are live or not."""
    return tuple(
        copy_ref(each.ref, version)
        for each in app.workloads
        for version in (Version.CANARY, Version.BASELINE)
    )


def healthy_stable(app: App) -> tuple[Stage, ...]:
    """A stage that waits until what traffic goes back to is healthy."""
    waited = tuple(each.with_document(live) for each, live in stables(app))
    return (Stage(name="Wait for the stable", steps=(Wait(manifests=waited),)),) if waited else ()


def refuse_to_take_the_last(app: App) -> None:
    """Raise Conflict if a reject would take the only pods that serve."""
    raise_all(
        Conflict,
        [
            Problem(
                message=f"{copy_ref(each.ref, Version.CANARY)} is all there is of "
                f"{each.ref.name}: no stable was found to go back to. Nothing was changed. "
                "Promote it, or delete it with kubectl if it should go.",
                source=each.source,
            )
            for each in app.workloads
            if live_stable(app, each) is None
            and _has_ready_pods(app.live(copy_ref(each.ref, Version.CANARY)))
        ],
    )


def notes(app: App) -> tuple[str, ...]:
    """What the plan tells of a deploy: first canaries, and who meets the copies."""
    made = {each.ref: each for each in (*canaries(app), *baselines(app))}
    pairs = tuple(
        bystanders.Pair(original=each, copy=made[ref])
        for each in app.workloads
        for version in (Version.CANARY, Version.BASELINE)
        if (ref := copy_ref(each.ref, version)) in made
    )
    first = tuple(
        f"{each.ref}: no stable was found, so there is no baseline and the canary takes all of "
        "the traffic. Promoting it makes the stable."
        for each in app.workloads
        if live_stable(app, each) is None
    )
    return (*first, *bystanders.notes(app, pairs), *bystanders.unscaled(app, pairs))


def _pods(app: App, workload: Manifest) -> int:
    settings = app.settings
    fixed = None if settings.split_method is SplitMethod.POD else settings.replicas
    return replicas.for_copy(
        workload.document,
        live_stable(app, workload),
        percentage=settings.percentage,
        fixed=fixed,
    )


def _has_ready_pods(workload: Document | None) -> bool:
    if get_in(workload, ("status", "readyReplicas")) or get_in(workload, ("status", "numberReady")):
        return True
    conditions = get_in(workload, ("status", "conditions")) or ()
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)
