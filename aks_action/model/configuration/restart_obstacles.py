"""Why something that reads a changed ConfigMap or Secret is told, and not restarted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aks_action.model.configuration.readers import controller, identity, owner_words
from aks_action.model.documents import get_in
from aks_action.model.manifests import Document
from aks_action.model.variants import COLOUR_LABEL, VERSION_LABEL

RESTARTABLE = ("Deployment", "StatefulSet", "DaemonSet")
"""What `kubectl rollout restart` restarts: workloads that replace their pods when told to."""

_ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bystander:
    """What reads changed configuration and goes on with the old; the reason ends no sentence."""

    who: str
    reason: str


def obstacle(document: Document, *, foreign_is_fine: bool, strategy: str, ours: bool) -> str:
    """Why a Deployment, StatefulSet or DaemonSet is not restarted; empty where it can be.

    strategy: see `restart_search.RestartRules`.    ours: it is among the manifests.
    """
    owner = owner_words(document)
    if strategy and (ours or _is_copy(document)):
        return (
            f"it takes part in a {strategy} and keeps what it has until `promote` replaces its "
            "pods. With `config-changes: version` each version has a configuration of its own"
        )
    if owner and not foreign_is_fine:
        return f"it belongs to {owner}. `restart-foreign: true` restarts such workloads too"
    if get_in(document, ("spec", "updateStrategy", "type")) == "OnDelete":
        return "its updateStrategy is OnDelete. Delete its pods one by one"
    if get_in(document, ("spec", "paused")) is True:
        return "its rollout is paused. Resume it, and restart it then"
    return ""


def bystanders(pod: Document) -> Iterator[Bystander]:
    """A pod that no restart of a workload replaces, under the name of what made it."""
    if get_in(pod, ("status", "phase")) in _ENDED:
        return
    owner = controller(pod)
    kind = owner["kind"] if owner else ""
    labels = get_in(pod, ("metadata", "labels")) or {}
    if kind in RESTARTABLE or (kind == "ReplicaSet" and "pod-template-hash" in labels):
        return
    yield Bystander(who=identity(pod), reason=_reason(kind))


def _reason(kind: str) -> str:
    if not kind:
        return "nothing would make a bare Pod again. Delete it and deploy again"
    if kind == "Job":
        return "a Job runs to its end with what it began with"
    if kind in ("ReplicaSet", "ReplicationController"):
        return f"a {kind} does not replace its pods. Delete them one by one"
    return f"how a {kind} restarts its pods is its own affair"


def _is_copy(document: Document) -> bool:
    labels = get_in(document, ("metadata", "labels")) or {}
    return VERSION_LABEL in labels or COLOUR_LABEL in labels
