"""Where the objects of each kind are on an API server: their URL paths, by what it serves.

URLs: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from aks_action.clients.kube.discovery import ACCEPT, discover
from aks_action.clients.kube.errors import Asked, unknown_kind
from aks_action.clients.kube.sending import Call, Sender, json_answer
from aks_action.errors import ManifestError
from aks_action.model.manifests import ObjectRef
from aks_action.model.resources import ResourceType, ResourceTypes


class Served:
    """What one API server serves, asked when it is first needed. Safe to use from several threads.

    known: what is known of it; None: nothing yet.
    """

    def __init__(self, sender: Sender, known: ResourceTypes | None) -> None:
        self.known = known
        self._sender = sender
        self._lock = threading.Lock()

    def types(self, *, refresh: bool = False) -> ResourceTypes:
        """The kinds that are served; `refresh` asks again."""
        with self._lock:
            if self.known is None or refresh:
                self.known = discover(self._get)
            return self.known

    def path(self, ref: ObjectRef) -> str:
        """The URL path of an object; of its collection when the ref has no name."""
        for part in (ref.name, ref.namespace):
            if part in (".", "..") or "/" in part or "%" in part:
                raise ManifestError(
                    f"{ref}: {part} cannot be a name: it has '/', '%' or only dots."
                )
        type_ = self._type(ref)
        return type_.path(namespace=quote(ref.namespace), name=quote(ref.name))

    def asked(self, verb: str, ref: ObjectRef) -> Asked:
        """What a request is about, for the message of an error that answers it."""
        type_ = self._type(ref)
        resource = f"{type_.plural}.{ref.group}" if ref.group else type_.plural
        return Asked(verb=verb, ref=ref, resource=resource, host=self._sender.host)

    def _type(self, ref: ObjectRef) -> ResourceType:
        types = self.known if self.known is not None else self.types()
        try:
            return types[ref.api_version, ref.kind]
        except KeyError:
            raise unknown_kind(ref.api_version, ref.kind, self._sender.host) from None

    def _get(self, path: str) -> Mapping[str, Any]:
        ref = ObjectRef(api_version="", kind="APIGroup", name="")
        asked = Asked(verb="get", ref=ref, resource=path, host=self._sender.host)
        return json_answer(self._sender, Call(method="GET", path=path, asked=asked, accept=ACCEPT))
