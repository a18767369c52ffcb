"""The input `creds`: the JSON that `az ad sp create-for-rbac --json-auth` prints."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aks_action.inputs.reader import Reader
from aks_action.model.origins import Origin

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,127}")
"""A GUID, or the domain name of a tenant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Creds:
    """What of the JSON in `creds` counts; empty where it does not say."""

    client_id: str = ""
    tenant_id: str = ""
    subscription_id: str = ""
    secret: str = ""
    authority: str = ""
    manager: str = ""


def secrets(creds: str) -> tuple[str, ...]:
    """What of `creds` must never be seen: the secret, or all of what is no such document."""
    document = _document(creds)
    if document is None:
        return (creds,)
    return tuple(value for key, value in document.items() if "secret" in key.lower() and value)


def read(reader: Reader) -> Creds:
    """What `creds` says; what is wrong with it is told to the reader."""
    text = reader.text("creds")
    document = _document(text) if text else {}
    if document is None:
        reader.wrong(
            "creds",
            "it is no JSON object, as `az ad sp create-for-rbac --json-auth` prints one",
        )
        document = {}
    if "appId" in document and "clientId" not in document:
        reader.wrong(
            "creds",
            "it has `appId` instead of `clientId`; make it with "
            "`az ad sp create-for-rbac --json-auth`",
        )
    return Creds(
        client_id=document.get("clientId", ""),
        tenant_id=document.get("tenantId", ""),
        subscription_id=document.get("subscriptionId", ""),
        secret=document.get("clientSecret", ""),
        authority=_endpoint(reader, document, "activeDirectoryEndpointUrl"),
        manager=_endpoint(reader, document, "resourceManagerEndpointUrl"),
    )


def one_of(reader: Reader, name: str, in_creds: str) -> str:
    """A value that may stand in an input or in `creds`, and must not differ."""
    given = reader.text(name)
    if given and in_creds and given.lower() != in_creds.lower():
        reader.wrong(name, f"`creds` says {in_creds!r}; leave out one of the two")
    value = given or in_creds
    if value and not _ID.fullmatch(value):
        reader.wrong(name if given else "creds", f"no {name.replace('-', ' ')} looks like that")
    return value


def _document(creds: str) -> dict[str, str] | None:
    try:
        document = json.loads(creds)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    return {str(key): value.strip() for key, value in document.items() if isinstance(value, str)}


def _endpoint(reader: Reader, document: Mapping[str, Any], key: str) -> str:
    url: str = document.get(key, "").rstrip("/")
    if url and not (_is_https(url) and re.fullmatch(r"https://[^/]+(/[\w./-]*)?", url)):
        reader.wrong("creds", f"its `{key}` is no URL that begins with https://")
        return ""
    return url


def _is_https(url: str) -> bool:
    try:
        return Origin.of(url).scheme == "https"
    except ValueError:
        return False
