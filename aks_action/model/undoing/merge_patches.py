"""JSON merge patches (RFC 7386): two in one, and the one that takes another back."""

from __future__ import annotations

from collections.abc import Mapping

from aks_action.model.documents import get_in
from aks_action.model.manifests import Document


def reverse(body: Document, before: Document) -> Document:
    """The merge patch that takes one back, given the object before it."""
    found: dict[str, object] = {}
    for key, value in body.items():
        was = get_in(before, (key,))
        inner = isinstance(value, Mapping) and (was is None or isinstance(was, Mapping))
        found[key] = reverse(value, was or {}) if inner else was
    return found


def merged(one: Document, other: Document) -> Document:
    """One merge patch that does what two do, one after the other."""
    found = dict(one)
    for key, value in other.items():
        both = isinstance(value, Mapping) and isinstance(found.get(key), Mapping)
        found[key] = merged(found[key], value) if both else value
    return found
