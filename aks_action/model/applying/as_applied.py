"""Whether an object is as a manifest asks already, told from the live object alone.

Server-side apply changes nothing when the manifest states exactly the fields that our entry in
`metadata.managedFields` holds, in the same order, and every one has the value that it has in the
cluster: nothing is set, nothing is given up, nothing is owned anew. Such an object needs no
request. Whatever leaves a doubt (a quantity written in another way, a default inside an atomic
field, another apiVersion) is no, and the API server is asked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aks_action.model.applying.field_ownership import applied_by_us, is_kubectls
from aks_action.model.applying.field_ownership import entries as managed_fields
from aks_action.model.applying.field_tries import Fields, is_item
from aks_action.model.documents import get_in
from aks_action.model.manifests import Document

_IDENTITY = frozenset({"apiVersion", "kind", "metadata"})
_NAMES = frozenset({"name", "namespace"})
"""What no entry of managedFields records."""


def is_as_applied(document: Document, live: Document) -> bool:
    """Whether applying `document` would certainly leave `live`, with its managedFields, as it is.

    live: the object as it is in the cluster, listed at any apiVersion.
    """
    entries = managed_fields(live)
    ours = [entry for entry in entries if applied_by_us(entry)]
    if len(ours) != 1 or any(is_kubectls(entry) for entry in entries):
        return False
    version = document.get("apiVersion")
    if not version == ours[0].get("apiVersion") == live.get("apiVersion"):
        return False
    return _holds(ours[0].get("fieldsV1") or {}, _stated(document), live)


def _stated(document: Document) -> Document:
    """What a manifest states, without what identifies the object."""
    stated = {key: value for key, value in document.items() if key not in _IDENTITY}
    metadata = get_in(document, ("metadata",)) or {}
    rest = {key: value for key, value in metadata.items() if key not in _NAMES}
    return {**stated, "metadata": rest} if rest else stated


def _holds(fields: Fields, stated: Any, live: Any) -> bool:
    """Whether a trie of fields is exactly what is stated, and live has the same values."""
    inner = {key: child for key, child in fields.items() if key != "."}
    if not inner:
        return _same(stated, live)
    if isinstance(stated, dict) and isinstance(live, dict):
        return inner.keys() == {f"f:{key}" for key in stated} and all(
            key in live and _holds(inner[f"f:{key}"], value, live[key])
            for key, value in stated.items()
        )
    if isinstance(stated, list) and isinstance(live, list):
        return len(inner) == len(stated) and _holds_items(inner, stated, live)
    return False


def _holds_items(fields: Fields, stated: Sequence[Any], live: Sequence[Any]) -> bool:
    """The same for the items of a list that are told apart by keys or values, in their order."""
    wanted = [(*key.partition(":")[::2], child) for key, child in fields.items()]
    place = -1
    for item in stated:
        found = next((each for each in wanted if _names(each, item)), None)
        if found is None:
            return False
        wanted.remove(found)
        places = [index for index, each in enumerate(live) if _names(found, each)]
        if len(places) != 1 or places[0] <= place:
            return False
        place = places[0]
        if not _holds(found[2], item, live[place]):
            return False
    return True


def _names(field: tuple[str, str, Fields], item: Any) -> bool:
    sort, text, _ = field
    return sort in ("k", "v") and is_item(item, sort, text)


def _same(stated: Any, live: Any) -> bool:
    """Equal as JSON: true is not 1, and a number is not its text."""
    if isinstance(stated, Mapping | list) or isinstance(live, Mapping | list):
        return stated == live and json.dumps(stated, sort_keys=True) == json.dumps(
            live, sort_keys=True
        )
    return type(stated) is type(live) and stated == live
