"""The requests by which the executor does a step, for a cluster that has to know them before."""

from __future__ import annotations

from collections.abc import Mapping

from aks_action.clients.clock import TimeLimit
from aks_action.clients.ports import Clock, Cluster
from aks_action.errors import ApplyError
from aks_action.model.health import RULES
from aks_action.model.manifests import Document, ObjectRef
from aks_action.model.plan import Apply, Change, Delete, Stage, Step, Wait
from aks_action.model.pod_specs import is_built_in
from aks_action.model.traffic.steps import (
    Patch,
    Pause,
    Reroute,
    WaitAccepted,
    WaitEndpoints,
    WaitPods,
)
from aks_action.runtime import checking
from aks_action.runtime.executing import traffic
from aks_action.runtime.executing.journal import Journal
from aks_action.runtime.executing.late_checks import is_checked
from aks_action.runtime.executing.writing import Writer, assessment_of
from aks_action.runtime.waiting import traffic as traffic_waits
from aks_action.runtime.waiting.watched_collections import collections_for

Live = Mapping[ObjectRef, Document]
"""The objects as the run knows them."""


def check(
    stage: Stage, cluster: Cluster, live: Live, rules: checking.ApplyRules
) -> tuple[Step, ...]:
    """Check what could not be checked before; the steps as the executor carries them out then."""
    late = [each for each in stage.steps if isinstance(each, Apply) and not is_checked(each)]
    rechecked = iter(checking.recheck(late, cluster, rules, dict(live), ()))
    return tuple(
        next(rechecked) if isinstance(step, Apply) and not is_checked(step) else step
        for step in stage.steps
    )


def write(step: Step, cluster: Cluster, live: Live, clock: Clock) -> None:
    """Carry out a step that writes; any other step makes no request."""
    match step:
        case Apply() if assessment_of(step).change is Change.UNCHANGED:
            return
        case Apply() | Delete(if_failed=False):
            journal = Journal(clock.now)
            entry = journal.begin(step.ref, None, Change.CONFIGURED)
            Writer(cluster, TimeLimit(clock, 0), journal, dict(live)).write(step, entry)
        case Patch() | Reroute():
            traffic.carry_out(step, _at_once(cluster, clock))
        case (
            Wait(may_fail=False, logs=False)
            | WaitPods()
            | WaitEndpoints()
            | WaitAccepted()
            | Pause()
        ):
            pass
        case _:
            raise ApplyError(f"What {step} does is not known before.")


def look(stage: Stage, cluster: Cluster) -> None:
    """Read once what the waits of a stage read again and again."""
    judged = [
        each
        for step in stage.steps
        if isinstance(step, Wait)
        for each in step.manifests
        if each.ref.group_kind in RULES or not is_built_in(each.ref.group)
    ]
    moved = [
        step for step in stage.steps if isinstance(step, WaitPods | WaitEndpoints | WaitAccepted)
    ]
    for each in collections_for(judged) | traffic_waits.collections_of(moved):
        cluster.list(
            each.api_version,
            each.kind,
            namespace=each.namespace,
            field_selector=each.field_selector,
        )
    if any(each.ref.group_kind == "PersistentVolumeClaim" for each in judged):
        cluster.list("storage.k8s.io/v1", "StorageClass")


def _at_once(cluster: Cluster, clock: Clock) -> traffic.Traffic:
    return traffic.Traffic(cluster=cluster, limit=TimeLimit(clock, 0), tell=lambda _: None)
