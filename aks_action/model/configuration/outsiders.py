"""Which ConfigMaps and Secrets keep their plain names: those that something else may name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aks_action.model.configuration.content_hash import content_hash
from aks_action.model.configuration.marks import VERSIONED
from aks_action.model.configuration.readers import CONFIG_KINDS, config_ref, names_configuration
from aks_action.model.documents import set_in
from aks_action.model.manifests import Document, Manifest, ManifestSet, ObjectRef
from aks_action.model.pod_specs import (
    Path,
    containers,
    path_text,
    pod_spec_paths,
    value_at,
)
from aks_action.model.references import Reference, references

_LONGEST_NAME = 253
_TYPES: Mapping[str, str] = {
    "kubernetes.io/service-account-token": "the API server fills a service account's token in",
    "bootstrap.kubernetes.io/token": "nodes find a bootstrap token by its name",
    "kubernetes.io/dockercfg": "a pull secret may be named by others",
    "kubernetes.io/dockerconfigjson": "a pull secret may be named by others",
    "helm.sh/release.v1": "Helm finds its release by its name",
}
_ISSUERS = ("cert-manager.io/", "certmanager.k8s.io/", "kubernetes.io/tls-acme")
_FIXED = ("PersistentVolume", "Pod")
"""Kinds whose references cannot be changed once they are there."""
_TELLING_KEY = re.compile(r"config-?map|secret", re.IGNORECASE)
_NO_NAMES = ("key", "kind", "path", "type")
"""Fields beside a reference that say something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Use:
    """One reference to a ConfigMap or Secret, and the manifest that has it."""

    by: Manifest
    reference: Reference


def reasons_against(plain: Iterable[Manifest], manifests: ManifestSet) -> dict[ObjectRef, str]:
    """For each ConfigMap and Secret that is not to be versioned, why; the others are left out."""
    uses: dict[ObjectRef, list[_Use]] = {}
    for manifest in manifests:
        for each in references(manifest.document):
            if names_configuration(each):
                uses.setdefault(config_ref(each), []).append(_Use(by=manifest, reference=each))
    mentions = _mentions(manifests)
    found: dict[ObjectRef, str] = {}
    for manifest in plain:
        ref = manifest.ref
        reason = _by_itself(manifest) or _by_use(uses.get(ref, []))
        reason = reason or mentions(ref)
        if reason:
            found[ref] = reason
    return found


def _by_itself(manifest: Manifest) -> str:
    document, name = manifest.document, manifest.ref.name
    if str(manifest.annotations.get(VERSIONED)).lower() == "false":
        return f'its annotation `{VERSIONED}: "false"` says so'
    if str(document.get("type")) in _TYPES:
        return _TYPES[str(document["type"])]
    stem, _, end = name.rpartition("-")
    if stem and content_hash(set_in(document, ("metadata", "name"), stem)) == end:
        return "its name has the hash of its content already"
    if len(name) + 11 > _LONGEST_NAME:
        return "its name leaves no place for a hash"
    return ""


def _by_use(uses: list[_Use]) -> str:
    if not uses:
        return "nothing in the manifests reads it, so whoever does needs its plain name"
    for use in uses:
        if "imagePullSecrets" in use.reference.path:
            return "a pull secret may be named by others"
        if any(key.startswith(_ISSUERS) for key in use.by.annotations):
            return f"cert-manager issues it for {use.by.ref}"
        if use.by.kind in _FIXED:
            return f"{use.by.ref} names it, and cannot be pointed to another"
    return ""


def _mentions(manifests: ManifestSet) -> Callable[[ObjectRef], str]:
    """Who names a ConfigMap or Secret in words that cannot be told from other words for sure."""
    named: dict[tuple[str, str], str] = {}
    for manifest in manifests:
        for name, why in (*_by_roles(manifest), *_by_words(manifest), *_by_other_fields(manifest)):
            named.setdefault((manifest.ref.namespace, name), why)

    def reason(ref: ObjectRef) -> str:
        return named.get((ref.namespace, ref.name)) or named.get(("", ref.name), "")

    return reason


def _by_roles(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Programs that are allowed to read one by its name ask the API server for that name."""
    if manifest.kind in ("Role", "ClusterRole"):
        for rule in manifest.document.get("rules") or ():
            if {"configmaps", "secrets"} & set(rule.get("resources") or ()):
                for name in rule.get("resourceNames") or ():
                    yield name, f"{manifest.ref} lets programs ask for it by its name"


def _by_words(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """`--configmap=$(POD_NAMESPACE)/name` and its like: leader election, controllers' settings."""
    for container in containers(manifest.document):
        found = value_at(manifest.document, container.path)
        words = [*(found.get("command") or ()), *(found.get("args") or ())]
        values = ((each.get("name"), each.get("value")) for each in found.get("env") or ())
        words += [f"{name}={value}" for name, value in values if isinstance(value, str)]
        for word in words:
            key, _, value = str(word).partition("=")
            if value and _TELLING_KEY.search(key):
                name = value.rpartition("/")[2]
                yield name, f"container {container.name} of {manifest.ref} names it in {key}"


def _by_other_fields(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """What looks like a reference and is none that is known, in fields and in annotations.

    Such as `secretName` of custom resources, `nginx.ingress.kubernetes.io/auth-secret`, parameters
    of a StorageClass, or `kind: Secret` beside a name. A namespace may stand before the name.
    """
    document = manifest.document
    known = {each.path for each in references(document)}
    specs = tuple(pod_spec_paths(document))
    for path, value in _strings(document, ()):
        inside = any(path[: len(spec)] == spec for spec in specs)
        if path in known or (inside and "volumeAttributes" not in path):
            continue
        if _tells(path) or _is_typed(document, path):
            yield value.rpartition("/")[2], f"{manifest.ref} names it at {path_text(path)}"


def _tells(path: Path) -> bool:
    if path[0] == "metadata" and path[1:2] != ("annotations",):
        return False
    told = any(isinstance(key, str) and _TELLING_KEY.search(key) for key in path)
    return told and path[-1] not in _NO_NAMES


def _is_typed(document: Document, path: Path) -> bool:
    holder = value_at(document, path[:-1])
    named = path[-1] == "name" and path[0] != "metadata" and isinstance(holder, Mapping)
    return named and holder.get("kind") in CONFIG_KINDS


def _strings(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _strings(inner, (*path, key))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _strings(inner, (*path, position))


def names_in(document: Document, names: frozenset[str]) -> set[str]:
    """Which of some names stand anywhere in a live object, metadata and status left out.

    A version's name ends with a hash: where it stands, it is meant.
    """
    parts = (value for key, value in document.items() if key not in ("metadata", "status"))
    return {text for part in parts for _, text in _strings(part, ()) if text in names}
