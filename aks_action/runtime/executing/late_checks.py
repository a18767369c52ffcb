"""Late checks: of applies that can be checked only when it is their stage's turn.

Their kind or namespace comes in the same run, or they belong to an undo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aks_action.errors import ActionError, ApplyError, ManifestError
from aks_action.model.manifests import Document, ObjectRef
from aks_action.model.plan import Apply
from aks_action.runtime import checking
from aks_action.runtime.executing.journal import Journal
from aks_action.runtime.executing.surroundings import Surroundings
from aks_action.runtime.executing.writing import Writer, assessment_of

_DISCOVERY = 10.0
"""Seconds in which the API server publishes a kind after its definition was established."""
_NEW_SCHEMA = 3.0
"""Seconds in which it serves the new schema of a definition that was changed."""
_PAUSE = 0.2


def is_checked(apply: Apply) -> bool:
    """Whether it was checked for good; applies of an undo are only if it comes to that."""
    return apply.assessment is not None and apply.assessment.checked


@dataclass(frozen=True, slots=True, kw_only=True)
class LateChecks:
    """Checks what is left to check of one stage after the other.

    live:   the objects by identity, with what the run has written so far; filled further.
    before: those that were there when the run began.
    """

    surroundings: Surroundings
    rules: checking.ApplyRules
    journal: Journal
    writer: Writer
    live: dict[ObjectRef, Document]
    before: frozenset[ObjectRef]

    def checked(self, applies: Sequence[Apply]) -> list[Apply]:
        """The applies with the assessments that could not be made before this stage.

        Raises ManifestError or ApplyError with every refusal.
        """
        late = [apply for apply in applies if not is_checked(apply)]
        if not late:
            return list(applies)
        self._await_kinds({(apply.ref.api_version, apply.ref.kind) for apply in late})
        rechecked = iter(self._rechecked(late))
        return [apply if is_checked(apply) else next(rechecked) for apply in applies]

    def _await_kinds(self, kinds: set[tuple[str, str]]) -> None:
        """Discovery lags behind a definition that is established by up to some seconds."""
        cluster, clock = self.surroundings.cluster, self.surroundings.clock
        until = min(clock.now() + _DISCOVERY, self.surroundings.limit.until)
        missing = kinds - cluster.types().keys()
        while missing and clock.now() < until:
            missing = kinds - cluster.types(refresh=True).keys()
            if missing:
                clock.sleep(_PAUSE)

    def _rechecked(self, late: Sequence[Apply]) -> list[Apply]:
        """Objects of a definition that this run changed get some time for its new schema."""
        cluster, clock = self.surroundings.cluster, self.surroundings.clock
        of_definition = any((a.ref.group, a.ref.kind) in self.writer.defined for a in late)
        until = clock.now() + (_NEW_SCHEMA if of_definition else 0.0)
        created = {
            ref.name for ref in self.live if ref.kind == "Namespace" and ref not in self.before
        }
        while True:
            try:
                return checking.recheck(late, cluster, self.rules, self.live, created)
            except (ManifestError, ApplyError) as error:
                if clock.now() >= until:
                    self._note_refused(late, error)
                    raise
            clock.sleep(_PAUSE)

    def _note_refused(self, late: Sequence[Apply], error: ActionError) -> None:
        """What only the late check could refuse has failed, for the report as well."""
        told = {problem.source: problem.message for problem in error.problems}
        for apply in late:
            source = apply.manifest.source
            if message := told.get(source):
                entry = self.journal.begin(apply.ref, source, assessment_of(apply).change)
                self.journal.end(entry, error=message)
