"""Steps of a plan around volumes, as data; `str` says each for a person who reads the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aks_action.errors import Source
from aks_action.model.manifests import ObjectRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The size of one volumeClaimTemplate, as it is and as it is to be."""

    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.old} → {self.new}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Renew:
    """Delete a StatefulSet, leave its pods and claims, and make it anew with templates of other
    sizes.

    Nothing else of it changes, so its pods run on. `sizes` by the name of the template.
    """

    ref: ObjectRef
    source: Source
    sizes: Mapping[str, Sizes]

    @property
    def why(self) -> str:
        grown = ", ".join(f"{name} {sizes}" for name, sizes in self.sizes.items())
        return f"its volumeClaimTemplates grow: {grown}; its pods run on"

    def __str__(self) -> str:
        return f"{self.ref}  ({self.why})"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitUnused:
    """Wait until no pod that one of the selectors (of workloads) selects names a claim."""

    claim: ObjectRef
    selectors: tuple[Mapping[str, Any], ...]

    def __str__(self) -> str:
        return f"until no pod of what was stopped uses {self.claim}"


VolumeStep = Renew | WaitUnused
