"""The run annotation of the namespace that was deployed to, as k8s-deploy leaves it.

The next run reads from it which commit was deployed last.
"""

from __future__ import annotations

from collections.abc import Callable

from aks_action.clients.ports import Cluster
from aks_action.errors import ActionError, AuthError
from aks_action.model.manifests import Document, ObjectRef
from aks_action.model.provenance import annotation_patch


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


def write(cluster: Cluster, namespace: str, value: str, tell: Callable[[str], None]) -> None:
    """Set the annotation by one PATCH; that it may not be set is told and fails nothing.

    For a run that wrote something and whose objects became healthy. tell: takes a debug line.
    """
    try:
        cluster.patch(namespace_ref(namespace), annotation_patch(value))
    except ActionError as error:
        tell(f"The namespace was not annotated: {error}")
