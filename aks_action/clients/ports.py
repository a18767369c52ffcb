"""The ports: what the action needs of other systems, as its own words.

Production code in this package implements them; unit tests hand in fakes. One contract suite
(`tests/contract`) runs against both, so that a fake cannot drift from the real thing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from aks_action.model.manifests import Document, ManifestSet, ObjectRef
from aks_action.model.plan import Stage, Step
from aks_action.model.resources import ResourceTypes


class Clock(Protocol):
    """Monotonic seconds, and a way to let them pass."""

    def now(self) -> float: ...
    def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The answer to a LIST; every item carries its apiVersion and kind."""

    items: tuple[Document, ...]
    resource_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchEvent:
    """One line of a WATCH. BOOKMARK carries only a resourceVersion."""

    type: Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]
    object: Document


Propagation = Literal["Background", "Foreground", "Orphan"]


class Cluster(Protocol):
    """A Kubernetes API server. Safe to use from several threads.

    Every method raises `ApiError` for an answer that is an error, `AuthError` when the server
    does not know who asks, `ApplyError` when it cannot be reached. Refs carry their namespace.
    """

    @property
    def host(self) -> str:
        """The server's URL, for messages."""

    @property
    def namespace(self) -> str:
        """The namespace of the kubeconfig's context; `default` when it names none."""

    def types(self, *, refresh: bool = False) -> ResourceTypes:
        """What is served, asked once; `refresh` asks again (after a CRD was established)."""

    def get(self, ref: ObjectRef) -> Document | None:
        """The live object, or None when there is none."""

    def list(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
    ) -> Listing:
        """All objects of a kind, in one namespace or (empty) in all of them; paged inside."""

    def apply(self, document: Document, *, dry_run: bool = False) -> Document:
        """Server-side apply: our field manager, forced, strict field validation.

        Returns the object as the server has (or, for a dry run, would have) it.
        """

    def create(self, document: Document, *, dry_run: bool = False) -> Document:
        """Create an object that only has a generateName, or one that must not be there yet.

        One of its name that is there is an `ApiError` of status 409.
        """

    def set_field_owners(
        self, ref: ObjectRef, managed_fields: Sequence[Document], *, resource_version: str
    ) -> None:
        """Replace `metadata.managedFields`, if the object is still at `resource_version`."""

    def patch(self, ref: ObjectRef, body: Document) -> Document:
        """JSON merge patch (RFC 7386) of one object; returns it."""

    def delete(
        self,
        ref: ObjectRef,
        *,
        uid: str = "",
        resource_version: str = "",
        propagation: Propagation = "Background",
    ) -> bool:
        """Ask for deletion; an object that is gone (or another uid's) is fine.

        With a resource_version one that was written since is an `ApiError` of status 409.
        Returns whether nothing of that name is there any more. False says less: it may be going,
        be gone, or be another uid's.
        """

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
        """Changes after `resource_version` until the server ends it (`timeout_seconds`).

        It also ends, without an error, when the connection breaks: watch again from the version
        that was seen last.

        Leaving the context closes the connection, from any thread. An outdated resourceVersion
        raises `ApiError` with status 410.
        """

    def logs(
        self, ref: ObjectRef, *, container: str, previous: bool = False, tail_lines: int = 25
    ) -> str:
        """The last lines of a container's log; empty when there is none."""

    def follow_log(
        self, ref: ObjectRef, *, container: str, since: str = ""
    ) -> AbstractContextManager[Iterator[str]]:
        """Lines of a container that was started, each as `time text`, as it writes them.

        since: a time of such a line; those before its second are left out.
        It ends when the container does, and also, without an error, when the connection breaks or
        is silent for long. Leaving the context closes the connection, from any thread.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a run is about to do, for a cluster that does many things at once.

    stages:   in order; the first one begins now.
    live:     the objects as the run knows them.   types: their kinds, and those that it defines.
    deadline: a value of the cluster's `clock`; ends every wait.
    check:    makes the requests that check what a stage could not be checked for before, of any
              cluster; the steps as they are to be carried out then.
    write:    makes the requests that carry out a step.
    look:     makes the requests by which a stage's steps are waited for.
    finish:   makes the requests that come last, when something was written and all is well.
    """

    stages: tuple[Stage, ...]
    live: Mapping[ObjectRef, Document]
    types: ResourceTypes
    deadline: float
    check: Callable[[Stage, Cluster], Sequence[Step]]
    write: Callable[[Step, Cluster], None]
    look: Callable[[Stage, Cluster], None]
    finish: Callable[[Cluster], object]


@runtime_checkable
class BatchedCluster(Cluster, Protocol):
    """A cluster to which each request is dear: many are made at once.

    `prepare` once; then decide and `flush` until that answers False; then carry out, with a
    `begin` before each stage: the requests of its steps are answered by what came of it.
    """

    @property
    def clock(self) -> Clock:
        """Time as far as it passes for the cluster."""

    def prepare(self, manifests: ManifestSet) -> None:
        """Expect a deploy of these manifests. Nothing is asked yet."""

    def flush(self) -> bool:
        """Ask what has no answer yet; whether there was anything, and so to decide again."""

    def begin(self, batch: Batch) -> None:
        """Expect the requests of a batch's first stage, then those of its others."""
