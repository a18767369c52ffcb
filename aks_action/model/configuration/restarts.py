"""A plan that also restarts the workloads that read a changed ConfigMap or Secret."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from aks_action.model.configuration.changes import PENDING_PATH, ChangedConfig
from aks_action.model.configuration.restart_search import (
    RESTARTED_AT_PATH,
    Reader,
    RestartRules,
    readers,
)
from aks_action.model.documents import set_in
from aks_action.model.manifests import Document, ObjectRef
from aks_action.model.plan import Apply, Plan, Restart, Stage, Step, Wait
from aks_action.model.traffic.steps import Patch


def with_restarts(
    plan: Plan,
    changed: Iterable[ChangedConfig],
    live: Iterable[Document],
    rules: RestartRules,
) -> Plan:
    """The plan, with the restart of all readers after everything is applied, and waited for.

    live: the workloads and pods of the namespaces of `changed`.
    What reads the new content and cannot, or must not, be restarted is in the plan's notes.
    """
    found = readers(plan, changed, live, rules)
    unhealthy = (
        f"{each.ref} is restarted but not waited for: it is not healthy now."
        for each in found.to_restart
        if each.manifest is None
    )
    plan = replace(plan, notes=(*plan.notes, *found.notes, *unhealthy))
    return _restarting(plan, found.to_restart) if found.to_restart else plan


def _restarting(plan: Plan, found: Sequence[Reader]) -> Plan:
    """The stages of the restarts before the last wait, or with a wait of their own at the end."""
    pending = {each.ref: each for reader in found for each in reader.configs}
    stages = [_marked(stage, pending) for stage in plan.stages]
    last = stages.pop() if stages and _only_waits(stages[-1]) else None
    stages += [
        Stage(name="Restart readers", steps=tuple(map(_restart, found))),
        Stage(name="Restarts are under way", steps=tuple(map(_cleared, pending))),
        _waiting(last, found),
    ]
    restarts = (
        Restart(ref=each.ref, because=tuple(config.ref for config in each.configs))
        for each in found
    )
    return replace(plan, stages=tuple(stages), restarts=tuple(restarts))


def _only_waits(stage: Stage) -> bool:
    return len(stage.steps) == 1 and isinstance(stage.steps[0], Wait)


def _waiting(last: Stage | None, found: Iterable[Reader]) -> Stage:
    """The last wait of the plan, if it has one, that waits for what restarts as well."""
    if last is None:
        last = Stage(name="Wait until healthy again", steps=())
    waited = last.steps[0].manifests if last.steps and isinstance(last.steps[0], Wait) else ()
    known = {each.ref for each in waited}
    more = (each.manifest for each in found if each.manifest and each.ref not in known)
    return replace(last, steps=(Wait(manifests=(*waited, *more)),))


def _marked(stage: Stage, pending: Mapping[ObjectRef, ChangedConfig]) -> Stage:
    """The stage, whose new content says that its readers are still to be restarted."""

    def marked(step: Step) -> Step:
        if not isinstance(step, Apply) or step.ref not in pending:
            return step
        manifest = step.manifest
        document = set_in(manifest.document, PENDING_PATH, pending[step.ref].since)
        return replace(step, manifest=manifest.with_document(document))

    return replace(stage, steps=tuple(map(marked, stage.steps)))


def _restart(reader: Reader) -> Patch:
    body = set_in({}, RESTARTED_AT_PATH, reader.since)
    return Patch(ref=reader.ref, body=body, why=f"restart: {reader.reason}")


def _cleared(ref: ObjectRef) -> Patch:
    body = set_in({}, PENDING_PATH, None)
    return Patch(ref=ref, body=body, why="its readers are being restarted")
