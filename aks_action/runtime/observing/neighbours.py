"""Who else is in a deploy's namespaces: readers of configuration, and users of old versions."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from aks_action.clients.ports import Cluster
from aks_action.errors import ApiError
from aks_action.model import observed
from aks_action.model.configuration import outsiders as config_outsiders
from aks_action.model.manifests import Document, ManifestSet, ObjectRef
from aks_action.model.pod_specs import is_built_in
from aks_action.runtime import parallel

_READERS = (
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("v1", "Pod"),
)
_USERS = (
    *_READERS,
    ("v1", "ReplicationController"),
    ("v1", "ServiceAccount"),
    ("v1", "PodTemplate"),
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "ControllerRevision"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
    ("networking.k8s.io/v1", "Ingress"),
    ("gateway.networking.k8s.io/v1", "Gateway"),
)
"""Whatever may name a version that this action has made, with all revisions that it may go back
to: ReplicaSets and ControllerRevisions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Live objects, and sentences about what could not be looked at."""

    documents: tuple[Document, ...]
    notes: tuple[str, ...] = ()


def readers(cluster: Cluster, namespaces: Iterable[str]) -> Seen:
    """All workloads and pods of some namespaces, by one LIST for each kind.

    A kind that may not be listed is left out, with a note.
    """
    collections = [(*kind, namespace) for namespace in namespaces for kind in _READERS]
    answers = parallel.each(lambda each: _listed(cluster, each), collections)
    return Seen(
        documents=tuple(each for answer in answers for each in answer.documents),
        notes=tuple(note for answer in answers for note in answer.notes),
    )


def _listed(cluster: Cluster, collection: observed.Collection) -> Seen:
    api_version, kind, namespace = collection
    try:
        return Seen(documents=cluster.list(api_version, kind, namespace=namespace).items)
    except ApiError as error:
        if error.status not in (403, 404):
            raise
    note = (
        f"{kind}s in namespace {namespace} may not be listed, so those that read the changed "
        "configuration are not known, and not restarted unless they are in the manifests."
    )
    return Seen(documents=(), notes=(note,))


def unused(
    cluster: Cluster, versions: Collection[ObjectRef], manifests: ManifestSet
) -> tuple[ObjectRef, ...]:
    """The versions that no object of their namespaces names, in the order given.

    manifests: what was deployed; the kinds of custom resources among them are looked at, too.
    Raises ApiError when a kind may not be listed: then nothing can be known to be unused.
    """
    served = cluster.types()
    custom = {
        (each.ref.api_version, each.kind) for each in manifests if not is_built_in(each.ref.group)
    }
    kinds = [each for each in (*_USERS, *sorted(custom)) if each in served]
    collections = [
        (*kind, namespace)
        for namespace in sorted({each.namespace for each in versions})
        for kind in kinds
        if served[kind].namespaced
    ]
    names = frozenset(each.name for each in versions)

    def named(collection: observed.Collection) -> set[tuple[str, str]]:
        api_version, kind, namespace = collection
        listing = cluster.list(api_version, kind, namespace=namespace)
        return {
            (namespace, name)
            for document in listing.items
            for name in config_outsiders.names_in(document, names)
        }

    used = set[tuple[str, str]]().union(*parallel.each(named, collections))
    return tuple(each for each in versions if (each.namespace, each.name) not in used)
