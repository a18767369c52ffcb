"""One release in one run: what it goes back to, what it prunes, and what is remembered of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property

from aks_action.clients.ports import Cluster
from aks_action.errors import ActionError, ApiError, Conflict, Source
from aks_action.jobs.manifests import with_login
from aks_action.jobs.remembering import Remembering
from aks_action.model.manifests import Document, Manifest, ManifestSet, ObjectRef
from aks_action.model.observed import Observed
from aks_action.model.plan import Delete, Plan, Stage
from aks_action.model.records import Objects, Record, apply_sets, naming, objects_of, pruning
from aks_action.model.records.formers import Former, formers
from aks_action.model.records.making import stamp_of
from aks_action.model.records.selection import chosen, told
from aks_action.model.settings import Action, Settings
from aks_action.model.strategy_settings import Strategy, StrategyAction
from aks_action.model.volumes.kept_sizes import as_large
from aks_action.model.volumes.mounts import is_only_more
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
        self._target = self._chosen() if self._action is StrategyAction.ROLLBACK else None
        self._digests = self._target.images if self._target else digests
        self._had = formers(self._history, cluster.types())
        self._memory = self._remembering()
        self._pruning = pruning.Pruning()
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
        looks = self._memory.completes and (self._prunes or self._target)
        return tuple(map(_placeholder, self._had)) if looks else ()

    @property
    def going(self) -> frozenset[ObjectRef]:
        """What is going to be pruned."""
        return self._pruning.refs

    def look(self, plan: Plan, placed: ManifestSet, observed: Observed) -> None:
        """Find what the plan leaves over of what the release had.

        placed: the manifests as they are recorded: with their namespaces, without labels of ours.
        """
        self._manifests = placed
        if not self._memory.completes:
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
        grown = (f"{each} keeps its size: volumes do not shrink." for each in self._grown)
        return replace(
            plan,
            stages=(*plan.stages, *self._pruning.stages),
            notes=(*before, *plan.notes, *grown, *self._pruning.notes),
        )

    def _refs(self, plan: Plan) -> frozenset[ObjectRef]:
        """What belongs to the release from now on: also what a strategy makes of the manifests."""
        applied = (each for each in plan.applies if not is_only_more(each.manifest.document))
        found = [*(each.ref for each in self._manifests), *(each.ref for each in applied)]
        if self._target:
            found += [each.ref for each in self._target.members]
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

    @cached_property
    def _objects(self) -> Objects:
        login = self._settings.deploy.pull_secret
        return objects_of(self._manifests, self._digests, login=login)

    def _remembering(self) -> Remembering:
        history, prunes, target = self._history, self._prunes, self._target
        settings, strategy = self._settings, self._settings.deploy.strategy.strategy
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        ends = self._action in (StrategyAction.PROMOTE, StrategyAction.ROLLBACK)
        return Remembering(
            keeper=Keeper(self._cluster, history, prune=prunes, tell=self._tell),
            history=history,
            stamp=stamp_of(settings.run, settings.version, now, target),
            strategy=str(strategy),
            target=target,
            prunes=prunes,
            completes=ends or strategy is Strategy.BASIC,
            had=frozenset(each.ref for each in self._had),
        )


def _as_large(manifest: Manifest, observed: Observed) -> Manifest:
    live = observed.live.get(manifest.ref)
    document = as_large(manifest.document, live) if live else manifest.document
    return manifest if document is manifest.document else manifest.with_document(document)


def _placeholder(former: Former) -> Manifest:
    """What is enough to look an object up."""
    ref = former.ref
    metadata = {"name": ref.name, **({"namespace": ref.namespace} if ref.namespace else {})}
    document = {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": metadata}
    return Manifest(document=document, source=Source(file=former.of))
