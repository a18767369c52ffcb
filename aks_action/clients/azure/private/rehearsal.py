"""A rehearsal: which requests a step makes, found by making them of nobody."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from aks_action.clients.azure.private.answers import api_error
from aks_action.clients.kube.api import KubeCluster
from aks_action.clients.kube.sending import Call, Whole
from aks_action.clients.ports import Cluster
from aks_action.errors import ActionError
from aks_action.model.manifests import Document, ObjectRef
from aks_action.model.resources import ResourceTypes

T = TypeVar("T")
_UNKNOWN = "only-the-server-knows"


class Rehearsal:
    """A cluster in which all goes as it should. What was written stays, from step to step.

    live: the objects that are there.
    """

    host = "a rehearsal"

    def __init__(self, live: Mapping[ObjectRef, Document], types: ResourceTypes) -> None:
        self._cluster = KubeCluster(self, namespace="default", types=types)
        self._calls: list[Call] = []
        self._objects: dict[str, Any] = {
            found.path(namespace=ref.namespace, name=ref.name): document
            for ref, document in live.items()
            if (found := types.get((ref.api_version, ref.kind)))
        }

    def of(self, act: Callable[[Cluster], T]) -> tuple[T, list[Call]] | None:
        """What `act` answers, and the requests that it makes, in order.

        None when it does not get to its end, or a request holds what only the server will tell.
        """
        self._calls = []
        try:
            found = act(self._cluster)
        except ActionError:
            return None
        if any(
            _UNKNOWN.encode() in (each.body or b"") + each.path.encode() for each in self._calls
        ):
            return None
        return found, self._calls

    def requests(self, act: Callable[[Cluster], object]) -> list[Call]:
        """The requests alone; none when they cannot be known."""
        return (self.of(act) or (None, []))[1]

    def send(self, call: Call) -> Whole:
        """Implements `sending.Sender`."""
        self._calls.append(call)
        path = urlsplit(call.path).path
        if call.method == "DELETE":
            self._objects.pop(path, None)
            return Whole(data=b"{}")
        if call.method == "GET" and call.asked.verb == "list":
            return Whole(data=b'{"items": []}')
        if call.method == "GET" and path not in self._objects:
            raise api_error("Error from server (NotFound): it is not there", call)
        if call.method == "GET":
            return Whole(data=json.dumps(self._objects[path]).encode())
        written = _written(self._objects.get(path) or {}, call)
        if "dryRun=All" not in call.path:
            self._objects[path] = written
        return Whole(data=json.dumps(written).encode())


def _written(live: Document, call: Call) -> Document:
    body = json.loads(call.body or b"{}")
    given = body if isinstance(body, dict) else {}
    new = {"uid": _UNKNOWN, "name": _UNKNOWN}
    metadata = {**new, **(live.get("metadata") or {}), **(given.get("metadata") or {})}
    ref = call.asked.ref
    return {
        "apiVersion": ref.api_version,
        "kind": ref.kind,
        **live,
        **given,
        "metadata": {**metadata, "resourceVersion": _UNKNOWN},
    }
