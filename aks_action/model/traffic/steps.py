"""Steps that move traffic, or wait until it has moved. Each is one write, or no write at all.

All are data; `str` says each for a person who reads the plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aks_action.model.documents import get_in
from aks_action.model.manifests import Document, ObjectRef
from aks_action.model.traffic.weights import Split

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A JSON merge patch (RFC 7386) of one live object; one that holds already changes nothing."""

    ref: ObjectRef
    body: Document
    why: str

    def __str__(self) -> str:
        return f"{self.ref}  ({self.why})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reroute:
    """Divide the traffic of a live route that is not among the manifests.

    The route is read, changed by `weights.rerouted`, and written with its resourceVersion, again
    when somebody else was faster. A route that is gone needs nothing.
    """

    ref: ObjectRef
    splits: tuple[Split, ...]

    def __str__(self) -> str:
        return f"{self.ref}  ({'; '.join(str(split) for split in self.splits)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitPods:
    """Wait until a pod with these labels is Ready: a Service that selects them has endpoints.

    going: instead until each is gone or told to end, after which none becomes an endpoint. What
           deletes the pods of a workload that was deleted works behind it.
    """

    namespace: str
    labels: Labels
    why: str
    going: bool = False

    def __str__(self) -> str:
        if self.going:
            return f"until pods with {_said(self.labels)} are gone or told to end  ({self.why})"
        return f"until pods with {_said(self.labels)} are ready  ({self.why})"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitEndpoints:
    """Wait for what a Service's EndpointSlices list.

    ready: at least one ready endpoint's pod has all of these labels; empty: nothing is demanded.
    only:  every endpoint's pod, ready or not, has all of these; empty: nothing is demanded.
    none:  no endpoint's pod has all of these; empty: nothing is demanded.
    """

    service: ObjectRef
    ready: Labels = field(default_factory=dict)
    only: Labels = field(default_factory=dict)
    none: Labels = field(default_factory=dict)

    def __str__(self) -> str:
        demands = [f"has a ready pod with {_said(self.ready)}"] if self.ready else []
        demands += [f"has only pods with {_said(self.only)}"] if self.only else []
        demands += [f"has no pod with {_said(self.none)}"] if self.none else []
        return f"until {self.service} {', '.join(demands)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitAccepted:
    """Wait until every parent of a route reports Accepted and ResolvedRefs for its generation."""

    ref: ObjectRef

    def __str__(self) -> str:
        return f"until {self.ref} is accepted by all of its gateways"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Let time pass, shown as progress; a cancel ends it at once."""

    seconds: float
    why: str

    def __str__(self) -> str:
        return f"{self.seconds:g} s  ({self.why})"


TrafficStep = Patch | Reroute | WaitPods | WaitEndpoints | WaitAccepted | Pause


def holds(body: Document, live: Document) -> bool:
    """Whether a merge patch would change nothing: nulls are absent, all other values are there."""
    for key, value in body.items():
        if isinstance(value, Mapping):
            inner = live.get(key)
            if not isinstance(inner, Mapping) or not holds(value, inner):
                return False
        elif get_in(live, (key,)) != value:
            return False
    return True


def _said(labels: Labels) -> str:
    return ", ".join(f"{key}={value}" for key, value in labels.items())
