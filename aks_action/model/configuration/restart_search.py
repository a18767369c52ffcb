"""Which live workloads go on with old configuration, unless they are restarted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aks_action.model.applying.diff import asked_changes
from aks_action.model.configuration.changes import ChangedConfig
from aks_action.model.configuration.readers import reads
from aks_action.model.configuration.restart_obstacles import (
    RESTARTABLE,
    Bystander,
    bystanders,
    obstacle,
)
from aks_action.model.documents import get_in
from aks_action.model.health import Related, assess
from aks_action.model.manifests import Document, Manifest, ObjectRef, ref_of
from aks_action.model.plan import Change, Delete, Plan
from aks_action.model.timestamps import parse_time

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
"""What `kubectl rollout restart` writes into a pod template, too."""

RESTARTED_AT_PATH = ("spec", "template", "metadata", "annotations", RESTARTED_AT)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartRules:
    """What may be restarted.

    foreign:  also what belongs to somebody else.
    strategy: `canary` or `blue-green`, whose stable keeps what it has; empty for `basic`.
    """

    foreign: bool = False
    strategy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A workload to restart.

    manifest: what to wait for; None for somebody else's that is not healthy now.
    """

    ref: ObjectRef
    configs: tuple[ChangedConfig, ...]
    manifest: Manifest | None

    @property
    def since(self) -> str:
        """When the last of its configuration changed, RFC 3339."""
        return max(self.configs, key=lambda each: each.when).since

    @property
    def reason(self) -> str:
        return f"it reads {names(self.configs)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """The workloads to restart, and sentences about what reads the new content and is not."""

    to_restart: tuple[Reader, ...]
    notes: tuple[str, ...]


def readers(
    plan: Plan, changed: Iterable[ChangedConfig], live: Iterable[Document], rules: RestartRules
) -> Readers:
    """Who reads changed configuration, given what a checked plan does to them anyway.

    live: the workloads and pods of the namespaces of `changed`.
    """
    search = _Search(plan, changed, rules)
    found: list[Reader] = []
    notes: list[str] = []
    for document in live:
        configs = search.read_by(document)
        if not configs:
            continue
        if document.get("kind") not in RESTARTABLE:
            notes += [_told(each, configs) for each in bystanders(document)]
        elif search.has_news(document, configs):
            ref = ref_of(document)
            if reason := search.obstacle(document):
                notes.append(_told(Bystander(who=str(ref), reason=reason), configs))
            else:
                manifest = search.manifest(document, configs)
                found.append(Reader(ref=ref, configs=configs, manifest=manifest))
    return Readers(to_restart=tuple(found), notes=tuple(dict.fromkeys(notes)))


def names(configs: Iterable[ChangedConfig]) -> str:
    return ", ".join(sorted(str(each.ref) for each in configs))


class _Search:
    """What is asked about each live object."""

    def __init__(self, plan: Plan, changed: Iterable[ChangedConfig], rules: RestartRules) -> None:
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
        return bool(
            not going
            and pods
            and not _restarted_since(document, configs)
            and not self._replaces_pods(document)
        )

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

    def manifest(self, document: Document, configs: tuple[ChangedConfig, ...]) -> Manifest | None:
        """What to wait for: somebody else's workload only if it is healthy now.

        Its place in the files is that of the configuration, which is why it restarts.
        """
        apply = self._applies.get(ref_of(document))
        if apply is not None:
            return apply.manifest
        if not assess(document, Related()).is_ready:
            return None
        return Manifest(document=document, source=configs[0].manifest.source)


def _restarted_since(document: Document, configs: Iterable[ChangedConfig]) -> bool:
    restarted = parse_time(get_in(document, RESTARTED_AT_PATH))
    return restarted is not None and all(each.when <= restarted for each in configs)


def _told(each: Bystander, configs: Iterable[ChangedConfig]) -> str:
    return f"{each.who} reads {names(configs)} and is not restarted: {each.reason}."
