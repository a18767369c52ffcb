"""What an object says about other objects by name: the sites of Kubernetes' own API and of KEDA.

Ordering lets what is referred to come first; whoever renames a ConfigMap or Secret finds here
each place that names it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aks_action.model.manifests import Document, ref_of
from aks_action.model.pod_specs import Path, pod_spec_paths, value_at
from aks_action.model.references.sites import IN_KINDS, IN_POD_SPECS, Site, Steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One object named by another.

    group:     the API group; None where the reference does not say.
    namespace: where the named object is looked for first; a cluster-scoped one has none.
    path:      where the name stands in the document.
    optional:  the object works without the other one.
    """

    kind: str
    name: str
    namespace: str
    path: Path
    group: str | None = ""
    optional: bool = False


_KNOWN_GROUPS: Mapping[str, str] = {"Service": "", "Secret": "", "ConfigMap": ""}


def references(document: Document) -> Iterator[Reference]:
    """Every other object that a document names, in the order of the sites.

    Pod specs inside of CRDs count; namespaces are the document's own where none is named.
    """
    own = ref_of(document)
    for path in pod_spec_paths(document):
        spec = value_at(document, path)
        for site in IN_POD_SPECS:
            if not site.steps or site.steps[0] in spec:
                yield from _at_site(spec, site, own.namespace, path)
    for site in IN_KINDS.get((own.group, own.kind), ()):
        yield from _at_site(document, site, own.namespace, ())


def _at_site(document: Any, site: Site, namespace: str, base: Path) -> Iterator[Reference]:
    for path, holder in _holders(document, site.steps, ()):
        name = holder.get(site.key)
        kind = holder.get("kind", site.kind) if site.key == "name" else site.kind
        if not isinstance(name, str) or not name or not isinstance(kind, str) or not kind:
            continue
        there = holder.get("namespace")
        yield Reference(
            kind=kind,
            name=name,
            namespace=there if isinstance(there, str) and there else namespace,
            path=(*base, *path, site.key),
            group=_group(holder, kind, site),
            optional=holder.get("optional") is True,
        )


def _group(holder: Mapping[str, Any], kind: str, site: Site) -> str | None:
    """What the reference says, else what the site means; None where neither knows."""
    for key in ("apiVersion", "apiGroup", "group"):
        value = holder.get(key)
        if isinstance(value, str):
            return value.rpartition("/")[0] if key == "apiVersion" else value
    return site.group if kind == site.kind else _KNOWN_GROUPS.get(kind)


def _holders(value: Any, steps: Steps, path: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """The mappings that a path with `*` leads to."""
    for position, step in enumerate(steps):
        if step == "*":
            for index, item in enumerate(value if isinstance(value, list) else ()):
                yield from _holders(item, steps[position + 1 :], (*path, index))
            return
        if not isinstance(value, Mapping) or step not in value:
            return
        value = value[step]
        path = (*path, step)
    if isinstance(value, Mapping):
        yield path, value
