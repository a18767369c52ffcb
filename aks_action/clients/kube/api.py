"""`ports.Cluster` over HTTP: each method is one kind of request.

Parameters: https://kubernetes.io/docs/reference/using-api/api-concepts/ and
…/server-side-apply/ .
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from aks_action.clients.kube import collections, container_logs
from aks_action.clients.kube.sending import Call, Sender, json_answer, to_json
from aks_action.clients.kube.served import Served
from aks_action.clients.kube.streams import Growing
from aks_action.clients.ports import Listing, Propagation, WatchEvent
from aks_action.errors import ApiError
from aks_action.model.applying.field_ownership import FIELD_MANAGER
from aks_action.model.manifests import Document, ObjectRef, ref_of
from aks_action.model.resources import ResourceTypes

_WRITE = f"?fieldManager={FIELD_MANAGER}&fieldValidation=Strict"
_DRY = "&dryRun=All"
_METHODS = {"get": "GET", "apply": "PATCH", "create": "POST", "patch": "PATCH", "delete": "DELETE"}
_JSON = "application/json"
_APPLY = "application/apply-patch+yaml"
_MERGE_PATCH = "application/merge-patch+json"
_JSON_PATCH = "application/json-patch+json"


class KubeCluster:
    """A Kubernetes API server; see `ports.Cluster` for what each method promises."""

    def __init__(
        self, transport: Sender, *, namespace: str, types: ResourceTypes | None = None
    ) -> None:
        self._transport = transport
        self._namespace = namespace
        self._served = Served(transport, types)

    @property
    def host(self) -> str:
        return self._transport.host

    @property
    def namespace(self) -> str:
        return self._namespace

    def types(self, *, refresh: bool = False) -> ResourceTypes:
        return self._served.types(refresh=refresh)

    def get(self, ref: ObjectRef) -> Document | None:
        try:
            return self._json("get", ref)
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
        every = ObjectRef(api_version=api_version, kind=kind, name="", namespace=namespace)
        return collections.listing(
            self._transport,
            self._served.path(every),
            self._served.asked("list", every),
            label_selector=label_selector,
            field_selector=field_selector,
        )

    def apply(self, document: Document, *, dry_run: bool = False) -> Document:
        ref = ref_of(document)
        return self._json(
            "apply",
            ref,
            query=f"{_WRITE}&force=true{_DRY if dry_run else ''}",
            body=document,
            content_type=_APPLY,
        )

    def create(self, document: Document, *, dry_run: bool = False) -> Document:
        ref = ref_of(document)
        return self._json(
            "create",
            ref,
            query=f"{_WRITE}{_DRY if dry_run else ''}",
            body=document,
            content_type=_JSON,
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
            "patch", ref, query=_WRITE, body=operations, content_type=_JSON_PATCH, repeatable=False
        )

    def patch(self, ref: ObjectRef, body: Document) -> Document:
        return self._json("patch", ref, query=_WRITE, body=body, content_type=_MERGE_PATCH)

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
        preconditions = {"uid": uid, "resourceVersion": resource_version}
        if any(preconditions.values()):
            options["preconditions"] = {key: each for key, each in preconditions.items() if each}
        try:
            answer = self._json("delete", ref, body=options, content_type=_JSON)
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
        every = ObjectRef(api_version=api_version, kind=kind, name="", namespace=namespace)
        return collections.watch(
            self._transport,
            self._served.path(every),
            self._served.asked("watch", every),
            resource_version=resource_version,
            timeout_seconds=timeout_seconds,
            field_selector=field_selector,
        )

    def logs(
        self, ref: ObjectRef, *, container: str, previous: bool = False, tail_lines: int = 25
    ) -> str:
        return container_logs.last_lines(
            self._transport,
            self._served.path(ref),
            self._served.asked("get the log of", ref),
            container=container,
            previous=previous,
            tail_lines=tail_lines,
        )

    def follow_log(self, ref: ObjectRef, *, container: str, since: str = "") -> Growing[str]:
        return container_logs.follow(
            self._transport,
            self._served.path(ref),
            self._served.asked("follow the log of", ref),
            container=container,
            since=since,
        )

    def _json(
        self,
        verb: str,
        ref: ObjectRef,
        *,
        query: str = "",
        body: object = None,
        content_type: str = "",
        repeatable: bool = True,
    ) -> dict[str, Any]:
        """What answers a request about one object, or (create) to the collection it belongs to."""
        place = replace(ref, name="") if verb == "create" else ref
        call = Call(
            method=_METHODS[verb],
            path=self._served.path(place) + query,
            asked=self._served.asked(verb, ref),
            body=None if body is None else to_json(body),
            content_type=content_type,
            repeatable=repeatable,
        )
        return json_answer(self._transport, call)
