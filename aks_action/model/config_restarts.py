"""Restarting the workloads that read a changed ConfigMap or Secret.

Decided when the server's dry-run has told what really changes. Between the new content and the
restarts a run may be cut off, and the next one finds the content unchanged; so the new content
carries an annotation until its readers are restarting.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from aks_action.model.config_marks import is_version
from aks_action.model.config_readers import content, is_configuration, is_content, reads
from aks_action.model.diff import asked_changes
from aks_action.model.documents import get_in, set_in
from aks_action.model.health import Related, assess
from aks_action.model.manifests import Document, Manifest, ObjectRef, ref_of
from aks_action.model.observed import Observed
from aks_action.model.plan import Apply, Change, Delete, Plan, Restart, Stage, Wait
from aks_action.model.restart_obstacles import RESTARTABLE, Bystander, bystanders, obstacle
from aks_action.model.traffic_steps import Patch

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
"""What `kubectl rollout restart` writes into a pod template, too."""

PENDING = "aks-action/restart-pending"
"""On a ConfigMap or Secret whose readers are still to be restarted; its value is since when."""

_RESTARTED_AT_PATH = ("spec", "template", "metadata", "annotations", RESTARTED_AT)
_PENDING_PATH = ("metadata", "annotations", PENDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedConfig:
    """A ConfigMap or Secret whose content changes in this run, or did in one that was cut off.

    created: it is not there yet.     since: RFC 3339; a reader restarted later has the content.
    """

    manifest: Manifest
    since: str
    created: bool = False

    @property
    def ref(self) -> ObjectRef:
        return self.manifest.ref


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartRules:
    """What may be restarted.

    foreign:  also what belongs to somebody else.
    strategy: `canary` or `blue-green`, whose stable keeps what it has; empty for `basic`.
    """

    foreign: bool = False
    strategy: str = ""


def changed_configuration(plan: Plan, observed: Observed, now: str) -> tuple[ChangedConfig, ...]:
    """The ConfigMaps and Secrets of a checked plan whose readers have to hear of it.

    now: RFC 3339. Versions do not count: each has one content for ever. Nor does what comes into
    a namespace that comes in the same run, where nobody can have read it.
    """
    found: dict[ObjectRef, ChangedConfig] = {}
    for apply in plan.applies:
        if is_configuration(apply.manifest.document) and not is_version(apply.manifest.document):
            changed = _changed(apply, observed.live.get(apply.ref), now)
            if changed is not None and apply.ref.name:
                found.setdefault(apply.ref, changed)
    return tuple(found.values())


def _changed(apply: Apply, live: Document | None, now: str) -> ChangedConfig | None:
    assessment, manifest = apply.assessment, apply.manifest
    if assessment is None or assessment.change is Change.UNCHANGED:
        return None
    if live is None:
        return (
            ChangedConfig(manifest=manifest, since=now, created=True)
            if (assessment.checked)
            else None
        )
    if assessment.change is Change.RECREATED or not assessment.fields:
        is_new = content(live) != content(manifest.document)
    else:
        is_new = any(is_content(field.path) for field in assessment.fields)
    if is_new:
        return ChangedConfig(manifest=manifest, since=now)
    pending = get_in(live, _PENDING_PATH)
    return ChangedConfig(manifest=manifest, since=pending) if _time(pending) else None


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
    search = _Search(plan, tuple(changed), rules)
    restarts: list[_Found] = []
    notes: list[str] = []
    for document in live:
        configs = search.read_by(document)
        if not configs:
            continue
        if document.get("kind") not in RESTARTABLE:
            notes += [_told(each, configs) for each in bystanders(document)]
        elif search.has_news(document, configs):
            reason = search.obstacle(document)
            found = _Found(document=document, configs=configs, manifest=search.manifest(document))
            if reason:
                notes.append(_told(Bystander(who=str(ref_of(document)), reason=reason), configs))
            else:
                restarts.append(found)
    plan = replace(plan, notes=(*plan.notes, *dict.fromkeys(notes)))
    return _restarting(plan, restarts) if restarts else plan


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A workload to restart; `manifest` is what to wait for."""

    document: Document
    configs: tuple[ChangedConfig, ...]
    manifest: Manifest | None

    @property
    def ref(self) -> ObjectRef:
        return ref_of(self.document)

    @property
    def at(self) -> str:
        return max((each.since for each in self.configs), key=_time_of)


class _Search:
    """Which live workloads have to be restarted, given what the plan does to them anyway."""

    def __init__(self, plan: Plan, changed: tuple[ChangedConfig, ...], rules: RestartRules) -> None:
        self._changed = {each.ref: each for each in changed}
        self._applies = {each.ref: each for each in plan.applies}
        self._deleted = {each.ref for each in plan.steps if isinstance(each, Delete)}
        self._rules = rules

    def read_by(self, document: Document) -> tuple[ChangedConfig, ...]:
        """The changed configuration that a live object reads, and whose news matter to it."""
        return tuple(
            self._changed[ref]
            for ref, optional in reads(document).items()
            if ref in self._changed and not (optional and self._changed[ref].created)
        )

    def has_news(self, document: Document, configs: tuple[ChangedConfig, ...]) -> bool:
        """Whether pods run on that will not be replaced in this run anyway."""
        ref = ref_of(document)
        going = get_in(document, ("metadata", "deletionTimestamp")) or ref in self._deleted
        pods = get_in(document, ("spec", "replicas")) != 0
        restarted = _time(get_in(document, _RESTARTED_AT_PATH))
        news = restarted is None or any(_time_of(each.since) > restarted for each in configs)
        return bool(not going and pods and news and not self._replaces_pods(document))

    def _replaces_pods(self, document: Document) -> bool:
        apply = self._applies.get(ref_of(document))
        if apply is None or apply.assessment is None:
            return False
        if apply.assessment.change in (Change.CREATED, Change.RECREATED):
            return True
        fields = apply.assessment.fields
        if not apply.assessment.checked and not fields:
            fields = asked_changes(document, apply.manifest.document)
        return any(f"{each.path}.".startswith("spec.template.") for each in fields)

    def obstacle(self, document: Document) -> str:
        ours = ref_of(document) in self._applies
        return obstacle(
            document,
            foreign_is_fine=ours or self._rules.foreign,
            strategy=self._rules.strategy,
            ours=ours,
        )

    def manifest(self, document: Document) -> Manifest | None:
        """What to wait for: somebody else's workload only if it is healthy now.

        Its place in the files is that of the configuration, which is why it restarts.
        """
        apply = self._applies.get(ref_of(document))
        if apply is not None:
            return apply.manifest
        if not assess(document, Related()).is_ready:
            return None
        return Manifest(document=document, source=self.read_by(document)[0].manifest.source)


def _restarting(plan: Plan, restarts: list[_Found]) -> Plan:
    """The stages of the restarts before the last wait, or with a wait of their own at the end."""
    pending = {each.ref: each for found in restarts for each in found.configs}
    stages = [_marked(stage, pending) for stage in plan.stages]
    last = stages.pop() if stages and _only_waits(stages[-1]) else None
    waited = last.steps[0].manifests if last and isinstance(last.steps[0], Wait) else ()
    known = {each.ref for each in waited}
    more = (each.manifest for each in restarts if each.manifest and each.ref not in known)
    stages += [
        Stage(name="Restart readers", steps=tuple(_patch(each) for each in restarts)),
        Stage(name="Restarts are under way", steps=tuple(map(_cleared, pending))),
        Stage(
            name=last.name if last else "Wait until healthy again",
            steps=(Wait(manifests=(*waited, *more)),),
            undo=last.undo if last else None,
        ),
    ]
    unhealthy = tuple(
        f"{each.ref} is restarted but not waited for: it is not healthy now."
        for each in restarts
        if each.manifest is None
    )
    return replace(
        plan,
        stages=tuple(stages),
        notes=(*plan.notes, *unhealthy),
        restarts=tuple(
            Restart(ref=each.ref, because=tuple(config.ref for config in each.configs))
            for each in restarts
        ),
    )


def _only_waits(stage: Stage) -> bool:
    return len(stage.steps) == 1 and isinstance(stage.steps[0], Wait)


def _marked(stage: Stage, pending: Mapping[ObjectRef, ChangedConfig]) -> Stage:
    """The stage, whose new content says that its readers are still to be restarted."""
    return replace(
        stage,
        steps=tuple(
            replace(step, manifest=_with_mark(step.manifest, pending[step.ref].since))
            if isinstance(step, Apply) and step.ref in pending
            else step
            for step in stage.steps
        ),
    )


def _with_mark(manifest: Manifest, since: str) -> Manifest:
    return manifest.with_document(set_in(manifest.document, _PENDING_PATH, since))


def _patch(found: _Found) -> Patch:
    return Patch(ref=found.ref, body=set_in({}, _RESTARTED_AT_PATH, found.at), why=_why(found))


def _cleared(ref: ObjectRef) -> Patch:
    return Patch(
        ref=ref, body=set_in({}, _PENDING_PATH, None), why="its readers are being restarted"
    )


def _why(found: _Found) -> str:
    return f"restart: it reads {_names(found.configs)}"


def _told(each: Bystander, configs: Iterable[ChangedConfig]) -> str:
    return f"{each.who} reads {_names(configs)} and is not restarted: {each.reason}."


def _names(configs: Iterable[ChangedConfig]) -> str:
    return ", ".join(sorted(str(each.ref) for each in configs))


def _time(text: object) -> datetime | None:
    """A time with its zone; None for what is none, such as somebody's own text."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def _time_of(text: str) -> datetime:
    found = _time(text)
    if found is None:
        raise ValueError(f"{text!r} is no time with a zone")
    return found


def namespaces(changed: Iterable[ChangedConfig]) -> Iterator[str]:
    """Where readers may be, each once."""
    yield from sorted({each.ref.namespace for each in changed})
