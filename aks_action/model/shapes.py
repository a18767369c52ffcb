"""What a document must have to be a manifest, and what is said about one that has not.

Only what the action itself relies on is checked here; everything else about an object is for the
API server's dry-run to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from aks_action.errors import Problem, Source
from aks_action.model.field_shapes import misfits
from aks_action.model.manifests import Manifest, ManifestSet

_API_VERSION = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9.-]*/)?[A-Za-z0-9][A-Za-z0-9.-]*")
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_KUSTOMIZE_GROUP = "kustomize.config.k8s.io/"
_KUSTOMIZE_FILES = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})
_RENDER = "Render it before this step (for example with Azure/k8s-bake) and give its output here."

LineOf = Callable[[Any], int]
"""The line where a part of a document begins, if it was remembered, else the document's line."""


def manifests_of(document: Any, file: str, line_of: LineOf) -> tuple[list[Manifest], list[Problem]]:
    """The objects that one YAML document holds: one, or the items of a List; and what is wrong.

    A document that has problems gives no manifests.
    """
    source = Source(file=file, line=line_of(document))
    problems = list(_shape_problems(document, source))
    if problems:
        return [], problems
    if _is_list(document):
        return _items(document, file, line_of)
    problems = [*_metadata_problems(document, source), *_field_problems(document, source)]
    return ([] if problems else [Manifest(document=document, source=source)]), problems


def repeated(manifests: ManifestSet) -> Iterator[Problem]:
    """A problem for each object that is there twice, in whatever version of its group.

    kubectl would apply both, and which one stays would hang on the order of the files.
    """
    first: dict[tuple[str, str, str], Manifest] = {}
    for manifest in manifests:
        ref = manifest.ref
        if not ref.name:
            continue
        earlier = first.setdefault((ref.group_kind, ref.namespace, ref.name), manifest)
        if earlier is not manifest:
            yield Problem(
                message=f"{ref} is given twice: here and in {earlier.source}. Remove one of them.",
                source=manifest.source,
            )


def _items(document: Any, file: str, line_of: LineOf) -> tuple[list[Manifest], list[Problem]]:
    found: list[Manifest] = []
    problems: list[Problem] = []
    for item in document["items"] or ():
        line = line_of(item)
        inner, wrong = manifests_of(_typed(item, document), file, _always(line))
        found += inner
        problems += wrong
    return found, problems


def _always(line: int) -> LineOf:
    """Parts deeper than the items of a list are placed at the item's line."""
    return lambda _: line


def _is_list(document: Mapping[str, Any]) -> bool:
    """Of any kind that ends in `List`, if it has items; they may be null, as kubectl has it."""
    null = "items" in document and document["items"] is None
    return document["kind"].endswith("List") and (null or isinstance(document.get("items"), list))


def _typed(item: Any, of: Mapping[str, Any]) -> Any:
    """Items of a typed list (`ConfigMapList`) may leave out what the list says of them."""
    kind = of["kind"].removesuffix("List")
    if not kind or not isinstance(item, Mapping) or "kind" in item or "apiVersion" in item:
        return item
    return {"apiVersion": of["apiVersion"], "kind": kind, **item}


def _shape_problems(document: Any, source: Source) -> Iterator[Problem]:
    if not isinstance(document, Mapping):
        yield _problem(source, f"A Kubernetes object is a mapping; this is {_what(document)}.")
        return
    name = source.file.rpartition("/")[2]
    api_version, kind = document.get("apiVersion"), document.get("kind")
    if name in _KUSTOMIZE_FILES or str(api_version).startswith(_KUSTOMIZE_GROUP):
        yield _problem(source, f"This is a kustomization, not an object. {_RENDER}")
    elif name in ("Chart.yaml", "values.yaml") and not (api_version and kind):
        yield _problem(source, f"This belongs to a Helm chart and is no object. {_RENDER}")
    else:
        yield from _text_problems(document, "apiVersion", _API_VERSION, source)
        yield from _text_problems(document, "kind", _KIND, source)


def _text_problems(
    document: Mapping[str, Any], field: str, pattern: re.Pattern[str], source: Source
) -> Iterator[Problem]:
    value = document.get(field)
    other = document.get("kind" if field == "apiVersion" else "apiVersion")
    about = f" ({other})" if isinstance(other, str) else ""
    if value is None:
        yield _problem(
            source, f"The document{about} has no {field}, so it is no Kubernetes object."
        )
    elif not isinstance(value, str) or not pattern.fullmatch(value):
        yield _problem(source, f"{field} is {_what(value)}; {_EXPECTED[field]}.")


_EXPECTED = {
    "apiVersion": "it should be a text such as `v1` or `apps/v1`",
    "kind": "it should be a text such as `Deployment`",
}


def _metadata_problems(document: Mapping[str, Any], source: Source) -> Iterator[Problem]:
    kind, metadata = document["kind"], document.get("metadata")
    if (document["apiVersion"], kind) == ("v1", "List"):
        has = f"has {_what(document['items'])} as items" if "items" in document else "has no items"
        yield _problem(source, f"This List {has}; it should be a list of objects.")
        return
    if metadata is None:
        yield _problem(source, f"This {kind} has no metadata.name (or generateName).")
        return
    if not isinstance(metadata, Mapping):
        yield _problem(source, f"metadata of this {kind} is {_what(metadata)}, not a mapping.")
        return
    if not metadata.get("name") and not metadata.get("generateName"):
        yield _problem(source, f"This {kind} has no metadata.name (or generateName).")
    for field in ("name", "generateName", "namespace"):
        value = metadata.get(field)
        if value is not None and not isinstance(value, str):
            yield _problem(source, f"metadata.{field} of this {kind} is {_what(value)}; quote it.")
        elif value and not _is_segment(value):
            yield _problem(source, f"metadata.{field} `{value}` of this {kind} is no valid name.")
    for field in ("labels", "annotations"):
        yield from _text_map_problems(kind, field, metadata.get(field), source)


def _field_problems(document: Mapping[str, Any], source: Source) -> Iterator[Problem]:
    kind, group = document["kind"], document["apiVersion"].rpartition("/")[0]
    for each in misfits(document, group, kind):
        is_hidden = (group, kind) == ("", "Secret")
        what = f"is not {each.wants}" if is_hidden else f"is {_what(each.value)}, not {each.wants}"
        yield _problem(source, f"{each.path} of this {kind} {what}.")


def names_an_object(api_version: str, kind: str, namespace: str, name: str) -> bool:
    """Whether an object can be looked for by these: what a URL is made of, and no part is more."""
    return bool(
        _API_VERSION.fullmatch(api_version)
        and _KIND.fullmatch(kind)
        and name
        and all(_is_segment(each) and each.isprintable() for each in (namespace, name))
    )


def _is_segment(name: str) -> bool:
    """The API server's own rule for what can be part of a URL."""
    return name not in (".", "..") and "/" not in name and "%" not in name


def _text_map_problems(kind: str, field: str, value: Any, source: Source) -> Iterator[Problem]:
    if value is None:
        return
    if not isinstance(value, Mapping):
        yield _problem(source, f"metadata.{field} of this {kind} is {_what(value)}, not a mapping.")
        return
    for key, each in value.items():
        if not isinstance(each, str) and each is not None:
            advice = " Quote it." if not isinstance(each, (Mapping, list)) else ""
            yield _problem(
                source,
                f"metadata.{field}[{key}] of this {kind} is {_what(each)}, not a text.{advice}",
            )


def _problem(source: Source, message: str) -> Problem:
    return Problem(message=message, source=source)


def _what(value: Any) -> str:
    """A value as a person would say it: its kind, and the value where that is short."""
    if isinstance(value, bool):
        return f"the boolean {'true' if value else 'false'}"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        return f'the text "{value[:40]}{"…" if len(value) > 40 else ""}"'
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, Iterable) else "empty"
