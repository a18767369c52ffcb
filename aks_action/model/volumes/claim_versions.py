"""Claims that were made anew under a name of their own: `data`, then `data-v2`, `data-v3`, …

What the manifests call `data` is the newest of them that is there, in every run from then on. An
older one is never gone back to, since what was written since is not in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from aks_action.model.documents import get_in, set_in
from aks_action.model.manifests import Document, Manifest, ManifestSet, ObjectRef, ref_of
from aks_action.model.references.renames import Renames, pointed
from aks_action.model.volumes.marks import CLAIM_OF, REPLACED_BY
from aks_action.model.volumes.mounts import CLAIM

_VERSION = re.compile(r"(.+)-v([0-9]{1,6})")


def current(claim: ObjectRef, live: Mapping[ObjectRef, Document]) -> ObjectRef:
    """What a claim of the manifests is in the cluster; itself where it was never made anew."""
    return max(_versions(claim, live), key=lambda each: number(each, claim), default=claim)


def replaced_by(claim: ObjectRef, live: Mapping[ObjectRef, Document]) -> ObjectRef | None:
    """What a claim says has taken its place, for who may not list claims.

    Only a later version of the same claim can have: so no circle has to be followed.
    """
    annotations = get_in(live.get(claim), ("metadata", "annotations")) or {}
    name, plain = annotations.get(REPLACED_BY), annotations.get(CLAIM_OF, claim.name)
    if not isinstance(name, str):
        return None
    newer, first = replace(claim, name=name), replace(claim, name=plain)
    return newer if number(newer, first) > number(claim, first) else None


def following(claim: ObjectRef, live: Iterable[ObjectRef]) -> ObjectRef:
    """The name for one more version; whatever else has such a name keeps it.

    live: every claim of the namespace.
    """
    taken = {each.name for each in live if each.namespace == claim.namespace}
    newest = max((number(replace(claim, name=each), claim) for each in taken), default=1)
    return replace(claim, name=f"{claim.name}-v{max(newest, 1) + 1}")


def number(version: ObjectRef, claim: ObjectRef) -> int:
    """1 for the plain name, 2 for `data-v2`; 0 for what is no version of the claim."""
    if version.name == claim.name:
        return 1
    found = _VERSION.fullmatch(version.name)
    return int(found[2]) if found and found[1] == claim.name else 0


def named(manifests: ManifestSet, names: Renames) -> ManifestSet:
    """The manifests with the versions in the place of the plain claims."""
    if not names:
        return manifests
    return tuple(pointed(as_version(each, names.get(each.ref)), names) for each in manifests)


def as_version(manifest: Manifest, version: ObjectRef | None) -> Manifest:
    """A claim under the name of its version, which says what it is a version of."""
    if version is None or version == manifest.ref:
        return manifest
    document = set_in(manifest.document, ("metadata", "name"), version.name)
    document = set_in(document, ("metadata", "annotations", CLAIM_OF), manifest.ref.name)
    return manifest.with_document(document)


def _versions(claim: ObjectRef, live: Mapping[ObjectRef, Document]) -> Iterable[ObjectRef]:
    for ref, document in live.items():
        if ref.kind != CLAIM or ref.namespace != claim.namespace:
            continue
        going = get_in(document, ("metadata", "deletionTimestamp"))
        is_version = get_in(document, ("metadata", "annotations", CLAIM_OF)) == claim.name
        if not going and is_version and number(ref_of(document), claim) > 1:
            yield ref
