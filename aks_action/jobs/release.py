"""One release in one run: what it goes back to, what it prunes, and what is remembered of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property

from aks_action.clients.ports import Cluster
from aks_action.errors import ActionError, ApiError, Conflict, Source
from aks_action.jobs.manifests import with_login
from aks_action.model import apply_sets, pruning
from aks_action.model.formers import Former, formers
from aks_action.model.manifests import Document, Manifest, ManifestSet, ObjectRef
from aks_action.model.observed import Observed
from aks_action.model.plan import Apply, Change, Delete, Plan, Stage, Wait
from aks_action.model.records import Objects, Record, Stamp, naming, objects_of
from aks_action.model.records.making import (
    attempt_of,
    is_news,
    members_of,
    record_of,
    stamp_of,
)
from aks_action.model.records.selection import chosen, told
from aks_action.model.settings import Action, Settings
from aks_action.model.strategy_settings import Strategy, StrategyAction
from aks_action.runtime import neighbours, record_store
from aks_action.runtime.record_keeping import Keeper


class Release:
    """A release with its history, from before the plan until its record is written.

    digests: image → digest, as far as this run knows them.
    Raises ActionError where the history cannot be read, or not gone back in.
    """

    def __init__(
        self,
        action: Action,
        settings: Settings,
        cluster: Cluster,
        digests: Mapping[str, str],
        tell: Callable[[str], None],
    ) -> None:
        wanted = settings.deploy.release
        self._settings = settings
        self._cluster = cluster
        self._tell = tell
        self._action = action.of_strategy
        self._prunes = wanted.prune
        namespace = settings.deploy.namespace or cluster.namespace
        self._parent = naming.release_ref(wanted.name, namespace)
        self._history = record_store.read(cluster, wanted.name, namespace)
        self._keeper = Keeper(cluster, self._history, prune=wanted.prune, tell=tell)
        self._target = self._chosen() if self._action is StrategyAction.ROLLBACK else None
        self._digests = self._target.images if self._target else digests
        self._had = formers(self._history, cluster.types())
        self._pruning = pruning.Pruning()
        self._manifests: ManifestSet = ()
        self._is_begun = False

    # What is deployed

    @property
    def version(self) -> str:
        """The version that is deployed."""
        return self._target.stamp.version if self._target else self._settings.version

    def manifests(self, read: ManifestSet) -> ManifestSet:
        """What is deployed: what was read, or what the record has that is gone back to."""
        if self._target is None:
            return read
        found = record_store.objects(self._cluster, self._history, self._target)
        self._tell(f"{len(found)} objects from {self._target} of release {self._target.release}")
        return with_login(found, self._settings)

    def _chosen(self) -> Record:
        lost, deploy = self._history.unfinished, self._settings.deploy
        if lost and lost.strategy not in (Strategy.BASIC, deploy.strategy.strategy):
            raise Conflict(
                f"{lost.stamp.version} was begun with strategy {lost.strategy}, and neither "
                "promoted nor rejected. Nothing was changed. Reject it first, or give the "
                f"rollback `strategy: {lost.strategy}` and what goes with it."
            )
        return chosen(self._history, deploy.release.to, self._settings.run.run_id)

    # What is planned

    @property
    def besides(self) -> ManifestSet:
        """The objects that the release had, where it matters whether they are there."""
        looks = self._completes and (self._prunes or self._target)
        return tuple(map(_placeholder, self._had)) if looks else ()

    @property
    def going(self) -> frozenset[ObjectRef]:
        """What is going to be pruned."""
        return self._pruning.refs

    def labelled(self, manifests: ManifestSet) -> ManifestSet:
        """The manifests with the label of the release's members, if it prunes."""
        if not self._prunes:
            return manifests
        return tuple(apply_sets.part_of(each, self._parent) for each in manifests)

    def look(self, plan: Plan, placed: ManifestSet, observed: Observed) -> None:
        """Find what the plan leaves over of what the release had.

        placed: the manifests as they are recorded: with their namespaces, without labels of ours.
        """
        self._manifests = placed
        if not self._completes:
            return
        kept, live = self._refs(plan), observed.live
        if self._prunes:
            rules = pruning.Rules(
                kinds=self._settings.deploy.release.prune_kinds,
                parent=self._parent,
                now=f"not in {self._target}" if self._target else pruning.NO_LONGER,
            )
            self._pruning = pruning.pruning(self._had, placed, kept, live, rules)
        elif self._target:
            self._pruning = pruning.left_in_place(self._had, placed, kept, live, str(self._target))

    def planned(self, plan: Plan) -> Plan:
        """The plan with what is pruned at its end, and what is to be told."""
        before = told(self._history, self._target) if self._target else ()
        return replace(
            plan,
            stages=(*plan.stages, *self._pruning.stages),
            notes=(*before, *plan.notes, *self._pruning.notes),
        )

    def _refs(self, plan: Plan) -> frozenset[ObjectRef]:
        """What belongs to the release from now on: also what a strategy makes of the manifests."""
        found = [each.ref for each in self._manifests] + [each.ref for each in plan.applies]
        if self._target:
            found += [each.ref for each in self._target.members]
        return frozenset(ref for ref in found if ref.name)

    # What is remembered

    @cached_property
    def _objects(self) -> Objects:
        login = self._settings.deploy.pull_secret
        return objects_of(self._manifests, self._digests, login=login)

    @cached_property
    def _stamp(self) -> Stamp:
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        return stamp_of(self._settings.run, self._settings.version, now, self._target)

    @property
    def _completes(self) -> bool:
        """Whether the release is the new version when this run is at its end."""
        basic = self._settings.deploy.strategy.strategy is Strategy.BASIC
        return basic or self._action in (StrategyAction.PROMOTE, StrategyAction.ROLLBACK)

    def begin(self, plan: Plan) -> None:
        """Before the first write: what is begun, unless nothing is to be written at all."""
        if self._action is StrategyAction.REJECT:
            return
        news = self._completes and is_news(self._history, self._stamp, self._objects)
        if not (news or any(map(_writes, plan.steps))):
            return
        self._is_begun = True
        refs, newest = self._refs(plan), self._history.newest
        known = {each.ref for each in newest.members} if newest else set()
        parts = len(self._objects.parts) if self._completes else 0
        strategy = str(self._settings.deploy.strategy.strategy)
        try:
            self._keeper.begin(
                attempt_of(self._history, self._stamp, strategy, target=self._target, parts=parts),
                touched=sorted({*self._history.adrift, *(refs - known if self._prunes else ())}),
                members={*refs, *(each.ref for each in self._had)},
            )
        except ApiError as error:
            # A namespace that comes with the first deploy has nothing to be remembered of before.
            if not (error.status == 404 and _brings(plan, self._parent.namespace)):
                raise

    def failed(self, error: ActionError) -> None:
        """Remember why what was begun has failed."""
        if self._is_begun:
            self._keeper.failed(error)

    def tidying(self) -> tuple[Stage, ...]:
        """What removes the versions of configuration that the release has no longer.

        To be asked when everything is healthy. Who may not look removes nothing.
        """
        if not self._pruning.versions:
            return ()
        try:
            unused = neighbours.unused(self._cluster, self._pruning.versions, self._manifests)
        except ApiError as error:
            self._tell(f"No version of former configuration is pruned: {error}")
            return ()
        why = f"{pruning.NO_LONGER}, and nothing names it"
        steps = tuple(Delete(ref=each, why=why) for each in unused)
        return (Stage(name="Prune old versions", steps=steps),) if steps else ()

    def finish(self, plan: Plan, live: Mapping[ObjectRef, Document]) -> None:
        """When everything is healthy and pruned: the record, if anything is new.

        live: the objects as they are now. Raises ActionError.
        """
        if self._action is StrategyAction.REJECT and self._history.unfinished:
            self._keeper.take_back()
        if not self._completes:
            return
        members = members_of(self._refs(plan), live)
        if self._is_begun:
            record = record_of(
                self._history,
                self._stamp,
                self._objects,
                members,
                target=self._target,
                pruned=self._prunes,
            )
            self._keeper.write(record, self._objects.parts)
        if self._prunes:
            there = (each.ref for each in self._had if each.ref in live)
            self._keeper.settle({*(each.ref for each in members), *there})


def _placeholder(former: Former) -> Manifest:
    """What is enough to look an object up."""
    ref = former.ref
    metadata = {"name": ref.name, **({"namespace": ref.namespace} if ref.namespace else {})}
    document = {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": metadata}
    return Manifest(document=document, source=Source(file=former.of))


def _writes(step: object) -> bool:
    if isinstance(step, Apply):
        return step.assessment is None or step.assessment.change is not Change.UNCHANGED
    return not isinstance(step, Wait)


def _brings(plan: Plan, namespace: str) -> bool:
    return any(each.ref.kind == "Namespace" and each.ref.name == namespace for each in plan.applies)
