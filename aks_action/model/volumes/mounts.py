"""What pods mount: PersistentVolumeClaims, and what volumes take from ConfigMaps and Secrets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aks_action.model.documents import get_in
from aks_action.model.manifests import Document, ObjectRef, ref_of

CLAIM = "PersistentVolumeClaim"
_SOURCES = (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName"))
_PROJECTED = (("configMap", "ConfigMap", "name"), ("secret", "Secret", "name"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounted:
    """A ConfigMap or Secret that a pod cannot start without, or one key of it."""

    ref: ObjectRef
    key: str = ""


_ENDED = ("Succeeded", "Failed")


def claim_ref(name: str, namespace: str) -> ObjectRef:
    return ObjectRef(api_version="v1", kind=CLAIM, name=name, namespace=namespace)


def claims_of(pod: Document) -> Iterator[ObjectRef]:
    """The claims that a Pod names, also where it has not begun to mount them."""
    namespace = ref_of(pod).namespace
    for volume in get_in(pod, ("spec", "volumes")) or ():
        name = get_in(volume, ("persistentVolumeClaim", "claimName"))
        if isinstance(name, str):
            yield claim_ref(name, namespace)


def mounted(pod: Document) -> frozenset[Mounted]:
    """What the volumes of a Pod need: each source that is not optional, and each of its `items`.

    https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/volume/
    """
    found: set[Mounted] = set()
    for volume in get_in(pod, ("spec", "volumes")) or ():
        taken = [_source(volume, *each) for each in _SOURCES]
        for source in get_in(volume, ("projected", "sources")) or ():
            taken += [_source(source, *each) for each in _PROJECTED]
        for kind, name, keys in (each for each in taken if each):
            ref = ObjectRef(api_version="v1", kind=kind, name=name, namespace=ref_of(pod).namespace)
            found |= {Mounted(ref=ref, key=key) for key in ("", *keys)}
    return frozenset(found)


def _source(holder: Any, field: str, kind: str, key: str) -> tuple[str, str, list[str]] | None:
    """Kind, name and keys of one source; None where it is another one, or optional."""
    name = get_in(holder, (field, key))
    if not isinstance(name, str) or not name or get_in(holder, (field, "optional")) is True:
        return None
    items = get_in(holder, (field, "items")) or ()
    return kind, name, [str(each["key"]) for each in items if get_in(each, ("key",))]


def has_ended(pod: Document) -> bool:
    """Whether a Pod uses no volume any more, though it is still there."""
    return get_in(pod, ("status", "phase")) in _ENDED


def is_only_more(document: Document) -> bool:
    """Whether a document only makes a claim of a StatefulSet ask for more; it is no manifest."""
    return document.get("kind") == CLAIM and set(get_in(document, ("spec",), ())) == {"resources"}
