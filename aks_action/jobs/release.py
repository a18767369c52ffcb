"""One release in one run: what it goes back to, what it prunes, and what is remembered of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property

from aks_action.clients.ports import Cluster
from aks_action.errors import ActionError
from aks_action.jobs.leftovers import Leftovers
from aks_action.jobs.manifests import with_login
from aks_action.jobs.remembering import Remembering
from aks_action.model.manifests import Document, Manifest, ManifestSet, ObjectRef
from aks_action.model.observed import Observed
from aks_action.model.plan import Plan, Stage
from aks_action.model.records import Objects, Record, apply_sets, naming, objects_of, pruning
from aks_action.model.records.formers import Former, formers, identity
from aks_action.model.records.making import stamp_of
from aks_action.model.records.scope import Limits, left_elsewhere, refused
from aks_action.model.records.selection import chosen, refuse_begun_otherwise, told
from aks_action.model.resources import defined_by, index
from aks_action.model.settings import Action, Settings
from aks_action.model.strategy_settings import Strategy, StrategyAction
from aks_action.model.volumes.kept_sizes import as_large
from aks_action.model.volumes.mounts import is_only_more
from aks_action.runtime.records import store as record_store
from aks_action.runtime.records.keeping import Keeper


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
        self._history = record_store.read(cluster, wanted.name, namespace, wanted.keys)
        self._limits = Limits(
            scope=wanted.scope,
            namespace=namespace,
            types=cluster.types(),
            signed=bool(wanted.keys),
        )
        self._target = self._chosen() if self._action is StrategyAction.ROLLBACK else None
        self._digests = self._target.images if self._target else digests
        found = formers(self._history, cluster.types())
        had = tuple(each for each in found if self._may_hold(each.ref))
        self._elsewhere = tuple(each for each in found if not self._may_hold(each.ref))
        self._memory = self._remembering(had)
        self._leftovers = self._leaving_over(had)
        self._grown: tuple[ObjectRef, ...] = ()
        self._manifests: ManifestSet = ()

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
        types = {**index(defined_by(found)), **self._limits.types}
        if beyond := tuple(replace(self._limits, types=types).beyond(found)):
            raise refused(beyond, self._target, signed=self._limits.signed)
        self._tell(f"{len(found)} objects from {self._target} of release {self._target.release}")
        return with_login(found, self._settings)

    def applied(self, manifests: ManifestSet, observed: Observed) -> ManifestSet:
        """The manifests as they are applied: with the label of its members, if a release prunes.

        What has grown since the record that a rollback goes back to stays as large as it is.
        """
        if self._target:
            kept = tuple(_as_large(each, observed) for each in manifests)
            pairs = zip(kept, manifests, strict=True)
            self._grown = tuple(new.ref for new, old in pairs if new is not old)
            manifests = kept
        if not self._prunes:
            return manifests
        return tuple(apply_sets.part_of(each, self._parent) for each in manifests)

    def _may_hold(self, ref: ObjectRef) -> bool:
        """Whether an object is looked for because a record names it: it may be pruned."""
        named = ref.kind in self._settings.deploy.release.prune_kinds
        return self._limits.place(ref) is None or (named and not ref.namespace)

    def _chosen(self) -> Record:
        deploy = self._settings.deploy
        refuse_begun_otherwise(self._history, deploy.strategy.strategy)
        return chosen(self._history, deploy.release.to, self._settings.run.run_id)

    # What is planned

    @property
    def besides(self) -> ManifestSet:
        """The objects that the release had, where it matters whether they are there."""
        return self._leftovers.besides

    @property
    def going(self) -> frozenset[ObjectRef]:
        """What is going to be pruned."""
        return self._leftovers.found.refs

    def look(self, plan: Plan, placed: ManifestSet, observed: Observed) -> None:
        """Find what the plan leaves over of what the release had.

        placed: the manifests as they are recorded: with their namespaces, without labels of ours.
        """
        self._manifests = placed
        self._leftovers.look(placed, self._refs(plan), observed)

    def planned(self, plan: Plan) -> Plan:
        """The plan with what is pruned at its end, and what is to be told."""
        found = self._leftovers.found
        before = told(self._history, self._target) if self._target else ()
        grown = (f"{each} keeps its size: volumes do not shrink." for each in self._grown)
        return replace(
            plan,
            stages=(*plan.stages, *found.stages),
            notes=(*before, *plan.notes, *grown, *found.notes, *self._not_looked_for(plan)),
        )

    def _not_looked_for(self, plan: Plan) -> tuple[str, ...]:
        """What would be pruned if it were there, and if a record might name it."""
        if not (self._prunes and self._memory.completes):
            return ()
        kept = {identity(ref) for ref in self._refs(plan)}
        gone = [
            each.ref for each in self._elsewhere if each.recent and identity(each.ref) not in kept
        ]
        return tuple(left_elsewhere(gone, self._limits)) if self._manifests else ()

    def _refs(self, plan: Plan) -> frozenset[ObjectRef]:
        """What belongs to the release from now on: also what a strategy makes of the manifests."""
        applied = (each for each in plan.applies if not is_only_more(each.manifest.document))
        found = [*(each.ref for each in self._manifests), *(each.ref for each in applied)]
        if self._target:
            found += [each.ref for each in self._target.members if self._may_hold(each.ref)]
        return frozenset(ref for ref in found if ref.name)

    # What is remembered

    def places(self, plan: Plan) -> tuple[str, ...]:
        """Where something is remembered of a run with this plan: one namespace, or none."""
        if self._action is StrategyAction.REJECT:
            writes = self._history.unfinished is not None
        else:
            writes = self._memory.writes(plan, self._objects)
        return (self._parent.namespace,) if writes else ()

    def begin(self, plan: Plan) -> None:
        """Before the first write. Raises ActionError."""
        if self._action is not StrategyAction.REJECT:
            self._memory.begin(plan, self._objects, self._refs(plan))

    def failed(self, error: ActionError) -> None:
        self._memory.failed(error)

    def finish(self, plan: Plan, live: Mapping[ObjectRef, Document]) -> None:
        """When everything is healthy and pruned. live: the objects as they are now.

        Raises ActionError.
        """
        if self._action is StrategyAction.REJECT:
            self._memory.rejected()
        else:
            self._memory.finish(self._objects, self._refs(plan), live)

    def tidying(self) -> tuple[Stage, ...]:
        """What is deleted when everything is healthy."""
        return self._leftovers.tidying(self._cluster, self._manifests, self._tell)

    @cached_property
    def _objects(self) -> Objects:
        login = self._settings.deploy.pull_secret
        return objects_of(self._manifests, self._digests, login=login)

    def _remembering(self, had: Iterable[Former]) -> Remembering:
        history, prunes, target = self._history, self._prunes, self._target
        settings, strategy = self._settings, self._settings.deploy.strategy.strategy
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        ends = self._action in (StrategyAction.PROMOTE, StrategyAction.ROLLBACK)
        return Remembering(
            keeper=Keeper(
                self._cluster,
                history,
                prune=prunes,
                keys=settings.deploy.release.keys,
                tell=self._tell,
            ),
            history=history,
            stamp=stamp_of(settings.run, settings.version, now, target),
            strategy=str(strategy),
            target=target,
            prunes=prunes,
            completes=ends or strategy is Strategy.BASIC,
            had=frozenset(each.ref for each in had),
        )

    def _leaving_over(self, had: tuple[Former, ...]) -> Leftovers:
        rules = pruning.Rules(
            kinds=self._settings.deploy.release.prune_kinds,
            parent=self._parent,
            now=f"not in {self._target}" if self._target else pruning.NO_LONGER,
        )
        return Leftovers(
            had=had,
            rules=rules if self._prunes else None,
            target=self._target,
            completes=self._memory.completes,
        )


def _as_large(manifest: Manifest, observed: Observed) -> Manifest:
    live = observed.live.get(manifest.ref)
    document = as_large(manifest.document, live) if live else manifest.document
    return manifest if document is manifest.document else manifest.with_document(document)
