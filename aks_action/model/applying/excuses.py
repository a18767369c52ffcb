"""Refusals that what comes in the same run will mend, so that the object is checked later."""

from __future__ import annotations

from collections.abc import Sequence

from aks_action.model.applying.refusals import Refusal, Sort
from aks_action.model.manifests import Document, ObjectRef
from aks_action.model.plan import Apply, Assessment, Change, Due


def arriving(
    applies: Sequence[Apply], answers: Sequence[Assessment | Refusal]
) -> list[tuple[ObjectRef, Document]]:
    """What this run creates, and the definitions that it changes."""
    return [
        (apply.ref, apply.manifest.document)
        for apply, answer in zip(applies, answers, strict=True)
        if isinstance(answer, Assessment)
        and (
            answer.change is Change.CREATED
            or (
                answer.change is not Change.UNCHANGED
                and apply.ref.kind == "CustomResourceDefinition"
            )
        )
    ]


def excuse(
    refusal: Refusal, coming: Sequence[tuple[ObjectRef, Document]], *, late: bool
) -> Due | None:
    """Why what the server refuses has to be asked again in its turn; None where it is wrong.

    coming: see `arriving`.     late: everything of this run is there by now.
    """
    if refusal.sort is Sort.NO_DRY_RUN:
        return Due.NO_DRY_RUN
    if late:
        return None
    ref = refusal.manifest.ref
    for other, document in coming:
        if other.kind == "CustomResourceDefinition":
            spec = document["spec"]
            if (spec.get("group"), spec["names"].get("kind")) == (ref.group, ref.kind):
                return Due.NEW_SCHEMA
        elif other != ref and "found" in refusal.text and _mentions(refusal.text, other.name):
            return Due.REFERENCE
    return None


def _mentions(text: str, name: str) -> bool:
    """`"name" not found`, `ns/name was not found`, `no PriorityClass with name name was found`."""
    words = text.replace('"', " ").replace("/", " ").replace(":", " ").replace(",", " ").split()
    return name in words
