"""`spec.replicas` belongs to whoever scales the workload.

A HorizontalPodAutoscaler or a KEDA ScaledObject, in the manifests or in the cluster, decides the
number of replicas of its target. A deploy that sent its own number would scale the workload
back, in the worst case from the load of the day to one pod.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aks_action.model.applying.field_ownership import owned_by_us
from aks_action.model.documents import get_in, set_in, without
from aks_action.model.manifests import Document, Manifest, ManifestSet, ObjectRef, ref_of
from aks_action.model.observed import Observed
from aks_action.model.replicas import REPLICAS


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """A scaled workload, whatever version of its group the autoscaler names."""

    group: str
    kind: str
    name: str
    namespace: str


def leave_replicas(manifests: ManifestSet, observed: Observed) -> tuple[ManifestSet, list[str]]:
    """The manifests with `spec.replicas` left to autoscalers; a note for each number not sent.

    A workload that does not exist yet starts with the manifest's number. Of one that exists the
    live number is sent while the field is ours, even where the manifest has none, because giving
    a field up resets it to its default; as soon as the autoscaler owns the field, none is sent.
    """
    scalers = dict(_targets(manifests, observed))
    rewritten: list[Manifest] = []
    notes: list[str] = []
    for manifest in manifests:
        ref = manifest.ref
        scaler = scalers.get(
            _Target(group=ref.group, kind=ref.kind, name=ref.name, namespace=ref.namespace)
        )
        live = observed.live.get(ref)
        if scaler is None or live is None:
            rewritten.append(manifest)
            continue
        document = _with_live_replicas(manifest.document, live)
        rewritten.append(manifest.with_document(document))
        if get_in(manifest.document, REPLICAS) is not None:
            notes.append(_note(ref, scaler, manifest.document, live))
    return tuple(rewritten), notes


def _with_live_replicas(document: Document, live: Document) -> Document:
    replicas = get_in(live, REPLICAS)
    if replicas is not None and owned_by_us(live, ("f:spec", "f:replicas")):
        return set_in(document, REPLICAS, replicas)
    return without(document, REPLICAS)


def _note(ref: ObjectRef, scaler: ObjectRef, document: Document, live: Document) -> str:
    asked, now = get_in(document, REPLICAS), get_in(live, REPLICAS)
    instead = "" if asked == now else f" instead of the manifest's {asked}"
    return f"{ref}: spec.replicas is left to {scaler.kind} {scaler.name} (now {now}{instead})."


def _targets(manifests: ManifestSet, observed: Observed) -> Iterator[tuple[_Target, ObjectRef]]:
    """What each autoscaler targets; those of the manifests come last, so they are named."""
    documents = [
        *observed.of_kind("HorizontalPodAutoscaler"),
        *observed.of_kind("ScaledObject"),
        *(each.document for each in manifests),
    ]
    for document in documents:
        scaler = ref_of(document)
        target = get_in(document, ("spec", "scaleTargetRef"))
        if not isinstance(target, Mapping) or not _scales(scaler):
            continue
        api_version = str(target.get("apiVersion") or "apps/v1")
        kind, name = str(target.get("kind") or "Deployment"), str(target.get("name") or "")
        group = api_version.rpartition("/")[0]
        yield _Target(group=group, kind=kind, name=name, namespace=scaler.namespace), scaler


def _scales(scaler: ObjectRef) -> bool:
    return (scaler.group, scaler.kind) in (
        ("autoscaling", "HorizontalPodAutoscaler"),
        ("keda.sh", "ScaledObject"),
    )
