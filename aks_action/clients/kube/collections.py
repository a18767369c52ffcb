"""All objects of a kind: LIST, page by page, and WATCH for what changes after it.

https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aks_action.clients.kube.errors import Asked, from_answer, from_status
from aks_action.clients.kube.sending import (
    Call,
    Sender,
    TooDeep,
    TooLong,
    json_answer,
    parsed,
    with_query,
)
from aks_action.clients.kube.streams import Growing
from aks_action.clients.ports import Listing, WatchEvent
from aks_action.errors import ApiError, ApplyError

_PAGE = 500
_GRACE = 10.0
"""Seconds that a WATCH may go on beyond the time after which the server ends it."""


def listing(
    sender: Sender, path: str, asked: Asked, *, label_selector: str, field_selector: str
) -> Listing:
    """All objects of the collection at `path`; each gets its apiVersion and kind.

    There are none of a kind that was deleted after discovery. (A namespace that is not there is
    no such case: a LIST in it is empty.)
    """

    def page(limit: str = "", token: str = "") -> Mapping[str, Any]:
        query = {"labelSelector": label_selector, "fieldSelector": field_selector}
        whole = with_query(path, **query, limit=limit, **{"continue": token})
        return json_answer(sender, Call(method="GET", path=whole, asked=asked))

    items: list[dict[str, Any]] = []
    seen: set[tuple[str, str]] = set()
    size, token = _PAGE, ""
    while True:
        try:
            answer = page(limit=str(size), token=token)
        except TooLong:
            if size == 1:
                raise
            size = max(size // 10, 1)
            continue
        except ApiError as error:
            if error.status == 404 and not token:
                return Listing(items=(), resource_version="")
            if error.status != 410 or not token:
                raise
            answer, items = page(), []  # the pages took too long: all at once
            seen.clear()
        found = answer.get("items") or ()
        items += found
        token = (answer.get("metadata") or {}).get("continue") or ""
        if not token:
            break
        named = {_name(each) for each in found}
        if not named or named & seen:
            raise ApplyError(f"{asked.host} lists {asked.resource} in pages that have no end.")
        seen |= named
    typed = {"apiVersion": asked.ref.api_version, "kind": asked.ref.kind}
    return Listing(
        items=tuple({**typed, **item} for item in items),
        resource_version=str((answer.get("metadata") or {}).get("resourceVersion", "")),
    )


def _name(item: Mapping[str, Any]) -> tuple[str, str]:
    metadata = item.get("metadata") or {}
    return str(metadata.get("namespace")), str(metadata.get("name"))


def watch(
    sender: Sender,
    path: str,
    asked: Asked,
    *,
    resource_version: str,
    timeout_seconds: int,
    field_selector: str,
) -> Growing[WatchEvent]:
    """What changes in the collection at `path` after `resource_version`."""
    query = {
        "watch": "1",
        "allowWatchBookmarks": "true",
        "resourceVersion": resource_version,
        "timeoutSeconds": str(timeout_seconds),
        "fieldSelector": field_selector,
    }
    call = Call(
        method="GET",
        path=with_query(path, **query),
        asked=asked,
        stream=timeout_seconds + _GRACE,
    )
    return Growing(lambda: sender.send(call), lambda line: _event(line, asked))


def _event(line: bytes, asked: Asked) -> WatchEvent | None:
    """Raises ApiError for an ERROR event: 410 when the resourceVersion is too old."""
    if not line.strip():
        return None
    try:
        event = parsed(line)
        type_, document = event["type"], event["object"]
    except TooDeep:  # some object's: a LIST says so where it matters
        return None
    except (ValueError, KeyError, TypeError):
        raise from_answer(200, line, "text/plain", asked) from None
    if type_ == "ERROR":
        raise from_status(document, asked)
    return WatchEvent(type=type_, object=document)
