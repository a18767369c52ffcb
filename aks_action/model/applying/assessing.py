"""What an apply would do to one object, from its live state and a dry-run's result."""

from __future__ import annotations

from aks_action.model.applying.diff import asked_changes, changes
from aks_action.model.applying.field_ownership import (
    FIELD_MANAGER,
    entries,
    same_ownership,
    taken_fields,
)
from aks_action.model.applying.refusals import Refusal, Sort
from aks_action.model.applying.takeover import leaving_with_takeover, migrated, takeover
from aks_action.model.documents import set_in
from aks_action.model.health.jobs import has_ended
from aks_action.model.manifests import Document
from aks_action.model.plan import Assessment, Change, FieldChange

NEVER_RECREATED = frozenset(
    {"Namespace", "CustomResourceDefinition", "PersistentVolumeClaim", "PersistentVolume"}
)
"""Deleting one of these deletes what cannot be applied again: data, or all objects of a kind."""


def compare(live: Document, result: Document) -> Assessment:
    """UNCHANGED when the apply would change no field and record no ownership, else CONFIGURED.

    An object that is as wanted but not ours yet is applied once, so that a field which a later
    manifest drops goes away.
    """
    ownership = takeover(live, str(result.get("apiVersion", "")))
    fields = {change.path: change for change in changes(live, result)}
    if ownership is not None:
        fields |= {change.path: change for change in leaving_with_takeover(live, result)}
    if not fields:
        if ownership is None and same_ownership(live, result):
            return Assessment(change=Change.UNCHANGED)
        fields["metadata.managedFields"] = _ownership_alone(live)
    return Assessment(
        change=Change.CONFIGURED,
        fields=tuple(sorted(fields.values(), key=lambda change: change.path)),
        taken=taken_fields(live, result),
        ownership=ownership,
    )


def rerun_of_job(live: Document, assessment: Assessment) -> Assessment:
    """A Job that has ended and whose spec changes is made anew: changing it would run nothing."""
    spec_changes = any(change.path.startswith("spec.") for change in assessment.fields)
    if live.get("kind") != "Job" or not (has_ended(live) and spec_changes):
        return assessment
    return Assessment(change=Change.RECREATED, fields=assessment.fields, taken=assessment.taken)


def after_refusal(refusal: Refusal, live: Document, *, force: bool) -> Assessment | Refusal:
    """What to do about a refused apply of an object that exists, or the refusal to report."""
    manifest = refusal.manifest
    if refusal.sort is Sort.STALE_VERSION:
        return _migration(refusal, live)
    if refusal.sort is not Sort.IMMUTABLE:
        return refusal
    if manifest.kind in NEVER_RECREATED:
        return _reworded(refusal, "It is never deleted for that, since its data would be lost.")
    if manifest.kind == "Job" and not has_ended(live) and not force:
        return _reworded(
            refusal, "The Job is still running: wait for its end, or set `force: true` to stop it."
        )
    if force or (manifest.kind == "Job" and has_ended(live)):
        return Assessment(change=Change.RECREATED, fields=refusal.fields)
    return refusal


def _migration(refusal: Refusal, live: Document) -> Assessment | Refusal:
    """Entries of an old apiVersion in the way: they are rewritten first, kubectl's taken over.

    The server cannot dry-run that, so what changes is told from the manifest.
    """
    manifest = refusal.manifest
    moved = migrated(live, manifest.ref.api_version)
    if moved is None:
        return refusal
    lifted = set_in(live, ("metadata", "managedFields"), list(moved))
    return Assessment(
        change=Change.CONFIGURED,
        fields=asked_changes(live, manifest.document),
        ownership=takeover(lifted, manifest.ref.api_version) or moved,
    )


def _ownership_alone(live: Document) -> FieldChange:
    managers = sorted({str(entry.get("manager")) for entry in entries(live)})
    return FieldChange(
        path="metadata.managedFields", before=", ".join(managers) or None, after=FIELD_MANAGER
    )


def _reworded(refusal: Refusal, instead: str) -> Refusal:
    sentence = refusal.sentence.partition(" Give the object another name")[0]
    return Refusal(
        manifest=refusal.manifest,
        sort=refusal.sort,
        sentence=f"{sentence} {instead}",
        text=refusal.text,
        fields=refusal.fields,
    )
