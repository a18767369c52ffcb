"""What the health rules take and give: related objects in, a verdict with its causes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any

from aks_action.model.documents import get_in
from aks_action.model.manifests import Document, ObjectRef, ref_of
from aks_action.model.timestamps import parse_time
from aks_action.model.volumes.mounts import Mounted

SKEW = timedelta(seconds=5)
"""Clocks of the runner and the cluster may differ by this much (krane allows the same)."""


class HealthStatus(StrEnum):
    READY = "ready"
    PROGRESSING = "progressing"
    FAILED = "failed"


class Gravity(IntEnum):
    """What a trouble means for the pods that share a template.

    HINT:     told at once, but it may heal by itself; it fails only with the deadline.
    POD:      this pod cannot start; others of the same template may.
    TEMPLATE: no pod of this template can ever start.
    """

    HINT = 0
    POD = 1
    TEMPLATE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One cause that keeps an object from becoming healthy.

    culprit:   the object that has it: a Pod, a ReplicaSet, or the target itself.
    code:      Kubernetes' own reason, `ImagePullBackOff`, `Unschedulable`, …
    message:   a sentence without subject and stop: `container web: image x cannot be pulled: …`.
    advice:    a sentence that says what to do; may be empty.
    container: the container it is about; empty for none.
    crashed:   the container's previous run has the log that matters.
    """

    culprit: ObjectRef
    code: str
    message: str
    advice: str = ""
    gravity: Gravity = Gravity.HINT
    container: str = ""
    crashed: bool = False

    @property
    def sentence(self) -> str:
        """Who has it, what it is, and Kubernetes' word for it, by which it can be looked up."""
        return f"{self.culprit}: {self.message} ({self.code})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The verdict on one object.

    message:  a sentence fragment, `2 of 3 replicas are available`.
    troubles: the causes known so far, gravest first; also of an object that is not failed.
    """

    status: HealthStatus
    message: str
    troubles: tuple[Trouble, ...] = ()

    @property
    def is_ready(self) -> bool:
        return self.status is HealthStatus.READY

    @property
    def is_failed(self) -> bool:
        return self.status is HealthStatus.FAILED

    @property
    def culprit(self) -> ObjectRef | None:
        return self.troubles[0].culprit if self.troubles else None

    @property
    def advice(self) -> str:
        return self.troubles[0].advice if self.troubles else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Related:
    """What else is known about an object.

    replica_sets:    ReplicaSets that it controls.
    pods:            Pods that it, or one of those ReplicaSets, controls.
    users:           Pods that name a claim; None while they are not known.
    events:          core/v1 Events about any of these. Hints: whoever may create Events says in
                     them what he likes, so they explain, and no verdict hangs on one.
    storage_classes: StorageClasses by name; None where they could not be listed.
    since:           when this run began to write; older crashes and conditions prove nothing
                     about it. None: everything counts.
    autoscaled:      something may add nodes to the cluster; True where that is not known.
    absent:          what volumes of these pods take from ConfigMaps and Secrets and is not there,
                     as somebody has looked who saw the hint of an event.
    may_appear:      something in the same deploy may create Secrets and ConfigMaps later
                     (an ExternalSecret, a SealedSecret, a Certificate, …).
    """

    replica_sets: tuple[Document, ...] = ()
    pods: tuple[Document, ...] = ()
    users: tuple[Document, ...] | None = None
    events: tuple[Document, ...] = ()
    storage_classes: Mapping[str, Document] | None = field(default=None)
    since: datetime | None = None
    autoscaled: bool = True
    may_appear: bool = False
    absent: frozenset[Mounted] = frozenset()

    def events_of(self, document: Document) -> tuple[Document, ...]:
        """The events about one of the objects, matched by uid."""
        uid = uid_of(document)
        return tuple(each for each in self.events if get_in(each, ("involvedObject", "uid")) == uid)

    def is_recent(self, timestamp: Any) -> bool:
        """Whether an RFC 3339 timestamp lies in this run; an absent one is taken to."""
        when = parse_time(timestamp)
        return self.since is None or when is None or when >= self.since - SKEW


def ready(message: str, *troubles: Trouble) -> Health:
    return Health(status=HealthStatus.READY, message=message, troubles=troubles)


def progressing(message: str, *troubles: Trouble) -> Health:
    return Health(status=HealthStatus.PROGRESSING, message=message, troubles=_gravest(troubles))


def failed(message: str, *troubles: Trouble) -> Health:
    return Health(status=HealthStatus.FAILED, message=message, troubles=_gravest(troubles))


def _gravest(troubles: tuple[Trouble, ...]) -> tuple[Trouble, ...]:
    return tuple(sorted(troubles, key=lambda each: -each.gravity))


def condition(document: Document, kind: str) -> Document:
    """The condition of a type in `status.conditions`; empty when there is none."""
    return condition_in(get_in(document, ("status", "conditions")), kind)


def condition_in(conditions: Any, kind: str) -> Document:
    """The condition of a type in a list of conditions; empty when there is none."""
    for each in conditions if isinstance(conditions, list | tuple) else ():
        if isinstance(each, Mapping) and each.get("type") == kind:
            return each
    return {}


def count(document: Document, *path: str, default: int = 0) -> int:
    """The number at `path`; `default` where there is none."""
    value = get_in(document, path)
    return value if isinstance(value, int) else default


def text(document: Any, *path: str) -> str:
    """The text at `path`; empty where there is none."""
    value = get_in(document, path)
    return "" if value is None else str(value)


def said(document: Any, *path: str) -> str:
    """The words of the cluster at `path`, on one line; who tells them puts the full stop."""
    return " ".join(text(document, *path).split()).rstrip(".")


def uid_of(document: Document) -> str:
    return text(document, "metadata", "uid")


def controller_of(document: Document) -> str:
    """The uid of the controller that owns an object; empty when nobody does."""
    for owner in get_in(document, ("metadata", "ownerReferences")) or ():
        if owner.get("controller"):
            return str(owner.get("uid", ""))
    return ""


def named(document: Document, api_version: str, kind: str) -> ObjectRef:
    """The identity of an object whose kind is known, also when its list left the kind out."""
    ref = ref_of(document)
    return ObjectRef(api_version=api_version, kind=kind, name=ref.name, namespace=ref.namespace)


def plural(number: int, noun: str) -> str:
    """`1 replica`, `2 replicas`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
