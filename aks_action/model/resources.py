"""What the API server serves: the resource behind each kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from aks_action.model.documents import get_in
from aks_action.model.manifests import Document, ManifestSet


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
    """The resource types that the CustomResourceDefinitions among the manifests will add.

    A definition that is not complete adds none: the server's dry-run says what is wrong with it.
    """
    return tuple(
        each
        for manifest in manifests
        if manifest.kind == "CustomResourceDefinition"
        for each in _served_by(manifest.document)
    )


def _served_by(definition: Document) -> Iterator[ResourceType]:
    group = get_in(definition, ("spec", "group"))
    kind = get_in(definition, ("spec", "names", "kind"))
    plural = get_in(definition, ("spec", "names", "plural"))
    versions = get_in(definition, ("spec", "versions"), [])
    if not (group and kind and plural and isinstance(versions, list)):
        return
    for version in versions:
        if isinstance(version, Mapping) and version.get("served") and version.get("name"):
            yield ResourceType(
                api_version=f"{group}/{version['name']}",
                kind=kind,
                plural=plural,
                namespaced=get_in(definition, ("spec", "scope")) == "Namespaced",
            )
