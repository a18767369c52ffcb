"""Claims in a deploy: which version of each is meant, and which are made anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from aks_action.clients.ports import Cluster
from aks_action.errors import ApiError, InputError, Problem, raise_all
from aks_action.model.documents import get_in
from aks_action.model.manifests import Document, Manifest, ManifestSet, ObjectRef, ref_of
from aks_action.model.observed import Observed
from aks_action.model.plan import Plan
from aks_action.model.volumes import claim_versions as versions
from aks_action.model.volumes.hindrances import hindrances
from aks_action.model.volumes.mounts import CLAIM
from aks_action.model.volumes.recreation import STOPPABLE, Recreation, uses, with_recreations
from aks_action.runtime import parallel
from aks_action.runtime.observing import neighbours, storage_classes


class Claims:
    """The claims of one deploy.

    recreated: the plain names of claims that may be made anew where they cannot change.
    """

    def __init__(self, cluster: Cluster, recreated: tuple[str, ...]) -> None:
        self._cluster = cluster
        self._recreated = recreated
        self._found: tuple[Recreation, ...] = ()
        self._manifests: ManifestSet = ()
        self._names: dict[ObjectRef, ObjectRef] = {}

    def named(self, manifests: ManifestSet, observed: Observed) -> tuple[ManifestSet, Observed]:
        """The manifests with the claims as they are called in the cluster, and all versions seen.

        Raises InputError for a name in `recreate-claims` that none of the manifests has.
        """
        self._manifests = manifests
        claims = [each for each in manifests if each.ref.group_kind == CLAIM and each.ref.name]
        self._check_names(claims)
        if not claims:
            return manifests, observed
        live = dict(observed.live)
        for each in claims:
            self._follow(each.ref, live)
        self._names = {each.ref: versions.current(each.ref, live) for each in claims}
        asked = [each for each in claims if each.ref.name in self._recreated]
        self._found = tuple(self._recreations(asked, live))
        self._names |= {each.plain: each.new for each in self._found}
        self._names = {plain: each for plain, each in self._names.items() if plain != each}
        self._manifests = versions.named(manifests, self._names)
        return self._manifests, replace(observed, live=live)

    def _check_names(self, claims: Iterable[Manifest]) -> None:
        known = sorted({each.ref.name for each in claims})
        there = f"they have {', '.join(known)}" if known else "they have none"
        raise_all(
            InputError,
            [
                Problem(
                    message=f"Input `recreate-claims`: the manifests have no "
                    f"PersistentVolumeClaim {name}; {there}."
                )
                for name in self._recreated
                if name not in known
            ],
        )

    def _follow(self, claim: ObjectRef, live: dict[ObjectRef, Document]) -> None:
        """Who may not list claims finds the newer one by what the older one says."""
        newer = versions.replaced_by(claim, live)
        while newer is not None and newer not in live:
            found = self._cluster.get(newer)
            if found is None:
                return
            live[newer] = found
            newer = versions.replaced_by(newer, live)

    def _recreations(
        self, asked: Iterable[Manifest], live: Mapping[ObjectRef, Document]
    ) -> Iterable[Recreation]:
        """The claims that the API server lets not become what their manifests say."""
        there = [each for each in asked if self._names[each.ref] in live]
        refused = [
            each
            for each, refusal in zip(there, parallel.each(self._is_refused, there), strict=True)
            if refusal
        ]
        classes = storage_classes.by_name(self._cluster) if refused else None
        for each in refused:
            old = self._names[each.ref]
            reasons = hindrances(live[old], each.document, classes)
            if reasons:
                yield Recreation(
                    plain=each.ref,
                    old=old,
                    new=versions.following(each.ref, self._all(each.ref.namespace)),
                    volume=str(get_in(live[old], ("spec", "volumeName"), "")),
                    reasons=tuple(reason.reason for reason in reasons),
                )

    def _is_refused(self, manifest: Manifest) -> bool:
        version = versions.as_version(manifest, self._names[manifest.ref])
        try:
            self._cluster.apply(version.document, dry_run=True)
        except ApiError:
            return True
        return False

    def _all(self, namespace: str) -> list[ObjectRef]:
        listing = self._cluster.list("v1", CLAIM, namespace=namespace)
        return [ref_of(each) for each in listing.items]

    def arranged(self, plan: Plan, observed: Observed) -> Plan:
        """The plan with what is stopped and started around claims that are made anew."""
        if any(each.kind in STOPPABLE for each in self._manifests):
            plan = with_recreations(plan, self._found, self._manifests, observed.live)
        else:
            plan = replace(plan, notes=(*plan.notes, *(each.note for each in self._found)))
        told = (*self._versions(), *self._others())
        return replace(plan, notes=(*plan.notes, *told))

    def _versions(self) -> Iterable[str]:
        new = {each.new for each in self._found}
        for plain, version in self._names.items():
            if version not in new:
                yield f"{plain} of the manifests is {version}, which was made in its place."

    def _others(self) -> Iterable[str]:
        """What goes on with an old claim, since nothing here may point it elsewhere."""
        if not self._found:
            return
        ours = {each.ref for each in self._manifests}
        places = sorted({each.old.namespace for each in self._found})
        seen = neighbours.readers(self._cluster, places)
        for document in seen.documents:
            ref = ref_of(document)
            for each in self._found:
                if not uses(document, each.old) or (ref.kind == "Pod" and _is_owned(document)):
                    continue
                if ref not in ours:
                    yield f"{ref} is not among the manifests and goes on with {each.old}."
                elif ref.kind == "DaemonSet":
                    yield (
                        f"{ref} cannot be stopped: for a while some of its pods use {each.old} "
                        f"and others {each.new}."
                    )


def _is_owned(document: Document) -> bool:
    return bool(get_in(document, ("metadata", "ownerReferences")))
