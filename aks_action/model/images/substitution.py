"""New images for the containers of the manifests, matched by repository and nothing looser.

k8s-deploy compares texts up to the first colon, so that one image of a registry with a port
replaces all of that registry's; here both sides are taken apart as Docker does it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from aks_action.errors import InputError, Problem, Source, raise_all
from aks_action.model.images.references import ImageReference
from aks_action.model.manifests import Manifest, ManifestSet, ObjectRef
from aks_action.model.pod_specs import PodSpec, containers, with_containers, with_pod_specs

_MOST_IMAGES_NAMED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """One container's image that was changed; `before` and `after` as they are written."""

    source: Source
    ref: ObjectRef
    container: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Substituted:
    """The manifests with their new images, what was changed, and items that changed nothing."""

    manifests: ManifestSet
    replacements: tuple[Replacement, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """text: as the user wrote it.   old: what is replaced.   new: by what.   pair: `old=new`."""

    text: str
    old: ImageReference
    new: ImageReference
    written: str
    pair: bool

    def matches(self, image: ImageReference) -> bool:
        """Same repository; a pair whose left side has a tag or digest means only that one."""
        if not self.old.same_repository(image):
            return False
        exact = not self.pair or not (self.old.tag or self.old.digest)
        return exact or (self.old.tag, self.old.digest) == (image.tag, image.digest)


def substitute(
    manifests: ManifestSet, images: Sequence[str], digests: Mapping[str, str] | None = None
) -> Substituted:
    """Replace the images of all containers: init, normal and ephemeral, in workloads and CRDs.

    images:  `repository:tag`, `repository@digest` or `old=new` items; of two that match one
             container the later one wins. `old=new` without a tag keeps the container's tag.
    digests: reference → digest (`sha256:…`) as far as they are known from this run: such a
             reference is written with its digest, so that it can mean nothing else later.

    Raises InputError with every item that cannot be read.
    """
    items = _items(images)
    pinned = _by_tag(digests or {})
    used: set[int] = set()
    replacements: list[Replacement] = []

    @cache
    def image_for(before: str) -> str:
        reference = ImageReference.try_parse(before)
        matching = [
            number for number, item in enumerate(items) if reference and item.matches(reference)
        ]
        used.update(matching)
        if reference is None or not matching:
            return before
        return _written(items[matching[-1]], reference, pinned)

    changed = (
        tuple(_with_images(each, image_for, replacements) for each in manifests)
        if items
        else manifests
    )
    unused = [item.text for number, item in enumerate(items) if number not in used]
    return Substituted(
        manifests=changed,
        replacements=tuple(replacements),
        warnings=tuple(_warnings(unused, manifests)),
    )


def with_pull_secrets(manifests: ManifestSet, names: Iterable[str]) -> ManifestSet:
    """The manifests with `imagePullSecrets` added to every pod spec that has not named them."""
    wanted = tuple(dict.fromkeys(names))
    if not wanted:
        return manifests

    def change(spec: PodSpec) -> PodSpec:
        there = spec.get("imagePullSecrets")
        secrets = there if isinstance(there, list) else []
        known = {each.get("name") for each in secrets if isinstance(each, Mapping)}
        missing = [{"name": name} for name in wanted if name not in known]
        return {**spec, "imagePullSecrets": [*secrets, *missing]} if missing else spec

    return tuple(each.with_document(with_pod_specs(each.document, change)) for each in manifests)


def _items(images: Sequence[str]) -> tuple[_Item, ...]:
    items: list[_Item] = []
    problems: list[Problem] = []
    for image in images:
        text = image.strip()
        left, pair, right = (part.strip() for part in text.partition("="))
        try:
            new = ImageReference.parse(right if pair else left)
            old = ImageReference.parse(left)
        except ValueError as error:
            problems.append(Problem(message=f"Input `images`: {error}"))
            continue
        items.append(
            _Item(text=text, old=old, new=new, written=right if pair else left, pair=bool(pair))
        )
    raise_all(InputError, problems)
    return tuple(items)


def _by_tag(digests: Mapping[str, str]) -> dict[ImageReference, str]:
    """Digests by complete reference; what cannot be read is no reference of this run."""
    parsed = ((ImageReference.try_parse(text), digest) for text, digest in digests.items())
    return {_tagged(reference): digest for reference, digest in parsed if reference}


def _tagged(reference: ImageReference) -> ImageReference:
    return replace(reference, tag=reference.tag_or_latest, digest="")


def _written(item: _Item, image: ImageReference, pinned: Mapping[ImageReference, str]) -> str:
    new, text = item.new, item.written
    if item.pair and not new.tag and not new.digest:
        kept = replace(new, tag=image.tag, digest=image.digest)
        text += kept.normalized.removeprefix(new.normalized)
        new = kept
    digest = "" if new.digest else pinned.get(_tagged(new), "")
    return f"{text}@{digest}" if digest else text


def _with_images(
    manifest: Manifest, image_for: Callable[[str], str], replacements: list[Replacement]
) -> Manifest:
    def change(container: Mapping[str, Any]) -> Mapping[str, Any]:
        before = container.get("image")
        after = image_for(before) if isinstance(before, str) else before
        if after == before:
            return container
        replacements.append(
            Replacement(
                source=manifest.source,
                ref=manifest.ref,
                container=str(container.get("name", "")),
                before=str(before),
                after=str(after),
            )
        )
        return {**container, "image": after}

    document = with_containers(manifest.document, change)
    return manifest if document is manifest.document else manifest.with_document(document)


def _warnings(unused: Sequence[str], manifests: ManifestSet) -> list[str]:
    if not unused:
        return []
    found = sorted({each.image for one in manifests for each in containers(one.document)} - {""})
    more = f" and {len(found) - _MOST_IMAGES_NAMED} more" if len(found) > _MOST_IMAGES_NAMED else ""
    listed = ", ".join(f"`{image}`" for image in found[:_MOST_IMAGES_NAMED]) + more
    there = f"The manifests have {listed}." if found else "The manifests have no container."
    return [
        f"Input `images`: `{text}` is the image of no container. {there} "
        "Write `old=new` to replace an image by one of another repository."
        for text in unused
    ]
