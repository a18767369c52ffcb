"""Why a claim that exists cannot become what its manifest says.

The API server decides and says little; these are its rules (`ValidatePersistentVolumeClaimUpdate`
and the admission plugin PersistentVolumeClaimResize), for telling which of them it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aks_action.model.documents import get_in
from aks_action.model.manifests import Document
from aks_action.model.volumes import quantities

SIZE = ("spec", "resources", "requests", "storage")

_FIXED = ("storageClassName", "accessModes", "volumeMode", "volumeName", "selector")
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"

Classes = Mapping[str, Document] | None
"""StorageClasses by name; None where they may not be listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hindrance:
    """One thing that cannot be. reason: a clause without stop.    remedy: a clause; may be empty.

    A remedy keeps the claim; that another claim takes its place helps against all of them.
    """

    reason: str
    remedy: str = ""


def hindrances(live: Document, wanted: Document, classes: Classes) -> tuple[Hindrance, ...]:
    """What keeps a live claim from becoming as `wanted`, which need not state every field."""
    return (*_fixed(live, wanted), *_size(live, wanted, classes))


def size(claim: Document) -> str:
    """What a claim asks for."""
    return str(get_in(claim, SIZE, ""))


def is_bound(claim: Document) -> bool:
    return bool(get_in(claim, ("status", "phase")) == "Bound")


def class_of(claim: Document) -> str:
    """The name of a live claim's StorageClass; empty for none."""
    annotated = get_in(claim, ("metadata", "annotations", _CLASS_ANNOTATION))
    return str(get_in(claim, ("spec", "storageClassName")) or annotated or "")


def _fixed(live: Document, wanted: Document) -> Iterator[Hindrance]:
    for field in _FIXED:
        old, new = (get_in(each, ("spec", field)) for each in (live, wanted))
        if new is None or _same(old, new) or (old is None and not is_bound(live)):
            continue
        yield Hindrance(reason=f"spec.{field} cannot change ({_said(old)} → {_said(new)})")


def _size(live: Document, wanted: Document, classes: Classes) -> Iterator[Hindrance]:
    old, new = size(live), size(wanted)
    if quantities.is_more(old, new):
        has = str(get_in(live, ("status", "capacity", "storage"), old))
        if not quantities.is_more(new, has):
            yield Hindrance(
                reason=f"a volume cannot shrink ({old} → {new})",
                remedy=f"keep {old} in the manifest",
            )
    elif quantities.is_more(new, old) and (found := _growth(live, classes)):
        yield Hindrance(reason=f"{found.reason} ({old} → {new})", remedy=found.remedy)


def _growth(live: Document, classes: Classes) -> Hindrance | None:
    name = class_of(live)
    if not is_bound(live):
        return Hindrance(
            reason="only a bound claim can grow, and this one waits for its volume",
            remedy="deploy again when it is bound",
        )
    if not name:
        return Hindrance(reason="its volume is of no StorageClass, and only a class's can grow")
    if classes is not None and name not in classes:
        return Hindrance(reason=f"its StorageClass {name} is gone, and only a class's can grow")
    if classes is None or not get_in(classes[name], ("allowVolumeExpansion",)):
        return Hindrance(
            reason=f"its StorageClass {name} does not let volumes grow",
            remedy="set `allowVolumeExpansion: true` there, if its driver can",
        )
    return None


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, list) and isinstance(new, list):
        return sorted(map(str, old)) == sorted(map(str, new))
    return bool(old == new)


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "none" if value in (None, "") else str(value)
