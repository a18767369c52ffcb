"""Objects and checked plans for the tests of changed configuration."""

from collections.abc import Mapping
from typing import Any

from aks_action.errors import Source
from aks_action.model.manifests import Document, Manifest, ref_of
from aks_action.model.observed import Observed
from aks_action.model.plan import Apply, Assessment, Change, FieldChange, Plan, Stage, Wait

NAMESPACE = "shop"


def item(
    kind: str, name: str, api_version: str = "v1", *, meta: Mapping[str, Any] = {}, **fields: Any
) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE, **meta}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def config_map(name: str = "settings", *, meta: Mapping[str, Any] = {}, **data: str) -> Document:
    return item("ConfigMap", name, meta=meta, data=data)


def pod_spec(*, env_from: str = "", optional: bool = False, **fields: Any) -> dict[str, Any]:
    """A pod spec that reads `env_from` as `kind/name`."""
    container: dict[str, Any] = {"name": "server", "image": "server"}
    if env_from:
        kind, _, name = env_from.partition("/")
        key = {"ConfigMap": "configMapRef", "Secret": "secretRef"}[kind]
        container["envFrom"] = [{key: {"name": name, **({"optional": True} if optional else {})}}]
    return {"containers": [container], **fields}


def workload(
    kind: str = "Deployment",
    name: str = "web",
    *,
    meta: Mapping[str, Any] = {},
    template: Mapping[str, Any] = {},
    reads: str = "ConfigMap/settings",
    optional: bool = False,
    **spec: Any,
) -> dict[str, Any]:
    """A healthy live workload that reads one ConfigMap or Secret."""
    pod = {"metadata": dict(template), "spec": pod_spec(env_from=reads, optional=optional)}
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    return item(
        kind,
        name,
        "apps/v1",
        meta={"generation": 1, **meta},
        spec={"replicas": 1, "template": pod, **spec},
        status={"observedGeneration": 1, **dict.fromkeys(counts, 1)},
    )


def manifest(document: Document, file: str = "k8s/all.yml") -> Manifest:
    return Manifest(document=document, source=Source(file=file))


def applied(document: Document, change: Change = Change.UNCHANGED, *paths: str) -> Apply:
    """A checked Apply; `paths` are the fields that change."""
    fields = tuple(FieldChange(path=path, before="a", after="b") for path in paths)
    return Apply(manifest=manifest(document), assessment=Assessment(change=change, fields=fields))


def plan_of(*applies: Apply) -> Plan:
    """As `basic` plans: applies, then one wait for all of them."""
    wait = Wait(manifests=tuple(each.manifest for each in applies))
    return Plan(
        stages=(
            Stage(name="Apply 1", steps=tuple(applies)),
            Stage(name="Wait until healthy", steps=(wait,)),
        )
    )


def observed(*documents: Document) -> Observed:
    return Observed(live={ref_of(each): each for each in documents}, types={})
