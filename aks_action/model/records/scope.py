"""What a record may hold: what the workflow's author lets it, whatever the record says.

Whoever may write Secrets of the release's namespace can write a record, and a rollback applies it
with the rights of the deployer. So it is held to the namespace unless `rollback-scope` says more:
no objects elsewhere, none of the cluster, no rights, and no pods that reach the node.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aks_action.errors import Conflict
from aks_action.model.documents import get_in
from aks_action.model.manifests import Document, Manifest, ManifestSet, ObjectRef
from aks_action.model.pod_specs import CONTAINER_LISTS, pod_specs
from aks_action.model.records.record import Record
from aks_action.model.release_settings import RollbackScope
from aks_action.model.resources import ResourceTypes

_RIGHTS = frozenset(
    {
        "Role.rbac.authorization.k8s.io",
        "RoleBinding.rbac.authorization.k8s.io",
        "ReferenceGrant.gateway.networking.k8s.io",
    }
)
"""What lets others do something in the namespace, as far as the deployer may grant it."""

_HARMLESS_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
"""What Kubernetes' pod security standard `baseline` lets a container add."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beyond:
    """An object that a record may not hold.

    why:  what it is, as `ClusterRole is cluster-scoped`.
    word: what `rollback-scope` has to say for it.
    """

    ref: ObjectRef
    why: str
    word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Where the objects of one release may be.

    namespace: of the release.
    types:     what is served, and what the record itself defines.
    signed:    whether records are signed, and so known to be the workflow's own.
    """

    scope: RollbackScope
    namespace: str
    types: ResourceTypes
    signed: bool = False

    def beyond(self, manifests: ManifestSet) -> Iterator[Beyond]:
        """The objects of a record that may not be applied, each once."""
        for each in manifests:
            found = self.place(each.ref) or self._power(each)
            if found:
                yield found

    def place(self, ref: ObjectRef) -> Beyond | None:
        """Why an object is where the release may have none; also those that are to be deleted."""
        served = self.types.get((ref.api_version, ref.kind))
        if served and not served.namespaced:
            allowed = self.scope.cluster or self._names(ref)
            why, word = "it is cluster-scoped", ref.group_kind
        else:
            allowed = ref.namespace in {self.namespace, *self.scope.namespaces}
            why, word = f"it is in namespace {ref.namespace or '(none)'}", ref.namespace
        return None if allowed else Beyond(ref=ref, why=why, word=word)

    def _power(self, manifest: Manifest) -> Beyond | None:
        ref = manifest.ref
        if self.signed or self._names(ref):
            return None
        if ref.group_kind in _RIGHTS:
            return Beyond(ref=ref, why="it gives rights", word=ref.group_kind)
        reaches = "" if self.scope.host else next(_reaches(manifest.document), "")
        return Beyond(ref=ref, why=f"its pods have {reaches}", word="host") if reaches else None

    def _names(self, ref: ObjectRef) -> bool:
        return bool({ref.kind, ref.group_kind} & self.scope.kinds)


_MOST_TOLD = 10


def refused(beyond: Sequence[Beyond], target: Record, *, signed: bool) -> Conflict:
    """The error for a record that holds what it may not, with what allows it."""
    words = ", ".join(sorted({each.word for each in beyond if each.word}))
    allow = (
        f"If it is what your release has, allow it with `rollback-scope: {words}`." if words else ""
    )
    key = "" if signed else " With `record-key` nobody else can write a record that is believed."
    return Conflict(
        f"{target} of release `{target.release}` is not gone back to, and nothing was changed. "
        f"Whoever may write Secrets in namespace {target.namespace} can write a record, and this "
        f"one holds more than a record may bring: {_listed(beyond)}. {allow}{key}"
    )


def left_elsewhere(gone: Sequence[ObjectRef], limits: Limits) -> Iterator[str]:
    """A note about what a record alone does not let go."""
    beyond = [found for ref in gone if (found := limits.place(ref))]
    if beyond:
        words = ", ".join(sorted({each.word for each in beyond if each.word}))
        yield (
            f"Not looked for and not pruned, though no longer in the manifests: {_listed(beyond)}. "
            f"`rollback-scope: {words}` lets it go."
        )


def _listed(beyond: Sequence[Beyond]) -> str:
    more = f"; and {len(beyond) - _MOST_TOLD} more" if beyond[_MOST_TOLD:] else ""
    return "; ".join(f"{each.ref}: {each.why}" for each in beyond[:_MOST_TOLD]) + more


def _reaches(document: Document) -> Iterator[str]:
    """How pods get at the node, as by the pod security standard `baseline`.

    https://kubernetes.io/docs/concepts/security/pod-security-standards/
    """
    for spec in pod_specs(document):
        for name in ("hostNetwork", "hostPID", "hostIPC"):
            if spec.get(name):
                yield f"`{name}`"
        if any(get_in(each, ("hostPath",)) is not None for each in _items(spec.get("volumes"))):
            yield "`hostPath` volumes"
        yield from _of_context(spec.get("securityContext"))
        for name in CONTAINER_LISTS:
            for container in _items(spec.get(name)):
                yield from _of_context(get_in(container, ("securityContext",)))
                if any(
                    get_in(port, ("hostPort",)) for port in _items(get_in(container, ("ports",)))
                ):
                    yield "`hostPort`"


def _of_context(context: Any) -> Iterator[str]:
    if get_in(context, ("privileged",)):
        yield "`privileged` containers"
    if get_in(context, ("windowsOptions", "hostProcess")):
        yield "`hostProcess`"
    added = get_in(context, ("capabilities", "add"))
    more = {str(each) for each in added if each} - _HARMLESS_CAPABILITIES if _is_list(added) else ()
    if more:
        yield f"the capability {min(more)}"


def _items(value: Any) -> Iterable[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if _is_list(value) else []


def _is_list(value: Any) -> bool:
    return isinstance(value, list)
