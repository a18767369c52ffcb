"""Pruning: what a release had, and its manifests have no longer, is deleted when all is healthy.

Only what certainly is the release's own is deleted: a record names it, or a run that was not
completed, and the live object has the label of the release's ApplySet and the uid on record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from aks_action.errors import Source
from aks_action.model.configuration.marks import VERSION_OF, is_version
from aks_action.model.configuration.readers import owner_words
from aks_action.model.documents import get_in
from aks_action.model.manifests import Document, Manifest, ManifestSet, ObjectRef, ref_of
from aks_action.model.ordering import stages
from aks_action.model.plan import Delete, Stage
from aks_action.model.records.apply_sets import apply_set_id, set_of
from aks_action.model.records.formers import Former, identity
from aks_action.model.references import references
from aks_action.model.release_settings import GUARDED_KINDS
from aks_action.model.volumes.marks import is_replaced

KEEP = "aks-action/prune"
"""The annotation of an object that is never pruned; its value is `false`."""

NO_LONGER = "no longer in the manifests"

_Live = Mapping[ObjectRef, Document]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What may be pruned.

    kinds:  those of `GUARDED_KINDS` that may.
    parent: the release's own Secret, whose ApplySet has the members.
    now:    why an object is not wanted any more; ends no sentence.
    """

    kinds: frozenset[str]
    parent: ObjectRef
    now: str = NO_LONGER


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning:
    """What becomes of the objects that the release had and has no longer.

    stages:   delete them, the last of the order first.    notes: tell what stays, and why.
    versions: of configuration that the release has no longer; they go when nothing names them.
    """

    stages: tuple[Stage, ...] = ()
    notes: tuple[str, ...] = ()
    versions: tuple[ObjectRef, ...] = ()

    @property
    def refs(self) -> frozenset[ObjectRef]:
        """What is deleted."""
        steps = (step for stage in self.stages for step in stage.steps)
        return frozenset(step.ref for step in steps if isinstance(step, Delete))


def pruning(
    had: Iterable[Former],
    manifests: ManifestSet,
    kept: Iterable[ObjectRef],
    live: _Live,
    rules: Rules,
) -> Pruning:
    """What to prune of what the release had.

    manifests: what it has now; nothing is pruned where that is nothing.
    kept:      what else of it is to stay.      live: at least the objects of `had`.
    """
    if not manifests:
        return Pruning()
    gone = [each for each in _gone(had, manifests, kept, live) if not _is_going(live[each.ref])]
    named = _named(manifests)
    bases = set(_bases(manifests))
    doomed: list[Former] = []
    versions: list[ObjectRef] = []
    stay: dict[str, list[str]] = {}
    for each in gone:
        document = live[each.ref]
        reason = _reason(each, document, rules) or named.get(_place(each.ref), "")
        if not reason and is_replaced(document, manifests):
            reason = "a claim that was made anew has its place, and its data is kept"
        if is_version(document):
            if not reason and _base(document) not in bases:
                versions.append(each.ref)
        elif not reason:
            doomed.append(each)
        elif each.recent:
            stay.setdefault(reason, []).append(str(each.ref))
    return Pruning(
        stages=tuple(_stages(doomed, live, rules)),
        notes=tuple(
            f"Not pruned, though {rules.now}: {', '.join(refs)}: {reason}."
            for reason, refs in stay.items()
        ),
        versions=tuple(versions),
    )


def left_in_place(
    had: Iterable[Former],
    manifests: ManifestSet,
    kept: Iterable[ObjectRef],
    live: _Live,
    target: str,
) -> Pruning:
    """A note about what a rollback without `prune` leaves of the release that it goes back from.

    target: the record that it goes back to.
    """
    gone = _gone((each for each in had if each.recent), manifests, kept, live)
    left = [str(each.ref) for each in gone if not is_version(live[each.ref])]
    if not left:
        return Pruning()
    note = f"Left in place, though not in {target}: {', '.join(left)}. `prune: true` deletes them."
    return Pruning(notes=(note,))


def _gone(
    had: Iterable[Former], manifests: ManifestSet, kept: Iterable[ObjectRef], live: _Live
) -> Iterator[Former]:
    """What the release had, has no longer, and is there.

    An object may be there under two groups of the API, so that its uid counts as well.
    """
    refs = [*(each.ref for each in manifests), *kept]
    wanted = {identity(ref) for ref in refs}
    uids = {_uid(live[ref]) for ref in refs if ref in live}
    for each in had:
        found = live.get(each.ref)
        if found is not None and identity(each.ref) not in wanted and _uid(found) not in uids:
            yield each


def _reason(former: Former, live: Document, rules: Rules) -> str:
    """Why an object is not pruned; empty where it is."""
    annotations = get_in(live, ("metadata", "annotations")) or {}
    owner, member_of, kind = _owner(live), set_of(live), former.ref.kind
    reasons = {
        f'its annotation `{KEEP}: "false"` says so': str(annotations.get(KEEP)).lower() == "false",
        f"it belongs to {owner} now": owner,
        "it was deployed without `prune: true`. Delete it with kubectl if it should go": (
            not member_of
        ),
        "it is a member of another ApplySet now": member_of != apply_set_id(rules.parent),
        "somebody has made it anew since it was deployed": former.uid not in ("", _uid(live)),
        f"`prune-kinds` does not name {kind}": kind in GUARDED_KINDS - rules.kinds,
        "the records of the release are in it": (
            kind == "Namespace" and former.ref.name == rules.parent.namespace
        ),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _owner(live: Document) -> str:
    owners = get_in(live, ("metadata", "ownerReferences")) or ()
    first = next((f"{each['kind']} {each['name']}" for each in owners), "")
    return owner_words(live) or first


def _named(manifests: ManifestSet) -> dict[tuple[str, str, str], str]:
    """What the manifests name, by kind, namespace and name, with who names it as a reason.

    A reference does not tell whether what it names has a namespace.
    """
    return {
        (each.kind, namespace, each.name): f"{manifest.ref} still names it"
        for manifest in manifests
        for each in references(manifest.document)
        for namespace in (each.namespace, "")
    }


def _place(ref: ObjectRef) -> tuple[str, str, str]:
    return ref.kind, ref.namespace, ref.name


def _bases(manifests: ManifestSet) -> Iterator[tuple[str, str, str]]:
    """The plain names of the configuration among the manifests."""
    for each in manifests:
        yield _base(each.document)


def _base(document: Document) -> tuple[str, str, str]:
    ref = ref_of(document)
    plain = get_in(document, ("metadata", "annotations", VERSION_OF))
    return ref.kind, ref.namespace, str(plain or ref.name)


def _stages(doomed: list[Former], live: _Live, rules: Rules) -> Iterator[Stage]:
    """The deletions, level by level, in the reverse of the order in which they were applied."""
    found = {each.ref: each for each in doomed}
    documents = tuple(
        Manifest(document=live[ref], source=Source(file=each.of)) for ref, each in found.items()
    )
    for level in reversed(stages(documents).levels):
        steps = tuple(
            Delete(
                ref=each.ref,
                uid=_uid(each.document),
                why=f"{rules.now}; {found[each.ref].of} had it",
            )
            for each in reversed(level.manifests)
        )
        yield Stage(name="Prune", steps=steps)


def _is_going(document: Document) -> bool:
    return bool(get_in(document, ("metadata", "deletionTimestamp")))


def _uid(document: Document) -> str:
    return str(get_in(document, ("metadata", "uid")) or "")
