"""A private cluster as the port `Cluster`, by as few run commands as possible.

A run command costs a pod and half a minute, so requests are not sent one by one. What a deploy
will read is known from its manifests and is fetched first (`prepare`). Then the deploy is decided
as everywhere: what it asks beyond that gets an empty answer for the moment and is remembered,
all of it is asked in one command (`flush`), and the decision is made again. At last `carry_out`
does the whole plan in one command, and the executor, the waits and the diagnosis run over what
came back. Three commands in all: observe, check, carry out.
"""

# ruff: noqa: ARG002 - the port's parameters were decided when the script was written

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from aks_action.clients.azure import scripts
from aks_action.clients.azure.plan_script import PlanScript
from aks_action.clients.azure.private_answers import (
    ALWAYS,
    api_error,
    expected,
    reads_of,
    types_of,
)
from aks_action.clients.azure.run_command import Outcome, RunCommand
from aks_action.clients.azure.scripts import Read
from aks_action.clients.kube.errors import Asked
from aks_action.clients.ports import Listing, Propagation, WatchEvent
from aks_action.errors import ActionError, ApplyError
from aks_action.model.manifests import Document, ManifestSet, ObjectRef, ref_of
from aks_action.model.observed import Collection, Observed
from aks_action.model.plan import Plan
from aks_action.model.resources import ResourceTypes, index


class PrivateCluster:
    """One private cluster. Implements the port `Cluster`; see the module for how."""

    def __init__(self, command: RunCommand, host: str, *, tell: Callable[[str], None]) -> None:
        self._command = command
        self._host = host
        self._tell = tell
        self._lock = threading.Lock()
        self._types: ResourceTypes = {}
        self._read: dict[Read, Outcome] = {}
        self._dry: dict[str, Outcome] = {}
        self._open_reads: dict[Read, None] = {}
        self._open_dry: dict[str, Document] = {}
        self._script: PlanScript | None = None
        self._done: dict[str, Outcome] = {}
        self._deleted: set[ObjectRef] = set()

    @property
    def host(self) -> str:
        return self._host

    @property
    def namespace(self) -> str:
        """Run commands have no context, so there is no other default."""
        return "default"

    def prepare(self, manifests: ManifestSet, namespace: str) -> None:
        """Fetch in one command what a deploy of these manifests will read."""
        self._fetch(expected(manifests, namespace), {})

    def flush(self) -> bool:
        """Ask everything that has no answer yet, in one command; whether there was anything."""
        if not self._open_reads and not self._open_dry:
            return False
        reads, dry = tuple(self._open_reads), dict(self._open_dry)
        self._open_reads.clear()
        self._open_dry.clear()
        self._fetch(reads, dry)
        return True

    def carry_out(
        self,
        plan: Plan,
        observed: Observed,
        *,
        collections: Iterable[Collection],
        namespace_patch: tuple[str, Document] | None,
        seconds: float,
    ) -> None:
        """Do the whole plan in one command; afterwards everything is answered by its results.

        collections: what to read at the end, to judge health by.
        namespace_patch: a namespace and a merge patch for it, done when all went well.
        """
        self._types = {**observed.types, **self._types}
        reads = reads_of(collections)
        script = PlanScript(plan, observed.live, self._types, reads, namespace_patch, seconds)
        self._tell(f"Run command {self._command.commands + 1} in the cluster: carry out.")
        self._done = self._command.run(script.text, script.files, seconds=seconds)
        self._script = script
        self._read = {
            read: outcome
            for number, read in enumerate(reads)
            if (outcome := self._done.get(f"s{number}"))
        }

    def types(self, *, refresh: bool = False) -> ResourceTypes:
        return self._types

    def get(self, ref: ObjectRef) -> Document | None:
        if self._script is not None:
            if ref in self._deleted or ref not in self._script.live:
                return self._script.result(ref, self._done)
            return self._script.live[ref]
        found = self._items(ref.api_version, ref.kind, ref.namespace, ref.name)
        return next((each for each in found if ref_of(each).name == ref.name), None)

    def list(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
    ) -> Listing:
        name = field_selector.partition("metadata.name=")[2].partition(",")[0]
        items = self._items(api_version, kind, namespace, name)
        kept = (each for each in items if not name or ref_of(each).name == name)
        return Listing(items=tuple(kept), resource_version="")

    def apply(self, document: Document, *, dry_run: bool = False) -> Document:
        return self._written(document, dry_run=dry_run)

    def create(self, document: Document, *, dry_run: bool = False) -> Document:
        return self._written(document, dry_run=dry_run)

    def set_field_owners(
        self, ref: ObjectRef, managed_fields: Sequence[Document], *, resource_version: str
    ) -> None:
        self._result(f"o{self._number(ref)}", "patch", ref)

    def patch(self, ref: ObjectRef, body: Document) -> Document:
        self._result("n", "patch", ref)
        return {}

    def delete(
        self,
        ref: ObjectRef,
        *,
        uid: str = "",
        resource_version: str = "",
        propagation: Propagation = "Background",
    ) -> bool:
        self._result(f"x{self._number(ref)}", "delete", ref)
        self._deleted.add(ref)
        return False

    def watch(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str,
        resource_version: str,
        timeout_seconds: int,
        field_selector: str = "",
    ) -> AbstractContextManager[Iterator[WatchEvent]]:
        """Nothing happens any more in what was recorded."""
        return nullcontext(iter(()))

    def logs(
        self, ref: ObjectRef, *, container: str, previous: bool = False, tail_lines: int = 25
    ) -> str:
        kind = "old" if previous else "log"
        found = self._done.get(f"{kind}:{ref.namespace}:{ref.name}:{container}")
        return found.out if found and found.code == 0 else ""

    def follow_log(
        self, ref: ObjectRef, *, container: str, since: str = ""
    ) -> AbstractContextManager[Iterator[str]]:
        """What was recorded has ended, and its last lines are in `logs`."""
        return nullcontext(iter(()))

    def _fetch(self, reads: Sequence[Read], dry: Mapping[str, Document]) -> None:
        versions = list(dict.fromkeys([*ALWAYS, *(each.api_version for each in reads)]))
        keys = list(dry)
        script = scripts.discover(versions) + scripts.read(reads, versions)
        script += scripts.side_by_side(
            scripts.apply(
                f"c{number}",
                f"doc{number}.json",
                dry_run=True,
                create=not ref_of(dry[key]).name,
            )
            for number, key in enumerate(keys)
        )
        files = {f"doc{number}.json": json.dumps(dry[key]) for number, key in enumerate(keys)}
        what = "check" if dry else "observe"
        self._tell(f"Run command {self._command.commands + 1} in the cluster: {what}.")
        answers = self._command.run(script, files, seconds=120.0)
        for number, version in enumerate(versions):
            self._types = {**self._types, **index(types_of(version, answers[f"d{number}"]))}
        self._read |= {each: answers[f"r{number}"] for number, each in enumerate(reads)}
        self._dry |= {key: answers[f"c{number}"] for number, key in enumerate(keys)}

    def _items(
        self, api_version: str, kind: str, namespace: str, name: str
    ) -> tuple[Document, ...]:
        for read, outcome in self._read.items():
            if (read.api_version, read.kind) != (api_version, kind):
                continue
            found_type = self._types.get((api_version, kind))
            if found_type and found_type.namespaced and read.namespace != namespace:
                continue
            if read.names is not None and name and name not in read.names:
                continue
            ref = ObjectRef(api_version=api_version, kind=kind, namespace=namespace, name=name)
            self._check(outcome, "list", ref)
            found = json.loads(outcome.out or "{}").get("items") or []
            return tuple({"apiVersion": api_version, "kind": kind, **each} for each in found)
        if self._script is None:
            names = (name,) if name else None
            asked = Read(api_version=api_version, kind=kind, namespace=namespace, names=names)
            with self._lock:
                self._open_reads[asked] = None
        return ()

    def _written(self, document: Document, *, dry_run: bool) -> Document:
        ref = ref_of(document)
        if self._script is not None:
            return self._result(f"a{self._script.number_of(document)}", "patch", ref)
        if not dry_run:
            raise AssertionError(f"{ref} was to be written outside of `carry_out`")
        key = json.dumps(document, sort_keys=True)
        outcome = self._dry.get(key)
        if outcome is None:
            with self._lock:
                self._open_dry[key] = document
            return document
        self._check(outcome, "patch", ref)
        answer: Document = json.loads(outcome.out)
        return answer

    def _number(self, ref: ObjectRef) -> int:
        if self._script is None:
            raise AssertionError(f"{ref} was to be written outside of `carry_out`")
        return self._script.numbers[ref]

    def _result(self, name: str, verb: str, ref: ObjectRef) -> Document:
        outcome = self._done.get(name)
        if outcome is None:
            raise ApplyError(f"{ref}: the run command ended before its turn came.")
        self._check(outcome, verb, ref)
        answer: Document = json.loads(outcome.out) if outcome.out.startswith("{") else {}
        return answer

    def _check(self, outcome: Outcome, verb: str, ref: ObjectRef) -> None:
        if outcome.code:
            raise self._error(outcome.err, verb, ref)

    def _error(self, text: str, verb: str, ref: ObjectRef) -> ActionError:
        found = self._types.get((ref.api_version, ref.kind))
        resource = found.plural if found else ref.kind
        return api_error(text, Asked(verb=verb, ref=ref, resource=resource, host=self._host))
