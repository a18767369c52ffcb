"""Pruning: what a release had, and its manifests have no longer, is deleted when all is healthy.

Only what certainly is the release's own is deleted: a record names it, or a run that was not
completed, and the live object has the label of the release's ApplySet and the uid on record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from aks_action.errors import Source
from aks_action.model.configuration.marks import VERSION_OF, is_version
from aks_action.model.documents import get_in
from aks_action.model.manifests import Document, Manifest, ManifestSet, ObjectRef, ref_of
from aks_action.model.ordering import stages
from aks_action.model.plan import Delete, Stage
from aks_action.model.records.formers import Former, identity
from aks_action.model.records.reasons_to_stay import reasons_to_stay

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
    reasons = reasons_to_stay(gone, live, manifests, kinds=rules.kinds, parent=rules.parent)
    bases = set(_bases(manifests))
    doomed: list[Former] = []
    versions: list[ObjectRef] = []
    stay: dict[str, list[str]] = {}
    for each in gone:
        document, reason = live[each.ref], reasons[each.ref]
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
