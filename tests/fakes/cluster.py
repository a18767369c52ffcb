"""An API server in memory: `ports.Cluster`, and levers for tests.

The contract suite (`tests/contract/test_cluster.py`) runs against this and a real API server.
Nothing is defaulted and little is validated; what tests can pull:

    cluster.put(document)               an object that somebody else made (any manager)
    cluster.set_status(ref, {...})      what a controller would report
    cluster.controllers.append(react)   called with (cluster, event) after every real write
    cluster.inject("apply", kind="Pod", code=403, ...)     an error answer, for `times` requests
    cluster.pod_logs[(namespace, pod, container, previous)] = "text"
    cluster.forget_history()            watches from an older resourceVersion answer 410
    cluster.end_watches()               every open watch ends, as after its timeout
    cluster.requests, cluster.writes    the journal: (verb, ref, dry_run)
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Literal, NamedTuple, NoReturn

from aks_action.clients.kube.errors import Asked, from_status, unknown_kind
from aks_action.clients.ports import Listing, Propagation, WatchEvent
from aks_action.errors import ActionError, Source
from aks_action.model.documents import get_in, set_in, without
from aks_action.model.manifests import Document, Manifest, ObjectRef, ref_of
from aks_action.model.resources import ResourceType, ResourceTypes, defined_by, index
from tests.fakes import claims, field_sets, ownership, selectors, served
from tests.fakes.history import FakeWatch, History, inside

MANAGER = "aks-action"
_READS = frozenset({"types", "get", "list", "watch", "logs"})


class Request(NamedTuple):
    """One entry of the journal."""

    verb: str
    ref: ObjectRef
    dry_run: bool = False


@dataclass(slots=True)
class _Fault:
    verb: str
    kind: str
    name: str
    namespace: str
    error: Exception | Mapping[str, Any]
    times: int

    def matches(self, verb: str, ref: ObjectRef) -> bool:
        wanted = (self.verb, self.kind, self.name, self.namespace)
        asked = (verb, ref.kind, ref.name, ref.namespace)
        return all(one in ("", other) for one, other in zip(wanted, asked, strict=True))


class FakeCluster:
    """An API server in memory. Safe to use from several threads, like the real one."""

    def __init__(self, *namespaces: str, extra_types: Sequence[ResourceType] = ()) -> None:
        self.host = "https://fake.test:6443"
        self.namespace = "default"
        self.requests: list[Request] = []
        self.controllers: list[Callable[[FakeCluster, WatchEvent], None]] = []
        self.pod_logs: dict[tuple[str, str, str, bool], str] = {}
        self._objects: dict[ObjectRef, Document] = {}
        self._faults: list[_Fault] = []
        self._history = History()
        self._lock = self._history.changed
        self._types = {**served.builtin_types(), **index(extra_types)}
        for name in ("default", *namespaces):
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            self.put(namespace, manager="kube-apiserver")

    # What the port asks for

    def types(self, *, refresh: bool = False) -> ResourceTypes:
        self._note("types", _collection("", ""))
        return dict(self._types)

    def get(self, ref: ObjectRef) -> Document | None:
        self._note("get", ref)
        self._type(ref)
        return self._objects.get(ref)

    def list(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
    ) -> Listing:
        ref = _collection(api_version, kind, namespace)
        self._note("list", ref)
        self._type(ref)
        with self._lock:
            items = tuple(
                document
                for each, document in sorted(self._objects.items())
                if inside(each, ref)
                and selectors.labels_match(label_selector, document)
                and selectors.fields_match(field_selector, document)
            )
            return Listing(items=items, resource_version=str(self._history.version))

    def apply(self, document: Document, *, dry_run: bool = False) -> Document:
        self._note("apply", ref_of(document), dry_run=dry_run)
        return self._apply(_stored_form(document), MANAGER, dry_run=dry_run)

    def create(self, document: Document, *, dry_run: bool = False) -> Document:
        ref = ref_of(document)
        self._note("create", ref, dry_run=dry_run)
        prefix = document["metadata"].get("generateName", "")
        name = ref.name or prefix + uuid.uuid4().hex[:5]
        if replace(ref, name=name) in self._objects:
            message = f'{self._type(ref).plural} "{name}" already exists'
            self._refuse(ref, "create", 409, "AlreadyExists", message)
        named = set_in(_stored_form(document), ("metadata", "name"), name)
        return self._apply(named, MANAGER, dry_run=dry_run, operation="Update")

    def set_field_owners(
        self, ref: ObjectRef, managed_fields: Sequence[Document], *, resource_version: str
    ) -> None:
        self._note("set_field_owners", ref)
        with self._lock:
            live = self._existing(ref)
            self._check_version(live, resource_version, "patch")
            entries = ownership.in_order(_copy([*managed_fields]))
            self._save(set_in(live, ("metadata", "managedFields"), entries))

    def patch(self, ref: ObjectRef, body: Document) -> Document:
        self._note("patch", ref)
        with self._lock:
            live = self._existing(ref)
            self._check_version(live, get_in(body, ("metadata", "resourceVersion")), "patch")
            patched = _merge_patch(live, _copy(body))
            before, after = field_sets.owned(live), field_sets.owned(patched)
            changed = {path for path in after if _differs(live, patched, path)}
            lost = changed | (before - after)
            owners = {who: paths - lost for who, paths in ownership.read(live).items()}
            mine = owners.get((MANAGER, "Update"), set())
            owners[MANAGER, "Update"] = mine | changed
            return self._write(live, ownership.write(patched, owners, live))

    def delete(
        self,
        ref: ObjectRef,
        *,
        uid: str = "",
        resource_version: str = "",
        propagation: Propagation = "Background",
    ) -> bool:
        self._note("delete", ref)
        self._type(ref)
        with self._lock:
            live = self._objects.get(ref)
            if live is not None:
                self._check_version(live, resource_version, "delete")
            if live is not None and uid in ("", live["metadata"]["uid"]):
                self._remove(ref, cascade=propagation != "Orphan")
            return ref not in self._objects

    def watch(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str,
        resource_version: str,
        timeout_seconds: int,
        field_selector: str = "",
    ) -> FakeWatch:
        ref = _collection(api_version, kind, namespace)
        self._note("watch", ref)
        self._type(ref)
        gone = {"code": 410, "reason": "Expired", "message": "too old resource version"}
        return FakeWatch(
            self._history,
            ref,
            since=int(resource_version or self._history.version),
            fields=field_selector,
            seconds=float(timeout_seconds),
            outdated=lambda: self._error(ref, "watch", gone),
        )

    def logs(
        self, ref: ObjectRef, *, container: str, previous: bool = False, tail_lines: int = 25
    ) -> str:
        self._note("logs", ref)
        text = self.pod_logs.get((ref.namespace, ref.name, container, previous), "")
        return "".join(text.splitlines(keepends=True)[-tail_lines:])

    def follow_log(
        self, ref: ObjectRef, *, container: str, since: str = ""
    ) -> AbstractContextManager[Iterator[str]]:
        self._note("logs", ref)
        text = self.pod_logs.get((ref.namespace, ref.name, container, False), "")
        times = (f"2026-05-01T12:{at // 60:02}:{at % 60:02}Z" for at in count())
        lines = zip(times, text.splitlines(), strict=False)
        return nullcontext(f"{time} {line}" for time, line in lines if time >= since)

    # What tests pull

    @property
    def writes(self) -> Sequence[Request]:
        """The requests that changed, or tried to change, something."""
        return [each for each in self.requests if each.verb not in _READS and not each.dry_run]

    def put(
        self, document: Document, *, manager: str = "kubectl", operation: str = "Update"
    ) -> Document:
        """Write an object as somebody else would; the manager owns every field given.

        Unlike a PUT, fields that are not given stay. A `status` is taken as well.
        """
        return self._apply(_stored_form(document), manager, operation=operation)

    def client_side_apply(self, document: Document) -> Document:
        """Write an object as `kubectl apply` without --server-side does."""
        key = "kubectl.kubernetes.io/last-applied-configuration"
        annotations = {**(document["metadata"].get("annotations") or {}), key: json.dumps(document)}
        annotated = set_in(document, ("metadata", "annotations"), annotations)
        return self.put(annotated, manager="kubectl-client-side-apply")

    def set_status(self, ref: ObjectRef, status: Mapping[str, Any]) -> Document:
        """Replace the status, as a controller does; the generation stays."""
        with self._lock:
            live = self._existing(ref)
            return self._write(live, {**live, "status": _copy(status)})

    def remove(self, ref: ObjectRef) -> None:
        """Delete an object as somebody else would."""
        with self._lock:
            self._remove(ref, cascade=True)

    def inject(
        self,
        verb: str,
        *,
        kind: str = "",
        name: str = "",
        namespace: str = "",
        code: int = 500,
        reason: str = "InternalError",
        message: str = "injected",
        error: Exception | None = None,
        times: int = 1_000_000,
    ) -> None:
        """Answer the next `times` matching requests with an error; an empty word matches all."""
        status = {"kind": "Status", "code": code, "reason": reason, "message": message}
        self._faults.append(_Fault(verb, kind, name, namespace, error or status, times))

    def forbid(self, verb: str, kind: str, *, namespace: str = "") -> None:
        """Answer as RBAC does to a user that lacks a role."""
        type_ = next(each for each in self._types.values() if each.kind == kind)
        group = type_.api_version.rpartition("/")[0]
        api_verb = {"apply": "patch", "set_field_owners": "patch"}.get(verb, verb)
        place = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
        message = (
            f'{type_.plural} is forbidden: User "ci" cannot {api_verb} resource '
            f'"{type_.plural}" in API group "{group}" {place}'
        )
        self.inject(
            verb, kind=kind, namespace=namespace, code=403, reason="Forbidden", message=message
        )

    def forget_history(self) -> None:
        """Compact: an older resourceVersion can no longer be watched from."""
        self._history.forget()

    def end_watches(self) -> None:
        """End every open watch without an error."""
        self._history.end_watches()

    # How it works

    def _note(self, verb: str, ref: ObjectRef, *, dry_run: bool = False) -> None:
        with self._lock:
            self.requests.append(Request(verb, ref, dry_run))
            for fault in self._faults:
                if fault.times and fault.matches(verb, ref):
                    fault.times -= 1
                    if isinstance(fault.error, Exception):
                        raise fault.error
                    raise self._error(ref, verb, fault.error)

    def _type(self, ref: ObjectRef) -> ResourceType:
        try:
            return self._types[ref.api_version, ref.kind]
        except KeyError:
            raise unknown_kind(ref.api_version, ref.kind, self.host) from None

    def _error(self, ref: ObjectRef, verb: str, status: Mapping[str, Any]) -> ActionError:
        type_ = self._types.get((ref.api_version, ref.kind))
        resource = f"{type_.plural}.{ref.group}".rstrip(".") if type_ else ref.group_kind
        return from_status(status, Asked(verb=verb, ref=ref, resource=resource, host=self.host))

    def _refuse(
        self, ref: ObjectRef, verb: str, code: int, reason: str, message: str, **details: Any
    ) -> NoReturn:
        status = {"code": code, "reason": reason, "message": message, "details": details}
        raise self._error(ref, verb, status)

    def _check_version(self, live: Document, version: str | None, verb: str) -> None:
        if version and live["metadata"]["resourceVersion"] != version:
            self._refuse(ref_of(live), verb, 409, "Conflict", "the object has been modified")

    def _existing(self, ref: ObjectRef) -> Document:
        plural = self._type(ref).plural
        if ref not in self._objects:
            self._refuse(ref, "patch", 404, "NotFound", f'{plural} "{ref.name}" not found')
        return self._objects[ref]

    def _apply(
        self,
        document: Document,
        manager: str,
        *,
        dry_run: bool = False,
        operation: str = "Apply",
    ) -> Document:
        with self._lock:
            self._admit(ref_of(document), document)
            live = self._objects.get(ref_of(document))
            owners = ownership.read(live)
            mine = owners.pop((manager, operation), set())
            given = without(document, ("status",)) if operation == "Apply" else document
            applied = field_sets.owned(given)
            merged = field_sets.merge(live or {}, given)
            if operation == "Apply":
                kept = {**owners, (manager, operation): applied}
                merged = ownership.drop(merged, mine - applied, kept)
            lost = {path for path in applied if _differs(live, given, path)}
            owners = {who: paths - lost for who, paths in owners.items()}
            owners[manager, operation] = applied
            return self._write(live, ownership.write(merged, owners, live), dry_run=dry_run)

    def _admit(self, ref: ObjectRef, document: Document) -> None:
        """Refuse what the API server refuses before it looks at the live object."""
        if self._type(ref).namespaced and _namespace(ref.namespace) not in self._objects:
            message = f'namespaces "{ref.namespace}" not found'
            self._refuse(ref, "patch", 404, "NotFound", message)
        typed = f"failed to create typed patch object ({ref}; {ref.api_version}, Kind={ref.kind}): "
        for path in served.unknown_fields(document):
            self._refuse(ref, "patch", 500, "", f"{typed}{path}: field not declared in schema")
        for path, key in field_sets.duplicates(document):
            self._refuse(ref, "patch", 500, "", f"{typed}{path}: duplicate entries for key [{key}]")

    def _write(
        self, live: Document | None, candidate: Document, *, dry_run: bool = False
    ) -> Document:
        if live is not None and _same(live, candidate):
            return live
        if live is not None:
            self._check_immutable(live, candidate)
        metadata = {
            **candidate["metadata"],
            "uid": get_in(live, ("metadata", "uid")) or str(uuid.uuid4()),
            "creationTimestamp": get_in(live, ("metadata", "creationTimestamp")) or ownership.now(),
        }
        if "spec" in candidate:
            generation = get_in(live, ("metadata", "generation"), 0)
            metadata["generation"] = generation + (_wanted(candidate) != _wanted(live or {}))
        document = {**(served.born(candidate) if live is None else candidate), "metadata": metadata}
        return document if dry_run else self._save(document)

    def _check_immutable(self, live: Document, candidate: Document) -> None:
        ref = ref_of(live)
        for path in served.IMMUTABLE.get(ref.kind, ()):
            if get_in(live, path) != get_in(candidate, path):
                name = ".".join(path)
                told = f"Invalid value: {json.dumps(get_in(candidate, path))}: field is immutable"
                cause = {"reason": "FieldValueInvalid", "message": told, "field": name}
                message = f'{ref.group_kind} "{ref.name}" is invalid: {name}: {told}'
                self._refuse(ref, "patch", 422, "Invalid", message, causes=[cause])
        if found := list(claims.causes(live, candidate)):
            message = f'{ref.group_kind} "{ref.name}" is invalid: {claims.described(found)}'
            self._refuse(ref, "patch", 422, "Invalid", message, causes=found)
        if ref.kind == "PersistentVolumeClaim":
            classes = {
                each.name: item
                for each, item in self._objects.items()
                if each.kind == "StorageClass"
            }
            if why := claims.may_grow(live, candidate, classes):
                message = f'persistentvolumeclaims "{ref.name}" is forbidden: {why}'
                self._refuse(ref, "patch", 403, "Forbidden", message)

    def _save(self, document: Document) -> Document:
        ref = ref_of(document)
        before = self._objects.get(ref)
        version = self._history.next_version()
        document = set_in(document, ("metadata", "resourceVersion"), version)
        self._objects[ref] = document
        if ref.kind == "CustomResourceDefinition":
            made = Manifest(document=document, source=Source(file="fake"))
            self._types.update(index(defined_by((made,))))
        self._publish("MODIFIED" if before else "ADDED", document, before)
        return document

    def _remove(self, ref: ObjectRef, *, cascade: bool) -> None:
        gone = self._objects.pop(ref, None)
        if gone is None:
            return
        version = self._history.next_version()
        self._publish("DELETED", set_in(gone, ("metadata", "resourceVersion"), version), gone)
        for other, document in tuple(self._objects.items()):
            owners = document["metadata"].get("ownerReferences") or []
            owned = any(each.get("uid") == gone["metadata"]["uid"] for each in owners)
            if (cascade and owned) or (ref.kind == "Namespace" and other.namespace == ref.name):
                self._remove(other, cascade=True)

    def _publish(
        self,
        type_: Literal["ADDED", "MODIFIED", "DELETED"],
        document: Document,
        before: Document | None,
    ) -> None:
        event = self._history.add(type_, document, before)
        for react in tuple(self.controllers):
            react(self, event)


def _collection(api_version: str, kind: str, namespace: str = "") -> ObjectRef:
    return ObjectRef(api_version=api_version, kind=kind, name="", namespace=namespace)


def _namespace(name: str) -> ObjectRef:
    return ObjectRef(api_version="v1", kind="Namespace", name=name)


def _copy(value: Any) -> Any:
    """What the wire would make of it: no shared parts, JSON types only."""
    return json.loads(json.dumps(value))


def _stored_form(document: Document) -> dict[str, Any]:
    """A copy as the server would keep it: a Secret's stringData as data."""
    copy: dict[str, Any] = _copy(document)
    if copy.get("kind") == "Secret" and "stringData" in copy:
        plain = copy.pop("stringData") or {}
        coded = {key: base64.b64encode(text.encode()).decode() for key, text in plain.items()}
        copy["data"] = {**(copy.get("data") or {}), **coded}
    return copy


def _merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge_patch(merged.get(key), value)
    return merged


def _wanted(document: Document) -> dict[str, Any]:
    return {key: part for key, part in document.items() if key not in ("metadata", "status")}


def _differs(live: Document | None, document: Document, path: field_sets.Path) -> bool:
    return bool(field_sets.value_at(live or {}, path) != field_sets.value_at(document, path))


def _same(live: Document, candidate: Document) -> bool:
    metadata = {**live["metadata"], **candidate["metadata"]}
    everything = set(live["metadata"]) <= set(candidate["metadata"])
    return everything and live == {**candidate, "metadata": metadata}
