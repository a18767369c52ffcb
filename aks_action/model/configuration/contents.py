"""What a workload's pods were started with, written into their template.

With canary and blue-green, new content of a plain ConfigMap or Secret comes with a `deploy`, and
the stable's pods are replaced by `promote`, a run in which that content does not change any more.
So the template says which content its pods are for: where that differs, the workload's own rolling
update replaces them, in the order of the strategy and waited for, also after a cut-off.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aks_action.model.configuration.content_hash import hash_of
from aks_action.model.configuration.readers import content, is_configuration, reads
from aks_action.model.configuration.restart_obstacles import RESTARTABLE
from aks_action.model.documents import set_in
from aks_action.model.manifests import Manifest, ManifestSet, ObjectRef

CONTENT_HASH = "aks-action/config-hash"
"""On pods: a hash of all ConfigMaps and Secrets of the same manifests that they read."""

_PATH = ("spec", "template", "metadata", "annotations", CONTENT_HASH)


def with_content_hashes(manifests: ManifestSet) -> ManifestSet:
    """The manifests, whose workloads say what configuration of the manifests they read.

    manifests: with their namespaces; Secrets without `stringData`.
    """
    contents = {
        each.ref: content(each.document)
        for each in manifests
        if is_configuration(each.document) and each.ref.name
    }
    return tuple(_stamped(each, contents) for each in manifests)


def _stamped(manifest: Manifest, contents: Mapping[ObjectRef, Any]) -> Manifest:
    document = manifest.document
    if document["kind"] not in RESTARTABLE or manifest.ref.group != "apps":
        return manifest
    read = {str(ref): contents[ref] for ref in reads(document) if ref in contents}
    return manifest.with_document(set_in(document, _PATH, hash_of(read))) if read else manifest
