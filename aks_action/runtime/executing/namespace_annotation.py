"""Namespaces that are deployed to: whether they stay, and the run annotation of one of them.

The next run reads from the annotation, which is k8s-deploy's, which commit was deployed last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from aks_action.clients.ports import Cluster
from aks_action.errors import ActionError, AuthError, Problem, RolloutFailed, raise_all
from aks_action.model.documents import get_in
from aks_action.model.manifests import Document, ObjectRef, ref_of
from aks_action.model.provenance import annotation_patch
from aks_action.runtime import parallel

_LOST = (
    "Namespace {name} is {how}, and what was deployed into it goes with it. Run this again when "
    "the namespace is there."
)


def namespace_ref(name: str) -> ObjectRef:
    return ObjectRef(api_version="v1", kind="Namespace", name=name)


def read(cluster: Cluster, namespace: str, tell: Callable[[str], None]) -> Document | None:
    """The live Namespace, or None where there is none or it may not be read.

    By a LIST of this one name, else by a GET: who has a role inside of the namespace only may
    read the namespace itself, and list none.
    """
    selector = f"metadata.name={namespace}"
    try:
        found = cluster.list("v1", "Namespace", field_selector=selector).items
    except ActionError as refused:
        if refused.exit_code != AuthError.exit_code:
            tell(f"The last deployed commit is not known: {refused}")
            return None
    else:
        return next(iter(found), None)
    try:
        return cluster.get(namespace_ref(namespace))
    except ActionError as error:
        tell(f"The last deployed commit is not known: {error}")
        return None


def write(
    cluster: Cluster, namespace: str, value: str, tell: Callable[[str], None]
) -> Document | None:
    """Set the annotation by one PATCH; that it may not be set is told and fails nothing.

    For a run that wrote something and whose objects became healthy. tell: takes a debug line.
    Returns the Namespace, None where it was not annotated.
    """
    try:
        return cluster.patch(namespace_ref(namespace), annotation_patch(value))
    except ActionError as error:
        tell(f"The namespace was not annotated: {error}")
        return None


def check_stay(cluster: Cluster, names: Iterable[str], known: Iterable[Document]) -> None:
    """Whether what was written into namespaces stays there.

    known: Namespaces as they were after the last write; the others are read. One that may not be
    read is believed. Raises RolloutFailed with each that is being deleted, or gone.
    """
    seen = {ref_of(each).name: each for each in known}
    rest = sorted(set(names) - seen.keys())
    found = {**seen, **dict(zip(rest, parallel.each(partial(_now, cluster), rest), strict=True))}
    lost = {
        name: "gone" if each is None else "being deleted"
        for name, each in found.items()
        if each is None or get_in(each, ("metadata", "deletionTimestamp"))
    }
    problems = [Problem(message=_LOST.format(name=name, how=how)) for name, how in lost.items()]
    raise_all(RolloutFailed, problems)


def _now(cluster: Cluster, name: str) -> Document | None:
    """The Namespace, or None where there is none; empty where it cannot be read."""
    try:
        return cluster.get(namespace_ref(name))
    except ActionError:
        return {}
