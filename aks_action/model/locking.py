"""The lock of a deploy: a Lease in the namespace that says which run holds it.

https://kubernetes.io/docs/concepts/architecture/leases/ . A holder renews it; one that died does
not, and is taken over. Whether it died is seen, not read: the times in a lease are of another
clock, and of whoever may write Leases. What a holder knows of it is one resourceVersion, with
which it writes: whoever was faster, everybody else's write is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aks_action.model.applying.effects import written_by
from aks_action.model.documents import get_in
from aks_action.model.manifests import Document, ObjectRef
from aks_action.model.plan import Change, Plan
from aks_action.model.timestamps import parse_time

LEASE_SECONDS = 15
"""How long a lease holds that is not renewed."""

_LONGEST_SECONDS = 60
"""What a lease may claim for itself: this action's claim the above, others could claim 68 years."""
_LONGEST_WORDS = 200
_NAME = "aks-action"
_RUN = "aks-action/run"
_ACTOR = "aks-action/actor"
_SKEW = timedelta(seconds=60)
"""Clocks of two runners may differ by this much before one's times seem old to the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds a lease. identity: unique for each process. run: a link, or words."""

    identity: str
    run: str
    actor: str = ""


def lease_ref(namespace: str, release: str = "") -> ObjectRef:
    """The Lease of a namespace, or of one release in it: two releases are kept apart by name."""
    name = f"{_NAME}.{release}" if release else _NAME
    return ObjectRef(
        api_version="coordination.k8s.io/v1", kind="Lease", name=name, namespace=namespace
    )


def lease(ref: ObjectRef, holder: Holder, now: datetime) -> Document:
    """The Lease as its first holder creates it."""
    return {
        "apiVersion": ref.api_version,
        "kind": ref.kind,
        "metadata": {
            "name": ref.name,
            "namespace": ref.namespace,
            "annotations": _annotations(holder),
        },
        "spec": _spec(holder, now),
    }


def takeover(found: Document, holder: Holder, now: datetime) -> Document:
    """A merge patch that makes it another's, if it is still as it was found."""
    metadata = {"resourceVersion": version_of(found), "annotations": _annotations(holder)}
    return {"metadata": metadata, "spec": _spec(holder, now)}


def renewal(version: str, now: datetime) -> Document:
    """A merge patch that renews it, if nobody else wrote it since `version`."""
    return {"metadata": {"resourceVersion": version}, "spec": {"renewTime": _time(now)}}


def holder_of(found: Document) -> str:
    """The identity of its holder; empty when it is free."""
    return str(get_in(found, ("spec", "holderIdentity")) or "")


def version_of(found: Document) -> str:
    return str(get_in(found, ("metadata", "resourceVersion"), ""))


def seconds_of(found: Document) -> float:
    """For how long it holds without being renewed; its own claim, within bounds."""
    claimed = get_in(found, ("spec", "leaseDurationSeconds"))
    if not isinstance(claimed, int) or isinstance(claimed, bool) or claimed <= 0:
        return LEASE_SECONDS
    return min(claimed, _LONGEST_SECONDS)


def seems_over(found: Document, now: datetime) -> bool:
    """Whether it holds no longer by the times in it, which prove nothing: it is worth a look."""
    renewed = parse_time(get_in(found, ("spec", "renewTime")))
    return renewed is None or now - renewed > timedelta(seconds=seconds_of(found)) + _SKEW


def who(found: Document) -> str:
    """Its holder for people: the run, who started it, and since when."""
    since = parse_time(get_in(found, ("spec", "acquireTime")))
    actor = f" ({actor})" if (actor := _words(found, _ACTOR)) else ""
    run = _words(found, _RUN) or _line(holder_of(found)) or "a run without a name"
    return f"{run}{actor}" + (f", since {since:%H:%M:%S} UTC" if since else "")


def _words(found: Document, annotation: str) -> str:
    return _line(str(get_in(found, ("metadata", "annotations", annotation)) or ""))


def _line(words: str) -> str:
    return " ".join(words[:_LONGEST_WORDS].split())


def namespaces(
    plan: Plan, live: Mapping[ObjectRef, Document], besides: Iterable[str] = ()
) -> tuple[str, ...]:
    """Where a checked plan writes, in the order in which every run takes its locks.

    Without those that it creates: nobody can hold a lock in them yet.
    besides: where else the run writes.
    """
    created = {
        each.ref.name
        for each in plan.applies
        if each.ref.kind == "Namespace"
        and each.assessment is not None
        and each.assessment.change is Change.CREATED
    }
    written = {step.ref.namespace for step in written_by(plan, live)}
    return tuple(sorted({*written, *besides} - created - {""}))


def _annotations(holder: Holder) -> dict[str, str | None]:
    return {_RUN: holder.run, _ACTOR: holder.actor}


def _spec(holder: Holder, now: datetime) -> dict[str, Any]:
    return {
        "holderIdentity": holder.identity,
        "leaseDurationSeconds": LEASE_SECONDS,
        "acquireTime": _time(now),
        "renewTime": _time(now),
    }


def _time(when: datetime) -> str:
    """Kubernetes' MicroTime, which has six digits always."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
