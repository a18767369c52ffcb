"""The hooks of one deploy: told from the other manifests, checked with them, put into the plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from aks_action.errors import ManifestError, Problem, raise_all
from aks_action.model.hooks import Hook, Phase, phases, sorted_out, why_left_out
from aks_action.model.manifests import ManifestSet
from aks_action.model.observed import Observed
from aks_action.model.plan import Plan
from aks_action.model.strategy_settings import StrategySettings


class Hooks:
    """What one deploy does about its hooks; nothing where the manifests have none.

    force:   a Job of an earlier run that still runs may be stopped.
    nowhere: where no pod can be looked at (`private clusters`); empty where one can.
    """

    def __init__(self, strategy: StrategySettings, *, force: bool, nowhere: str) -> None:
        self._phases = phases(strategy)
        self._force = force
        self._nowhere = nowhere
        self._hooks: tuple[Hook, ...] = ()
        self._notes: tuple[str, ...] = ()

    def applied(self, manifests: ManifestSet) -> ManifestSet:
        """The manifests without the hooks for another occasion, such as Helm's tests.

        Raises ManifestError for hooks that cannot be run.
        """
        found = sorted_out(manifests)
        if self._nowhere:
            problem = f"Hooks are not there for {self._nowhere} yet. Leave this Job out."
            sources = [each.manifest.source for each in found.hooks]
            raise_all(ManifestError, [Problem(message=problem, source=each) for each in sources])
        self._notes = tuple(map(why_left_out, found.left_out))
        left_out = {id(each) for each in found.left_out}
        return tuple(each for each in manifests if id(each) not in left_out)

    def besides(self, manifests: ManifestSet) -> ManifestSet:
        """The manifests, as they are to be applied, without the hooks."""
        found = sorted_out(manifests)
        self._hooks = tuple(each for each in found.hooks if each.phase in self._phases)
        later = (each for each in found.hooks if each.phase is Phase.POST_DEPLOY)
        if self._phases == {Phase.PRE_DEPLOY}:
            self._notes += tuple(
                f"{each.ref} (post-deploy hook) runs with promote." for each in later
            )
        return found.manifests

    def planned(
        self,
        plan: Plan,
        observed: Observed,
        check: Callable[[Plan], Plan],
        finish: Callable[[Plan], Plan],
    ) -> Plan:
        """The plan, checked and finished, with its hooks, which are checked with it.

        finish: what else becomes of a checked plan; it must not know of hooks.
        """
        plan = replace(plan, notes=(*plan.notes, *self._notes))
        if not self._hooks:
            return finish(check(plan))
        from aks_action.model.hooks import stages as hook_stages  # noqa: PLC0415 - most deploys have none
        from aks_action.model.hooks.jobs import HookJob  # noqa: PLC0415

        jobs = [
            HookJob(hook=each, live=observed.live.get(each.ref), force=self._force)
            for each in self._hooks
        ]
        found = hook_stages.checked(check(hook_stages.to_be_checked(plan, jobs)), jobs)
        return hook_stages.with_hooks(finish(found.plan), jobs, found.applies, observed.live)
