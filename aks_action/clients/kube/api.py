"""`ports.Cluster` over HTTP: each method is one kind of request.

URLs and parameters: https://kubernetes.io/docs/reference/using-api/api-concepts/ and
…/server-side-apply/ .
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from aks_action.clients.kube.discovery import ACCEPT, discover
from aks_action.clients.kube.errors import Asked, from_answer, unknown_kind
from aks_action.clients.kube.sending import Sender
from aks_action.clients.kube.transport import Call, Stream, to_json
from aks_action.clients.kube.watching import Growing, log_line, watch_event
from aks_action.clients.ports import Listing, Propagation, WatchEvent
from aks_action.errors import ApiError, ManifestError
from aks_action.model.manifests import Document, ObjectRef, ref_of
from aks_action.model.resources import ResourceType, ResourceTypes

FIELD_MANAGER = "aks-action"
_WRITE = f"?fieldManager={FIELD_MANAGER}&fieldValidation=Strict"
_DRY = "&dryRun=All"
_PAGE = 500
_LONGEST_LOG = 262_144
_WATCH_GRACE = 10.0
_LONGEST_SILENCE = 60.0
"""Seconds after which a log that says nothing is asked for again; a connection may be dead."""


class KubeCluster:
    """A Kubernetes API server; see `ports.Cluster` for what each method promises."""

    def __init__(
        self, transport: Sender, *, namespace: str, types: ResourceTypes | None = None
    ) -> None:
        self._transport = transport
        self._namespace = namespace
        self._types = types
        self._lock = threading.Lock()

    @property
    def host(self) -> str:
        return self._transport.host

    @property
    def namespace(self) -> str:
        return self._namespace

    def types(self, *, refresh: bool = False) -> ResourceTypes:
        with self._lock:
            if self._types is None or refresh:
                self._types = discover(self._discovery)
            return self._types

    def get(self, ref: ObjectRef) -> Document | None:
        try:
            return self._json("GET", self._path(ref), self._asked("get", ref))
        except ApiError as error:
            if error.status == 404 and error.reason == "NotFound":
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
        path, asked = self._path(ref), self._asked("list", ref)
        query = _given(labelSelector=label_selector, fieldSelector=field_selector)

        def page(**more: str) -> Mapping[str, Any]:
            return self._json("GET", f"{path}?{urlencode({**query, **more})}", asked)

        items, version = _all_pages(page)
        typed = {"apiVersion": api_version, "kind": kind}
        return Listing(items=tuple({**typed, **item} for item in items), resource_version=version)

    def apply(self, document: Document, *, dry_run: bool = False) -> Document:
        ref = ref_of(document)
        return self._json(
            "PATCH",
            f"{self._path(ref)}{_WRITE}&force=true{_DRY if dry_run else ''}",
            self._asked("apply", ref),
            body=document,
            content_type="application/apply-patch+yaml",
        )

    def create(self, document: Document, *, dry_run: bool = False) -> Document:
        ref = ref_of(document)
        collection = self._path(
            ObjectRef(api_version=ref.api_version, kind=ref.kind, name="", namespace=ref.namespace)
        )
        return self._json(
            "POST",
            f"{collection}{_WRITE}{_DRY if dry_run else ''}",
            self._asked("create", ref),
            body=document,
            content_type="application/json",
            repeatable=dry_run or bool(ref.name),
        )

    def set_field_owners(
        self, ref: ObjectRef, managed_fields: Sequence[Document], *, resource_version: str
    ) -> None:
        # Replacing the version, as kubectl's own migration does, makes the server compare it and
        # say 409; a `test` operation would be answered by a 422 without a reason.
        operations = [
            {"op": "replace", "path": "/metadata/managedFields", "value": [*managed_fields]},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": resource_version},
        ]
        self._json(
            "PATCH",
            self._path(ref) + _WRITE,
            self._asked("patch", ref),
            body=operations,
            content_type="application/json-patch+json",
            repeatable=False,
        )

    def patch(self, ref: ObjectRef, body: Document) -> Document:
        return self._json(
            "PATCH",
            self._path(ref) + _WRITE,
            self._asked("patch", ref),
            body=body,
            content_type="application/merge-patch+json",
        )

    def delete(
        self,
        ref: ObjectRef,
        *,
        uid: str = "",
        resource_version: str = "",
        propagation: Propagation = "Background",
    ) -> bool:
        options: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation,
        }
        if preconditions := _given(uid=uid, resourceVersion=resource_version):
            options["preconditions"] = preconditions
        try:
            answer = self._json(
                "DELETE",
                self._path(ref),
                self._asked("delete", ref),
                body=options,
                content_type="application/json",
            )
        except ApiError as error:
            gone = error.status == 404 and error.reason == "NotFound"
            another = error.status == 409 and "UID in the precondition" in error.message
            if not (gone or another):
                raise
            return gone
        return answer.get("kind") == "Status"  # what is still going is answered by itself

    def watch(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str,
        resource_version: str,
        timeout_seconds: int,
        field_selector: str = "",
    ) -> Growing[WatchEvent]:
        ref = ObjectRef(api_version=api_version, kind=kind, name="", namespace=namespace)
        asked = self._asked("watch", ref)
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(timeout_seconds),
            **_given(fieldSelector=field_selector),
        }
        call = Call(
            method="GET",
            path=f"{self._path(ref)}?{urlencode(query)}",
            asked=asked,
            stream=timeout_seconds + _WATCH_GRACE,
        )
        return Growing(self._stream(call), lambda line: watch_event(line, asked))

    def logs(
        self, ref: ObjectRef, *, container: str, previous: bool = False, tail_lines: int = 25
    ) -> str:
        query = {
            "container": container,
            "previous": str(previous).lower(),
            "tailLines": str(tail_lines),
            "limitBytes": str(_LONGEST_LOG),
        }
        call = Call(
            method="GET",
            path=f"{self._path(ref)}/log?{urlencode(query)}",
            asked=self._asked("get the log of", ref),
            accept="*/*",
        )
        try:
            return self._transport.send(call).data.decode(errors="replace")
        except ApiError as error:
            if error.status in (400, 404):  # not started yet, or no previous one
                return ""
            raise

    def follow_log(self, ref: ObjectRef, *, container: str, since: str = "") -> Growing[str]:
        query = {"container": container, "follow": "true", "timestamps": "true"}
        call = Call(
            method="GET",
            path=f"{self._path(ref)}/log?{urlencode({**query, **_given(sinceTime=since)})}",
            asked=self._asked("follow the log of", ref),
            accept="*/*",
            stream=_LONGEST_SILENCE,
        )
        return Growing(self._stream(call), log_line, last=True)

    def _stream(self, call: Call) -> Callable[[], Stream]:
        return lambda: Stream(self._transport.send(call))

    def _discovery(self, path: str) -> Mapping[str, Any]:
        ref = ObjectRef(api_version="", kind="APIGroup", name="")
        asked = Asked(verb="get", ref=ref, resource=path, host=self.host)
        return self._json("GET", path, asked, accept=ACCEPT)

    def _json(
        self,
        method: str,
        path: str,
        asked: Asked,
        *,
        body: object = None,
        content_type: str = "",
        accept: str = "application/json",
        repeatable: bool = True,
    ) -> dict[str, Any]:
        answer = self._transport.send(
            Call(
                method=method,
                path=path,
                asked=asked,
                body=None if body is None else to_json(body),
                content_type=content_type,
                accept=accept,
                repeatable=repeatable,
            )
        )
        try:
            document = json.loads(answer.data)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            kind = answer.headers.get("Content-Type", "")
            raise from_answer(answer.status, b"", kind, asked)
        return document

    def _type(self, api_version: str, kind: str) -> ResourceType:
        types = self._types if self._types is not None else self.types()
        try:
            return types[api_version, kind]
        except KeyError:
            raise unknown_kind(api_version, kind, self.host) from None

    def _path(self, ref: ObjectRef) -> str:
        for part in (ref.name, ref.namespace):
            if part in (".", "..") or "/" in part or "%" in part:
                raise ManifestError(
                    f"{ref}: {part} cannot be a name: it has '/', '%' or only dots."
                )
        type_ = self._type(ref.api_version, ref.kind)
        return type_.path(namespace=quote(ref.namespace), name=quote(ref.name))

    def _asked(self, verb: str, ref: ObjectRef) -> Asked:
        type_ = self._type(ref.api_version, ref.kind)
        resource = f"{type_.plural}.{ref.group}" if ref.group else type_.plural
        return Asked(verb=verb, ref=ref, resource=resource, host=self.host)


def _all_pages(page: Callable[..., Mapping[str, Any]]) -> tuple[Sequence[Mapping[str, Any]], str]:
    """Items and the resourceVersion of a LIST, asked page by page."""
    answer = page(limit=str(_PAGE))
    items = [*(answer.get("items") or ())]
    while token := (answer.get("metadata") or {}).get("continue"):
        try:
            answer = page(limit=str(_PAGE), **{"continue": token})
        except ApiError as error:
            if error.status != 410:
                raise
            answer, items = page(), []  # the pages took too long: all at once
        items += answer.get("items") or ()
    return items, str((answer.get("metadata") or {}).get("resourceVersion", ""))


def _given(**query: str) -> dict[str, str]:
    return {key: value for key, value in query.items() if value}
