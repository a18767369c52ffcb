"""What the API server serves: the resource behind each kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aks_action.model.manifests import ManifestSet


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """One served resource: enough to build its URLs."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool

    def path(self, *, namespace: str = "", name: str = "") -> str:
        """The URL path of the collection, or of the object when `name` is given."""
        root = "/apis/" if "/" in self.api_version else "/api/"
        parts = [root + self.api_version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts += [self.plural] + ([name] if name else [])
        return "/".join(parts)


ResourceTypes = Mapping[tuple[str, str], ResourceType]
"""Resource types by (apiVersion, kind)."""


def index(types: Iterable[ResourceType]) -> dict[tuple[str, str], ResourceType]:
    """Resource types by (apiVersion, kind)."""
    return {(each.api_version, each.kind): each for each in types}


def defined_by(manifests: ManifestSet) -> tuple[ResourceType, ...]:
    """The resource types that the CustomResourceDefinitions among the manifests will add."""
    return tuple(
        ResourceType(
            api_version=f"{spec['group']}/{version['name']}",
            kind=spec["names"]["kind"],
            plural=spec["names"]["plural"],
            namespaced=spec.get("scope") == "Namespaced",
        )
        for manifest in manifests
        if manifest.kind == "CustomResourceDefinition"
        for spec in [_crd_spec(manifest.document)]
        if spec
        for version in spec.get("versions") or []
        if version.get("served")
    )


def _crd_spec(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    spec = document.get("spec")
    complete = isinstance(spec, Mapping) and isinstance(spec.get("names"), Mapping)
    return (
        spec if complete and {"kind", "plural"} <= set(spec["names"]) and "group" in spec else None
    )
