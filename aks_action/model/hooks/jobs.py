"""A hook and its Job in the cluster: whether it has run, runs still, or has to run."""

from __future__ import annotations

from dataclasses import dataclass

from aks_action.model.configuration.content_hash import hash_of
from aks_action.model.documents import get_in, set_in, without
from aks_action.model.health.jobs import has_ended, is_complete
from aks_action.model.hooks import Hook
from aks_action.model.manifests import Document, Manifest, ObjectRef

CONTENT = "aks-action/hook-content"
"""On a hook's Job: the hash of what it was made from, as a Job that is there cannot change."""

_CONTENT_PATH = ("metadata", "annotations", CONTENT)
_NAME_PATH = ("metadata", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class HookJob:
    """A hook, and the Job of its name as it was observed. force: a running one may be stopped."""

    hook: Hook
    live: Document | None = None
    force: bool = False

    @property
    def ref(self) -> ObjectRef:
        return self.hook.ref

    @property
    def is_settled(self) -> bool:
        """Whether this very Job has succeeded before, as far as can be told."""
        if self.live is None:
            return not self.hook.is_kept
        return is_complete(self.live) and self._is_same

    @property
    def is_joined(self) -> bool:
        """Whether this very Job still runs, of a run that was cut off: its end counts here, too."""
        return self._is_running and self._is_same and not self.force

    @property
    def has_to_end(self) -> bool:
        """Whether another Job of its name still runs, beside which it must not run."""
        return self._is_running and not self._is_same and not self.force

    @property
    def manifest(self) -> Manifest:
        """What is applied, marked by its content."""
        manifest = self.hook.manifest
        return manifest.with_document(set_in(manifest.document, _CONTENT_PATH, self._content))

    @property
    def to_check(self) -> Manifest:
        """What the server can check by a dry-run, beside a Job that is there already."""
        if self.live is None:
            return self.manifest
        nameless = without(self.manifest.document, _NAME_PATH)
        path = ("metadata", "generateName")
        return self.manifest.with_document(set_in(nameless, path, f"{self.ref.name}-"))

    def as_checked(self, checked: Manifest) -> Manifest:
        """What came back from the check of `to_check`, under its own name."""
        document = without(checked.document, ("metadata", "generateName"))
        return checked.with_document(set_in(document, _NAME_PATH, self.ref.name))

    @property
    def _content(self) -> str:
        return hash_of(self.hook.manifest.document.get("spec"))

    @property
    def _is_same(self) -> bool:
        return bool(get_in(self.live, _CONTENT_PATH) == self._content)

    @property
    def _is_running(self) -> bool:
        if self.live is None or get_in(self.live, ("spec", "suspend")):
            return False
        return not (has_ended(self.live) or get_in(self.live, ("metadata", "deletionTimestamp")))
