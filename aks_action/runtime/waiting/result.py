"""How a wait ended, target by target."""

from __future__ import annotations

from dataclasses import dataclass, field

from aks_action.errors import ActionError, ApplyError, Problem, RolloutFailed, RolloutTimeout
from aks_action.model.health import Health, Related
from aks_action.model.manifests import Document, Manifest
from aks_action.runtime.container_logs import Log


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """How the wait for one target ended.

    seconds: until it was healthy, or until the wait ended.
    related: its ReplicaSets, Pods and Events as last seen, for a diagnosis.
    seen:    the target as last seen; None where it was not.
    logs:    of a Job's crashed pods, which the Job controller deletes when it gives up.
    """

    manifest: Manifest
    health: Health
    seconds: float
    related: Related = field(default_factory=Related)
    seen: Document | None = None
    logs: tuple[Log, ...] = ()

    @property
    def sentence(self) -> str:
        """The target and its verdict; a verdict may name the target already."""
        ref = self.manifest.ref
        return f"{ref}: {self.health.message.removeprefix(f'{ref}: ')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitResult:
    """Every target in the given order; the wait succeeded when all of them are ready.

    lost: why, in the end, it could not be seen how those that are pending are; else empty.
    """

    targets: tuple[Waited, ...]
    lost: str = ""

    @property
    def failed(self) -> tuple[Waited, ...]:
        """Targets that can never become healthy."""
        return tuple(each for each in self.targets if each.health.is_failed)

    @property
    def pending(self) -> tuple[Waited, ...]:
        """Targets that were neither healthy nor failed when the wait ended."""
        return tuple(
            each for each in self.targets if not (each.health.is_ready or each.health.is_failed)
        )

    @property
    def error(self) -> ActionError | None:
        """What to raise: RolloutFailed (exit 7), RolloutTimeout (8), ApplyError (6) where it is not
        known, or None when all are ready.
        """
        if self.lost and self.pending and not self.failed:
            unknown = [
                Problem(
                    message=f"{each.manifest.ref}: whether it is healthy is not known. When it was "
                    f"seen last: {each.health.message}.",
                    source=each.manifest.source,
                )
                for each in self.pending
            ]
            return ApplyError(*unknown, self.lost)
        guilty = self.failed or self.pending
        kind = RolloutFailed if self.failed else RolloutTimeout
        problems = [Problem(message=each.sentence, source=each.manifest.source) for each in guilty]
        return kind(*problems) if problems else None
