"""Which ConfigMaps and Secrets get new content in a run, so that their readers have to hear of it.

Known when the server's dry-run has told what really changes. Between the new content and the
restarts a run may be cut off, and the next one finds the content unchanged; so the new content
carries an annotation until its readers are restarting.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from aks_action.model.configuration.marks import is_version
from aks_action.model.configuration.readers import content, is_configuration, is_content
from aks_action.model.documents import get_in
from aks_action.model.manifests import Document, Manifest, ObjectRef
from aks_action.model.observed import Observed
from aks_action.model.plan import Apply, Change, Plan
from aks_action.model.timestamps import parse_time

PENDING = "aks-action/restart-pending"
"""On a ConfigMap or Secret whose readers are still to be restarted; its value is since when."""

PENDING_PATH = ("metadata", "annotations", PENDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedConfig:
    """A ConfigMap or Secret whose content changes in this run, or did in one that was cut off.

    created: it is not there yet.     since: RFC 3339; a reader restarted later has the content.
    """

    manifest: Manifest
    since: str
    created: bool = False

    @property
    def when(self) -> datetime:
        return datetime.fromisoformat(self.since)

    @property
    def ref(self) -> ObjectRef:
        return self.manifest.ref


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
        created = ChangedConfig(manifest=manifest, since=now, created=True)
        return created if assessment.checked else None
    if assessment.change is Change.RECREATED or not assessment.fields:
        is_new = content(live) != content(manifest.document)
    else:
        is_new = any(is_content(field.path) for field in assessment.fields)
    if is_new:
        return ChangedConfig(manifest=manifest, since=now)
    pending = get_in(live, PENDING_PATH)
    return ChangedConfig(manifest=manifest, since=pending) if parse_time(pending) else None


def namespaces(changed: Iterable[ChangedConfig]) -> tuple[str, ...]:
    """Where readers may be, each once."""
    return tuple(sorted({each.ref.namespace for each in changed}))
