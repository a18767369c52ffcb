"""Until when a wait goes on: to its deadline, or until a failure has lasted for long enough."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from aks_action.model.health import Health
from aks_action.model.health.failing import seconds_to_heal


@dataclass(slots=True, kw_only=True)
class Patience:
    """When a wait is over. Every time is one of the same clock.

    healed_by: when what has failed has to be healed; None while nothing has failed.
    """

    deadline: float
    healed_by: float | None = None

    @property
    def until(self) -> float:
        """When to look next whether it is over."""
        return self.deadline if self.healed_by is None else self.healed_by

    def is_over(self, failed: Collection[Health], now: float) -> bool:
        """Whether it is, where `failed` is all that has failed by now: what heals was none."""
        if not failed:
            self.healed_by = None
        else:
            healed_by = now + min(map(seconds_to_heal, failed))
            self.healed_by = min(healed_by, self.healed_by or healed_by)
        return now >= min(self.deadline, self.until)
