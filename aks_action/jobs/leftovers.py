"""What a release has no longer: found in its plan, pruned or told of, and tidied up at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from aks_action.clients.ports import Cluster
from aks_action.errors import ApiError, Source
from aks_action.model.manifests import Manifest, ManifestSet, ObjectRef
from aks_action.model.observed import Observed
from aks_action.model.plan import Delete, Stage
from aks_action.model.records import Record, pruning
from aks_action.model.records.formers import Former
from aks_action.runtime.observing import neighbours


@dataclass(slots=True, kw_only=True)
class Leftovers:
    """What one run leaves over of what the release had.

    had:       every object that the release had.
    rules:     what may be pruned; None where the release does not prune.
    target:    the record that is gone back to; None for a deploy.
    completes: whether the release is the new version when this run is at its end; nothing is
               left over before.
    found:     filled by `look`.
    """

    had: tuple[Former, ...]
    rules: pruning.Rules | None
    target: Record | None
    completes: bool
    found: pruning.Pruning = field(default_factory=pruning.Pruning)

    @property
    def besides(self) -> ManifestSet:
        """The objects that the release had, where it matters whether they are there."""
        looks = self.completes and (self.rules or self.target)
        return tuple(map(_placeholder, self.had)) if looks else ()

    def look(self, manifests: ManifestSet, kept: Iterable[ObjectRef], observed: Observed) -> None:
        """Find what there is. manifests: what the release has now. kept: what else is to stay."""
        if not self.completes:
            return
        had, live = self.had, observed.live
        if self.rules:
            self.found = pruning.pruning(had, manifests, kept, live, self.rules)
        elif self.target:
            self.found = pruning.left_in_place(had, manifests, kept, live, str(self.target))

    def tidying(
        self, cluster: Cluster, manifests: ManifestSet, tell: Callable[[str], None]
    ) -> tuple[Stage, ...]:
        """What removes the versions of configuration that the release has no longer.

        To be asked when everything is healthy. Who may not look removes nothing.
        """
        if not self.found.versions:
            return ()
        try:
            unused = neighbours.unused(cluster, self.found.versions, manifests)
        except ApiError as error:
            tell(f"No version of former configuration is pruned: {error}")
            return ()
        why = f"{pruning.NO_LONGER}, and nothing names it"
        steps = tuple(Delete(ref=each, why=why) for each in unused)
        return (Stage(name="Prune old versions", steps=steps),) if steps else ()


def _placeholder(former: Former) -> Manifest:
    """What is enough to look an object up."""
    ref = former.ref
    metadata = {"name": ref.name, **({"namespace": ref.namespace} if ref.namespace else {})}
    document = {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": metadata}
    return Manifest(document=document, source=Source(file=former.of))
