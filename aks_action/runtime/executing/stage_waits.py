"""The waits of a stage: one after the other, but those for traffic together at its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from aks_action.model.manifests import Document, ObjectRef
from aks_action.model.plan import Step, Wait
from aks_action.model.traffic.steps import Pause
from aks_action.runtime import waiting
from aks_action.runtime.executing import traffic
from aks_action.runtime.executing.journal import Journal
from aks_action.runtime.executing.surroundings import Surroundings
from aks_action.runtime.executing.writing import Writer
from aks_action.runtime.waiting.result import WaitResult
from aks_action.runtime.waiting.traffic import TrafficWait


@dataclass(frozen=True, slots=True, kw_only=True)
class StageWaits:
    """Carries out the waits of one stage after the other.

    live: the objects by identity; filled further with what the waits have seen.
    """

    surroundings: Surroundings
    journal: Journal
    writer: Writer
    live: dict[ObjectRef, Document]

    def carry_out(self, steps: Sequence[Step]) -> None:
        """Those of the steps that wait.

        Raises RolloutFailed or RolloutTimeout for what is not healthy, or does not come true.
        """
        around = self.surroundings.traffic
        for step in steps:
            if isinstance(step, Wait):
                self._wait(step)
            elif isinstance(step, Pause):
                traffic.carry_out(step, around)
        traffic.carry_out_waits([each for each in steps if isinstance(each, TrafficWait)], around)

    def _wait(self, step: Wait) -> None:
        around = self.surroundings
        wait = partial(
            waiting.wait,
            around.cluster,
            self.writer.named(step.manifests),
            live=self.live,
            deadline=around.limit.until,
            clock=around.clock,
            since=around.since,
            steady=step.steady,
        )
        listener = waiting.Listener(tell=around.tell, warn=around.warn)
        result = self._followed(wait, listener) if step.logs else wait(listener=listener)
        self.journal.waited(result)
        self.live.update({each.manifest.ref: each.seen for each in result.targets if each.seen})
        if (error := result.error) is not None and not (step.may_fail and result.failed):
            raise type(error)(*error.problems, step.advice) if step.advice else error

    def _followed(self, wait: Callable[..., WaitResult], listener: waiting.Listener) -> WaitResult:
        from aks_action.runtime.following import LogFollower  # noqa: PLC0415 - hooks alone need it

        around = self.surroundings
        with LogFollower(around.cluster, around.clock, around.tell) as follower:
            result = wait(listener=replace(listener, see=follower.see))
            if not result.pending:
                follower.drain(each.manifest for each in result.targets)
            return result
