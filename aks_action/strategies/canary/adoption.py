"""Adopting a stable that was made without the label that tells its pods from a canary's."""

from __future__ import annotations

from collections.abc import Iterator

from aks_action.errors import Conflict, Problem, raise_all
from aks_action.model.documents import get_in, set_in
from aks_action.model.manifests import Document, Manifest
from aks_action.model.plan import Stage, Wait
from aks_action.model.traffic.steps import Patch
from aks_action.model.variants import VERSION_LABEL, Version, pod_labels_of
from aks_action.strategies.app import App
from aks_action.strategies.canary.copies import stable_ref, stables

_TEMPLATE_LABELS = ("spec", "template", "metadata", "labels")


def marked_stable(app: App) -> tuple[Stage, ...]:
    """Stages that give the pods of a stable made without one its label, so that a Service can
    tell them from the canary's; they are replaced one by one, as the workload's strategy says.

    Raises Conflict where that would take pods away before others are ready, or never happen.
    """
    unmarked = [(each, live) for each, live in stables(app) if not _is_marked(live)]
    raise_all(Conflict, [problem for each, live in unmarked for problem in _unmarkable(each, live)])
    if not unmarked:
        return ()
    patches = tuple(
        Patch(
            ref=stable_ref(app, each),
            body=_mark(live),
            why=f"its pods get the label {VERSION_LABEL}=stable, one by one",
        )
        for each, live in unmarked
    )
    waited = tuple(each.with_document(live) for each, live in unmarked)
    return (
        Stage(name="Adopt the stable", steps=patches),
        Stage(name="Wait for the stable", steps=(Wait(manifests=waited),)),
    )


def _is_marked(workload: Document) -> bool:
    return pod_labels_of(workload).get(VERSION_LABEL) == Version.STABLE


def _mark(live: Document) -> Document:
    path = ("metadata", "labels") if live["kind"] == "Pod" else _TEMPLATE_LABELS
    return set_in({}, (*path, VERSION_LABEL), str(Version.STABLE))


def _unmarkable(workload: Manifest, live: Document) -> Iterator[Problem]:
    strategy = get_in(live, ("spec", "strategy", "type")) or get_in(
        live, ("spec", "updateStrategy", "type")
    )
    reason = {
        "Recreate": "its strategy is Recreate, so all of its pods would go at once",
        "OnDelete": "its update strategy is OnDelete, so its pods would stay as they are",
    }.get(str(strategy), "")
    if live["kind"] == "ReplicaSet":
        reason = "a ReplicaSet leaves its pods as they are"
    if reason:
        yield Problem(
            message=f"{workload.ref} cannot be adopted as the stable: its pods lack the label "
            f"{VERSION_LABEL}=stable that tells them from the canary's, and {reason}. Add the "
            "label to its pod template and deploy it with strategy basic first, or use "
            "traffic-split-method pod.",
            source=workload.source,
        )
