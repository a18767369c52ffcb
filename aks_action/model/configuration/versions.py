"""Versions: each content of a ConfigMap or Secret is an immutable object of its own.

Its name ends with the hash of its content, so that the same content has the same name, now and in
any later run. What the manifests say about the plain name is said about the version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from aks_action.model.applying.diff import changes
from aks_action.model.configuration.content_hash import content_hash
from aks_action.model.configuration.marks import VERSION_OF, VERSIONED, age, base_of, is_version
from aks_action.model.configuration.outsiders import reasons_against
from aks_action.model.configuration.readers import (
    content,
    is_configuration,
)
from aks_action.model.documents import set_in
from aks_action.model.manifests import Document, Manifest, ManifestSet, ObjectRef
from aks_action.model.plan import Apply, Change, Plan, Stage
from aks_action.model.references.renames import pointed

Versions = Mapping[ObjectRef, ObjectRef]
"""The version of each plain ConfigMap or Secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Versioned:
    """Manifests that make and name versions; `notes` tell what has none, and why."""

    manifests: ManifestSet
    versions: Versions
    notes: tuple[str, ...] = ()


def versioned(manifests: ManifestSet) -> Versioned:
    """Every ConfigMap and Secret as a version, and every reference to one as one to the version.

    manifests: with their namespaces; Secrets without `stringData`.
    What something outside of the manifests may name keeps its plain name.
    """
    plain = [each for each in manifests if is_configuration(each.document) and each.ref.name]
    against = reasons_against(plain, manifests)
    versions = {
        each.ref: replace(each.ref, name=version_name(each.document))
        for each in plain
        if each.ref not in against
    }
    return Versioned(
        manifests=tuple(pointed(_as_version(each, versions), versions) for each in manifests),
        versions=versions,
        notes=tuple(_notes(against)),
    )


def version_name(document: Document) -> str:
    """`name-hash`, as kustomize names it."""
    return f"{document['metadata']['name']}-{content_hash(document)}"


def _as_version(manifest: Manifest, versions: Versions) -> Manifest:
    ref = manifest.ref
    if ref not in versions:
        return manifest
    document = set_in(manifest.document, ("metadata", "name"), versions[ref].name)
    document = set_in(document, ("metadata", "labels", VERSIONED), "true")
    document = set_in(document, ("metadata", "annotations", VERSION_OF), ref.name)
    return manifest.with_document(set_in(document, ("immutable",), value=True))


def _notes(against: Mapping[ObjectRef, str]) -> list[str]:
    """One sentence for each reason, with all that it holds for."""
    by_reason: dict[str, list[str]] = {}
    for ref, reason in against.items():
        by_reason.setdefault(reason, []).append(str(ref))
    return [f"Not versioned: {', '.join(refs)}: {reason}." for reason, refs in by_reason.items()]


def with_previous(plan: Plan, live: Mapping[ObjectRef, Document]) -> Plan:
    """A checked plan whose new versions tell what differs from the newest one that is there."""
    newest: dict[tuple[str, str, str], Document] = {}
    for each in sorted(filter(is_version, live.values()), key=age):
        newest[base_of(each)] = each

    def shown(apply: Apply) -> Apply:
        document, assessment = apply.manifest.document, apply.assessment
        if not is_version(document) or not assessment or assessment.change is not Change.CREATED:
            return apply
        before = newest.get(base_of(document))
        if before is None:
            return apply
        fields = changes(_bare(before), _bare(document))
        return replace(apply, assessment=replace(assessment, fields=fields))

    def with_fields(stage: Stage) -> Stage:
        steps = (shown(step) if isinstance(step, Apply) else step for step in stage.steps)
        return replace(stage, steps=tuple(steps))

    return replace(plan, stages=tuple(map(with_fields, plan.stages)))


def _bare(document: Document) -> Document:
    """The content alone, under its kind."""
    return {"kind": document["kind"], "metadata": {}, **content(document)}
