"""What the API server refuses of volumes, said so that somebody can go on from there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from aks_action.model.applying.refusals import Refusal, Sort
from aks_action.model.manifests import Document, ObjectRef
from aks_action.model.volumes.hindrances import Classes, Hindrance, hindrances
from aks_action.model.volumes.mounts import CLAIM, is_only_more
from aks_action.model.volumes.templates import larger, obstacles

_TEMPLATES = "spec.volumeClaimTemplates"
_OTHER_CLAIM = (
    "give the claim another name, in the workloads too, or name it in `recreate-claims`: an empty "
    "volume takes its place, and the old one is kept"
)
_OTHER_SET = (
    "Keep what the live one has, give the StatefulSet another name, or set `force: true` to delete "
    "it and create it again: its pods stop for that, and its claims stay as they are."
)


def explained(
    refusals: Iterable[Refusal], live: Mapping[ObjectRef, Document], classes: Classes
) -> list[Refusal]:
    """The refusals, those of volumes with their reason and a way on. Others stay as they are."""
    found: list[Refusal] = []
    alike: dict[tuple[object, ...], list[Refusal]] = {}
    for each in refusals:
        document, kind = live.get(each.manifest.ref), each.manifest.ref.group_kind
        if document is not None and kind == CLAIM:
            reasons = hindrances(document, each.manifest.document, classes)
            alike.setdefault((each.manifest.source, reasons or each.sentence), []).append(each)
        elif document is not None and kind == "StatefulSet.apps":
            found.append(_of_stateful_set(each, document))
        else:
            found.append(each)
    return [*found, *_of_claims(alike)]


def _of_claims(
    alike: Mapping[tuple[object, ...], Sequence[Refusal]],
) -> Iterator[Refusal]:
    """One refusal for the claims of a StatefulSet, which all come from one template."""
    for (_, reasons), refusals in alike.items():
        first = refusals[0]
        if not isinstance(reasons, tuple):
            yield from refusals
            continue
        more = f" and {len(refusals) - 1} more" if len(refusals) > 1 else ""
        why = "; ".join(each.reason for each in reasons)
        sentence = f"{first.manifest.ref}{more}: {why}. {_remedies(first, reasons)}"
        yield replace(first, sort=Sort.IMMUTABLE, sentence=sentence)


def _remedies(refusal: Refusal, reasons: Sequence[Hindrance]) -> str:
    """What to do; a remedy that keeps the claim helps only if it helps against all reasons."""
    ways = [] if is_only_more(refusal.manifest.document) else [_OTHER_CLAIM]
    if all(each.remedy for each in reasons):
        ways = [" and ".join(each.remedy for each in reasons), *ways]
    text = ", or ".join(ways)
    return f"{text[:1].upper()}{text[1:]}." if text else "Keep what the live claim has."


def _of_stateful_set(refusal: Refusal, live: Document) -> Refusal:
    wanted = refusal.manifest.document
    reasons = obstacles(live, wanted)
    if not reasons and larger(live, wanted):
        reasons = [f"{_TEMPLATES} grow only with `strategy: basic`"]
    others = [each.path for each in refusal.fields if not each.path.startswith(_TEMPLATES)]
    if refusal.sort is not Sort.IMMUTABLE or not reasons:
        return refusal
    reasons += [f"{path} cannot change on an object that exists" for path in others]
    sentence = f"{refusal.manifest.ref}: {'; '.join(reasons)}. {_OTHER_SET}"
    return replace(refusal, sentence=sentence)
