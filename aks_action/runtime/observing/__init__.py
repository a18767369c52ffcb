"""Observing: what is in the cluster before anything is decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from aks_action.clients.ports import Cluster
from aks_action.errors import ActionError, ApiError, AuthError, Problem
from aks_action.model.configuration.marks import is_version
from aks_action.model.documents import get_in
from aks_action.model.manifests import Document, Manifest, ManifestSet, ObjectRef, ref_of
from aks_action.model.observed import Collection, Observed
from aks_action.model.resources import ResourceTypes, defined_by, index
from aks_action.model.scopes import scoped
from aks_action.model.secrets import with_encoded_data
from aks_action.model.volumes.marks import is_claim_version, is_journal
from aks_action.runtime import parallel

_AUTOSCALERS = (
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("keda.sh/v1alpha1", "ScaledObject"),
)
_BYSTANDERS = frozenset(
    {"HorizontalPodAutoscaler", "ScaledObject", "PodDisruptionBudget", "NetworkPolicy"}
)
"""Kinds of which a deploy only tells, or which it leaves something to: a role may lack them."""
_SCALABLE = frozenset({"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"})

Interest = Callable[[ManifestSet, ResourceTypes], Iterable[Collection]]


def _as_they_are(manifests: ManifestSet) -> ManifestSet:
    return manifests


def _nothing_more(_manifests: ManifestSet, _types: ResourceTypes) -> Iterable[Collection]:
    return ()


def observe(
    cluster: Cluster,
    manifests: ManifestSet,
    namespace: str,
    *,
    rewrite: Callable[[ManifestSet], ManifestSet] = _as_they_are,
    interest: Interest = _nothing_more,
    besides: ManifestSet = (),
    tell: Callable[[str], None] = lambda _note: None,
) -> tuple[ManifestSet, Observed]:
    """The manifests as they are to be applied, and the live objects behind them.

    namespace: the input; empty for each object's own, else the one of the kubeconfig's context.
    rewrite:   changes the manifests when their namespaces are known, before anything is looked for.
    besides:   objects that are looked for as well, by what names them; kinds have to be served.
    interest:  names collections of which every object is kept, by the manifests and the types.
    tell:      takes what the user should know of how the namespaces were found.

    Returned are the manifests with their namespaces, and Secrets without `stringData`.

    One LIST per kind and namespace, at the same time; of what it returns only the manifests' own
    objects are kept, with the autoscalers and the versions of configuration beside them. Who may
    not list gets the objects one by one.
    Raises ManifestError for kinds that are neither served nor defined and for namespaces that
    contradict the input, AuthError for objects that may not be read.
    """
    served = cluster.types()
    types = {**index(defined_by(manifests)), **served}
    plain = tuple(with_encoded_data(each) for each in manifests)
    placed = scoped(plain, types, namespace=namespace, default=cluster.namespace)
    rewritten = rewrite(placed.manifests)
    wanted = {each.ref: each for each in (*besides, *rewritten) if each.ref.name}
    listed = _collections(wanted, served)
    whole = set(interest(rewritten, served))
    scaled = _autoscalers(rewritten, served) - listed - whole
    aside = {each for each in scaled | (whole - listed) if each[1] in _BYSTANDERS}
    answers = parallel.each(
        lambda each: _read(
            cluster, each, None if each in whole else wanted, optional=each in aside
        ),
        sorted(listed | scaled | whole),
    )
    live = {ref_of(document): document for documents in answers for document in documents}
    for note in placed.notes:
        tell(note)
    return rewritten, Observed(live=live, types=types)


def _collections(wanted: Iterable[ObjectRef], served: ResourceTypes) -> set[Collection]:
    return {
        (ref.api_version, ref.kind, ref.namespace)
        for ref in wanted
        if (ref.api_version, ref.kind) in served
    }


def _autoscalers(manifests: ManifestSet, served: ResourceTypes) -> set[Collection]:
    """Where autoscalers may be that decide the replicas of one of the manifests."""
    namespaces = {each.ref.namespace for each in manifests if _has_replicas(each)}
    return {
        (api_version, kind, namespace)
        for api_version, kind in _AUTOSCALERS
        if (api_version, kind) in served
        for namespace in namespaces
    }


def _has_replicas(manifest: Manifest) -> bool:
    stated = get_in(manifest.document, ("spec", "replicas"))
    return manifest.kind in _SCALABLE or stated is not None


def _is_autoscaler(document: Document) -> bool:
    return (document.get("apiVersion"), document.get("kind")) in _AUTOSCALERS


def _read(
    cluster: Cluster,
    collection: Collection,
    wanted: dict[ObjectRef, Manifest] | None,
    *,
    optional: bool,
) -> list[Document]:
    """One collection's objects: the wanted ones and autoscalers, or with None all of them.

    optional: nothing is missed but a note if it cannot be read.
    """
    api_version, kind, namespace = collection
    try:
        found = cluster.list(api_version, kind, namespace=namespace).items
    except ApiError as error:
        if optional and error.status in (403, 404):
            return []
        if wanted is None or error.status not in (403, 405):
            raise
        # 403: a role may allow `get` alone. 405: some kinds are only ever created.
        return list(_one_by_one(cluster, collection, wanted))
    # A huge namespace with few manifests must not fill the memory: only what is asked for stays.
    return [each for each in found if wanted is None or ref_of(each) in wanted or _is_kept(each)]


def _is_kept(document: Document) -> bool:
    """What is of use besides the manifests' own objects."""
    return _is_autoscaler(document) or any(
        test(document) for test in (is_version, is_journal, is_claim_version)
    )


def _one_by_one(
    cluster: Cluster, collection: Collection, wanted: dict[ObjectRef, Manifest]
) -> Iterator[Document]:
    problems: list[Problem] = []
    for ref, manifest in wanted.items():
        if (ref.api_version, ref.kind, ref.namespace) != collection:
            continue
        try:
            document = cluster.get(ref)
        except ApiError as error:
            if error.status == 405:
                return
            if error.status != 403:
                raise
            problems.append(Problem(message=_sentence(error), source=manifest.source))
            continue
        if document is not None:
            yield document
    if problems:
        raise AuthError(*problems)


def _sentence(error: ActionError) -> str:
    return "; ".join(problem.message for problem in error.problems)
