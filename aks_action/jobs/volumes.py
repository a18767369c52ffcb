"""Volumes in a deploy: what a run that was cut off has left to do first, claims that are made anew,
and StatefulSets whose volumes grow. Without any of these it costs no request.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from aks_action.clients.clock import SystemClock
from aks_action.clients.ports import Cluster
from aks_action.errors import ApiError, Source
from aks_action.model.bounded import Unpackable
from aks_action.model.documents import get_in
from aks_action.model.manifests import Document, Manifest, ManifestSet, ref_of
from aks_action.model.observed import Observed
from aks_action.model.plan import Plan
from aks_action.model.release_settings import ReleaseSettings
from aks_action.model.volumes import marks
from aks_action.model.volumes.mounts import CLAIM
from aks_action.runtime import parallel

if TYPE_CHECKING:  # what few deploys need is imported where they do
    from aks_action.jobs.claims import Claims
    from aks_action.model.volumes.growth import Growth
    from aks_action.model.volumes.renewal import Journal

_FINISH_SECONDS = 60.0
_STATEFUL_SET = "StatefulSet.apps"


class Volumes:
    """What one deploy does about volumes beyond applying claims.

    grows: StatefulSets may be made anew; not with canary and blue-green, which have two of each,
           nor where one script does everything.
    recreated: the names of claims that may be made anew where they cannot change.
    release:   which journals are believed.
    """

    def __init__(
        self,
        cluster: Cluster,
        tell: Callable[[str], None],
        *,
        grows: bool,
        recreated: tuple[str, ...],
        release: ReleaseSettings,
    ) -> None:
        self._cluster = cluster
        self._tell = tell
        self._grows = grows
        self._recreated = recreated
        self._release = release
        self._claims: Claims | None = None
        self._growths: tuple[Growth, ...] = ()
        self._unfinished: set[str] = set()

    def finished(self, manifests: ManifestSet, observed: Observed, *, writes: bool) -> bool:
        """Whether a StatefulSet was made anew that an earlier run has deleted: observe again.

        writes: False only tells what a deploy would do first.
        """
        if not self._grows:
            return False
        secrets = self._journals(manifests, observed)
        if not secrets:
            return False
        journals = tuple(filter(None, map(self._believed, secrets)))
        for each in journals:
            what = f"{each.ref} was being made anew by a run that was cut off"
            if not writes:
                self._unfinished.add(each.ref.namespace)
                self._tell(f"{what}: a deploy does that first, and its pods run on meanwhile.")
                continue
            made = self._finish(each)
            self._tell(f"{what}: {'it is there again' if made else 'that is finished'}.")
        return writes and bool(journals)

    def _believed(self, secret: Document) -> Journal | None:
        """The journal in a Secret; None where it cannot be believed, which is told."""
        try:
            return self._journal(secret)
        except Unpackable as reason:
            self._tell(
                f"{ref_of(secret)} is no journal that can be believed: {reason}. Nothing is made "
                "of it; delete it, unless another step knows it."
            )
            return None

    def _journal(self, secret: Document) -> Journal:
        """Raises Unpackable for one that somebody who may write Secrets alone can have written."""
        from aks_action.model.records.scope import Limits  # noqa: PLC0415
        from aks_action.model.volumes import renewal  # noqa: PLC0415

        keys, ref = self._release.keys, ref_of(secret)
        journal = renewal.read(secret, keys)
        if not (keys or self._is_there(journal)):
            raise Unpackable(f"there is neither {journal.ref} nor a pod that it has left")
        scope = self._release.scope
        limits = Limits(scope=scope, namespace=ref.namespace, types={}, signed=bool(keys))
        manifest = Manifest(document=journal.live, source=Source(file=str(ref)))
        for beyond in limits.beyond((manifest,)):
            raise Unpackable(f"{beyond.why}, which needs `rollback-scope: {beyond.word}`")
        return journal

    def _is_there(self, journal: Journal) -> bool:
        """Whether the cluster itself knows of the StatefulSet, or of pods without one."""
        live = self._cluster.get(journal.ref)
        if live is not None and not get_in(live, ("metadata", "deletionTimestamp")):
            return True
        pods = self._cluster.list("v1", "Pod", namespace=journal.ref.namespace).items
        return any(map(journal.has_left, pods))

    @property
    def unfinished(self) -> tuple[str, ...]:
        """The namespaces in which a run that was cut off has left something to do first."""
        return tuple(sorted(self._unfinished))

    def _finish(self, journal: Journal) -> bool:
        from aks_action.runtime.executing import renewing  # noqa: PLC0415

        clock = SystemClock()
        return renewing.finish(journal, self._cluster, clock, clock.now() + _FINISH_SECONDS)

    def _journals(self, manifests: ManifestSet, observed: Observed) -> tuple[Document, ...]:
        """Looked for where a StatefulSet is missing or marked; others are seen among Secrets."""
        suspicious = {
            each.ref.namespace
            for each in manifests
            if each.ref.group_kind == _STATEFUL_SET
            and ((live := observed.live.get(each.ref)) is None or marks.is_growing(live))
        }
        found = {ref_of(each): each for each in filter(marks.is_journal, observed.live.values())}
        for listed in parallel.each(self._secrets, sorted(suspicious)):
            found |= {ref_of(each): each for each in listed}
        return tuple(found.values())

    def _secrets(self, namespace: str) -> tuple[Document, ...]:
        """Who may not list Secrets has never written a journal."""
        try:
            listing = self._cluster.list(
                "v1", "Secret", namespace=namespace, label_selector=marks.JOURNALS
            )
        except ApiError as error:
            if error.status not in (403, 404):
                raise
            return ()
        return listing.items

    def named(self, manifests: ManifestSet, observed: Observed) -> tuple[ManifestSet, Observed]:
        """The manifests with their claims as they are called in the cluster: see `Claims`."""
        has_claims = any(each.ref.group_kind == CLAIM for each in manifests)
        # What an earlier run has stopped may have no claim any more.
        stopped = any(map(marks.is_stopped, observed.live.values()))
        if not (self._recreated or has_claims or stopped):
            return manifests, observed
        from aks_action.jobs.claims import Claims  # noqa: PLC0415

        self._claims = Claims(self._cluster, self._recreated)
        return self._claims.named(manifests, observed)

    def arranged(self, plan: Plan, observed: Observed) -> tuple[Plan, Observed]:
        """The plan with what claims take, to be checked, and what was seen for it."""
        if self._claims:
            plan = self._claims.arranged(plan, observed)
        if not self._grows or all(each.ref.group_kind != _STATEFUL_SET for each in plan.applies):
            return plan, observed
        from aks_action.model.volumes import growth  # noqa: PLC0415

        self._growths = growth.growths(plan, observed.live)
        if not self._growths:
            return plan, observed
        namespaces = sorted({each.ref.namespace for each in self._growths})
        listed = parallel.each(
            lambda each: self._cluster.list("v1", CLAIM, namespace=each).items, namespaces
        )
        claims = [each for answer in listed for each in answer]
        self._growths = growth.possible(self._growths, claims)
        plan = growth.with_growths(plan, self._growths, claims)
        known = {ref_of(each): each for each in claims}
        return plan, replace(observed, live={**known, **observed.live})

    def completed(self, plan: Plan) -> Plan:
        """The checked plan as it is to be carried out."""
        if not self._growths:
            return plan
        from aks_action.model.volumes import growth  # noqa: PLC0415

        return growth.completed(plan, self._growths)
