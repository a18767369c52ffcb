"""Claims and StatefulSets for the tests of volumes."""

from typing import Any

from aks_action.errors import Source
from aks_action.model.manifests import Document, Manifest

NAMESPACE = "shop"


def claim(
    name: str = "data", *, size: str = "1Gi", has: str = "", phase: str = "Bound", **spec: Any
) -> dict[str, Any]:
    """A live claim of class `disk`. has: its capacity; empty: what it asks for."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "disk",
            "resources": {"requests": {"storage": size}},
            **spec,
        },
        "status": {"phase": phase, "capacity": {"storage": has or size}},
    }


def stateful_set(name: str = "db", *, meta: dict[str, Any] | None = None, **sizes: str) -> Document:
    """One with a template for each size; `data` of 1Gi where none is given."""
    templates = [
        {"metadata": {"name": each}, "spec": claim(size=size)["spec"]}
        for each, size in (sizes or {"data": "1Gi"}).items()
    ]
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "namespace": NAMESPACE, "uid": f"uid-{name}", **(meta or {})},
        "spec": {"replicas": 1, "volumeClaimTemplates": templates},
    }


def manifest(document: Document, line: int = 1) -> Manifest:
    return Manifest(document=document, source=Source(file="k8s/db.yml", line=line))
