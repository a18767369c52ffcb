"""The door to Kubernetes: the port `Cluster` over the official client's connection."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aks_action.clients.clock import SystemClock
from aks_action.clients.cluster import discovery
from aks_action.clients.cluster.connection import Connection, connect
from aks_action.clients.cluster.transport import Timeouts, Transport
from aks_action.clients.cluster.watching import Watch
from aks_action.clients.kube.errors import Asked, unknown_kind
from aks_action.clients.ports import Clock, Listing, Propagation
from aks_action.errors import ApiError
from aks_action.model.manifests import Document, ObjectRef, ref_of
from aks_action.model.resources import ResourceType, ResourceTypes

FIELD_MANAGER = "aks-action"
PAGE = 500

_APPLY = "application/apply-patch+yaml"  # JSON is YAML
_MERGE = "application/merge-patch+json"
_JSON_PATCH = "application/json-patch+json"
_JSON = "application/json"


class KubeCluster:
    """Implements the port `Cluster`; see there for what each method promises."""

    def __init__(
        self,
        connection: Connection,
        *,
        clock: Clock | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self._connection = connection
        self._transport = Transport(connection, clock or SystemClock(), timeouts or Timeouts())
        self._types: ResourceTypes | None = None
        self._lock = threading.Lock()

    @property
    def host(self) -> str:
        return self._connection.host

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be shown of the credentials."""
        authorization = self._connection.authorization() or ""
        return tuple(filter(None, [authorization.removeprefix("Bearer ")]))

    @property
    def namespace(self) -> str:
        return self._connection.namespace

    def types(self, *, refresh: bool = False) -> ResourceTypes:
        with self._lock:
            if self._types is None or refresh:
                self._types = discovery.discover(self._discovered)
            return self._types

    def get(self, ref: ObjectRef) -> Document | None:
        try:
            return self._document("GET", ref, "get")
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
    ) -> Listing:
        ref = ObjectRef(api_version=api_version, kind=kind, name="", namespace=namespace)
        path, asked = self._path(ref, "list", named=False)
        query = {"labelSelector": label_selector, "fieldSelector": field_selector}
        items: list[Document] = []
        more: dict[str, str] = {"limit": str(PAGE)}
        while True:
            try:
                data = self._transport.send(
                    "GET", path, asked, query={**query, **more}, headers={"Accept-Encoding": "gzip"}
                )
            except ApiError as error:
                # The continue token is older than what the server remembers: all in one answer.
                if error.status != 410 or "continue" not in more:
                    raise
                items, more = [], {}
                continue
            answer = json.loads(data)
            for item in answer.get("items") or []:
                item["apiVersion"], item["kind"] = api_version, kind
                items.append(item)
            metadata = answer.get("metadata") or {}
            if not metadata.get("continue"):
                return Listing(
                    items=tuple(items), resource_version=str(metadata.get("resourceVersion", ""))
                )
            more = {"limit": str(PAGE), "continue": metadata["continue"]}

    def apply(self, document: Document, *, dry_run: bool = False) -> Document:
        return self._document(
            "PATCH",
            ref_of(document),
            "patch",
            query={
                "fieldManager": FIELD_MANAGER,
                "force": "true",
                "fieldValidation": "Strict",
                "dryRun": "All" if dry_run else "",
            },
            body=document,
            content_type=_APPLY,
        )

    def create(self, document: Document, *, dry_run: bool = False) -> Document:
        return self._document(
            "POST",
            ref_of(document),
            "create",
            query={
                "fieldManager": FIELD_MANAGER,
                "fieldValidation": "Strict",
                "dryRun": "All" if dry_run else "",
            },
            body=document,
            content_type=_JSON,
        )

    def set_field_owners(
        self, ref: ObjectRef, managed_fields: Sequence[Document], *, resource_version: str
    ) -> None:
        operations = [
            {"op": "replace", "path": "/metadata/managedFields", "value": list(managed_fields)},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": resource_version},
        ]
        self._document("PATCH", ref, "patch", body=operations, content_type=_JSON_PATCH)

    def patch(self, ref: ObjectRef, body: Document) -> Document:
        query = {"fieldManager": FIELD_MANAGER}
        return self._document("PATCH", ref, "patch", query=query, body=body, content_type=_MERGE)

    def delete(
        self, ref: ObjectRef, *, uid: str = "", propagation: Propagation = "Background"
    ) -> None:
        options: dict[str, Any] = {"propagationPolicy": propagation}
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            self._document("DELETE", ref, "delete", body=options, content_type=_JSON)
        except ApiError as error:
            if error.status != 404 and not (error.status == 409 and uid):
                raise

    def watch(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str,
        resource_version: str,
        timeout_seconds: int,
        field_selector: str = "",
    ) -> Watch:
        ref = ObjectRef(api_version=api_version, kind=kind, name="", namespace=namespace)
        path, asked = self._path(ref, "watch", named=False)
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(timeout_seconds),
            "fieldSelector": field_selector,
        }

        def opened() -> Any:
            return self._transport.stream(path, asked, query=query, seconds=timeout_seconds + 10.0)

        return Watch(opened, asked, api_version, kind)

    def logs(
        self, ref: ObjectRef, *, container: str, previous: bool = False, tail_lines: int = 25
    ) -> str:
        path, asked = self._path(ref, "get", named=True)
        query = {
            "container": container,
            "previous": "true" if previous else "",
            "tailLines": str(tail_lines),
        }
        try:
            data = self._transport.send(
                "GET", f"{path}/log", asked, query=query, headers={"Accept": "*/*"}
            )
        except ApiError as error:
            if error.status in (400, 404):  # not started, or gone
                return ""
            raise
        return data.decode(errors="replace")

    def _discovered(self, path: str) -> bytes:
        nothing = ObjectRef(api_version="", kind="", name="")
        asked = Asked(verb="get", ref=nothing, resource=path, host=self.host)
        headers = {"Accept": discovery.ACCEPT, "Accept-Encoding": "gzip"}
        return self._transport.send("GET", path, asked, headers=headers)

    def _document(
        self,
        method: str,
        ref: ObjectRef,
        verb: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "",
    ) -> Document:
        path, asked = self._path(ref, verb, named=method != "POST")
        data = self._transport.send(
            method,
            path,
            asked,
            query=query,
            body=None if body is None else json.dumps(body, separators=(",", ":")).encode(),
            headers={"Content-Type": content_type} if content_type else None,
            idempotent=method != "POST",
        )
        answer: Document = json.loads(data)
        return answer

    def _path(self, ref: ObjectRef, verb: str, *, named: bool) -> tuple[str, Asked]:
        kind = self._type(ref)
        group = kind.api_version.rpartition("/")[0]
        resource = f"{kind.plural}.{group}" if group else kind.plural
        name = ref.name if named else ""
        return (
            kind.path(namespace=ref.namespace, name=name),
            Asked(verb=verb, ref=ref, resource=resource, host=self.host),
        )

    def _type(self, ref: ObjectRef) -> ResourceType:
        found = self.types().get((ref.api_version, ref.kind))
        if found is None:
            raise unknown_kind(ref.api_version, ref.kind, self.host)
        return found


def open_cluster(
    kubeconfig: str, *, context: str = "", skip_tls_verify: bool = False, temp: Path | None = None
) -> KubeCluster:
    """The cluster of a kubeconfig, see `connection.connect`."""
    return KubeCluster(
        connect(kubeconfig, context=context, skip_tls_verify=skip_tls_verify, temp=temp)
    )
