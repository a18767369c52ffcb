"""Fields on whose shape the action relies before the API server has a word, by kind.

Whoever writes `containers` as a mapping, or `data` as a list, is told the place as for any other
manifest that is wrong. Values, and all other fields, are for the API server's dry run to judge.
https://kubernetes.io/docs/reference/kubernetes-api/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """A mapping. fields: of those that are known the shape; `every`: of all."""

    fields: Mapping[str, Shape] = field(default_factory=dict)
    every: Shape | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A list. each: the shape of its items; None: any."""

    each: Shape | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text."""


Shape = Map | Items | Text


def _map(**fields: Shape) -> Map:
    return Map(fields=fields)


_ANY = Map()
_TEXTS = Map(every=Text())
_NAMED = _map(name=Text())
_METADATA = _map(labels=_TEXTS, annotations=_TEXTS)
_SELECTOR = _map(matchLabels=_TEXTS, matchExpressions=Items(each=_ANY))
_FROM = _map(configMapKeyRef=_NAMED, secretKeyRef=_NAMED, fieldRef=_ANY)
_SOURCE = _map(name=Text(), items=Items(each=_map(key=Text())))
_PROBE = _map(httpGet=_ANY, tcpSocket=_ANY, grpc=_ANY, exec=_map(command=Items()))
_CONTAINER = _map(
    name=Text(), image=Text(), command=Items(), args=Items(), ports=Items(each=_ANY),
    env=Items(each=_map(name=Text(), valueFrom=_FROM)),
    envFrom=Items(each=_map(configMapRef=_NAMED, secretRef=_NAMED)),
    volumeMounts=Items(each=_NAMED), volumeDevices=Items(each=_NAMED), resources=_ANY,
    readinessProbe=_PROBE, livenessProbe=_PROBE, startupProbe=_PROBE, securityContext=_ANY,
)  # fmt: skip
_VOLUME = _map(
    name=Text(),
    configMap=_SOURCE,
    secret=_map(secretName=Text(), items=Items(each=_map(key=Text()))),
    projected=_map(sources=Items(each=_map(configMap=_SOURCE, secret=_SOURCE))),
    persistentVolumeClaim=_map(claimName=Text()),
    ephemeral=_map(volumeClaimTemplate=_map(metadata=_METADATA, spec=_ANY)),
    csi=_map(driver=Text(), nodePublishSecretRef=_NAMED),
)
_POD_SPEC = _map(
    containers=Items(each=_CONTAINER), initContainers=Items(each=_CONTAINER),
    ephemeralContainers=Items(each=_CONTAINER), volumes=Items(each=_VOLUME),
    imagePullSecrets=Items(each=_NAMED), serviceAccountName=Text(), securityContext=_ANY,
)  # fmt: skip
_TEMPLATE = _map(metadata=_METADATA, spec=_POD_SPEC)
_CLAIM = _map(
    storageClassName=Text(), volumeName=Text(), accessModes=Items(each=Text()),
    resources=_map(requests=_ANY, limits=_ANY), dataSource=_ANY, selector=_ANY,
)  # fmt: skip
_WORKLOAD = _map(selector=_SELECTOR, template=_TEMPLATE, strategy=_ANY, updateStrategy=_ANY)
_BACKENDS = Items(each=_NAMED)
_ROUTE = _map(
    parentRefs=Items(each=_NAMED),
    hostnames=Items(each=Text()),
    rules=Items(
        each=_map(
            backendRefs=_BACKENDS,
            matches=Items(each=_ANY),
            filters=Items(each=_map(requestMirror=_map(backendRef=_NAMED))),
        )
    ),
)
_BACKEND = _map(service=_map(name=Text(), port=_ANY), resource=_ANY)
_PATHS = _map(paths=Items(each=_map(backend=_BACKEND)))

_SPECS: Mapping[tuple[str, str], Shape] = {
    ("", "Pod"): _POD_SPEC,
    ("", "Service"): _map(selector=_TEXTS, ports=Items(each=_ANY)),
    ("", "PersistentVolumeClaim"): _CLAIM,
    ("", "ReplicationController"): _map(selector=_TEXTS, template=_TEMPLATE),
    ("apps", "Deployment"): _WORKLOAD,
    ("apps", "ReplicaSet"): _WORKLOAD,
    ("apps", "DaemonSet"): _WORKLOAD,
    ("apps", "StatefulSet"): _map(
        selector=_SELECTOR,
        template=_TEMPLATE,
        updateStrategy=_ANY,
        volumeClaimTemplates=Items(each=_map(metadata=_METADATA, spec=_CLAIM)),
    ),
    ("batch", "Job"): _map(template=_TEMPLATE, selector=_SELECTOR),
    ("batch", "CronJob"): _map(jobTemplate=_map(metadata=_METADATA, spec=_map(template=_TEMPLATE))),
    ("networking.k8s.io", "Ingress"): _map(
        defaultBackend=_BACKEND, rules=Items(each=_map(host=Text(), http=_PATHS)),
        tls=Items(each=_map(secretName=Text())),
    ),
    ("networking.k8s.io", "NetworkPolicy"): _map(podSelector=_SELECTOR),
    ("autoscaling", "HorizontalPodAutoscaler"): _map(scaleTargetRef=_map(kind=Text(), name=Text())),
    ("policy", "PodDisruptionBudget"): _map(selector=_SELECTOR),
    ("gateway.networking.k8s.io", "HTTPRoute"): _ROUTE,
    ("gateway.networking.k8s.io", "GRPCRoute"): _ROUTE,
    ("split.smi-spec.io", "TrafficSplit"): _map(service=Text(), backends=Items(each=_ANY)),
}  # fmt: skip

_WHOLE: Mapping[tuple[str, str], Shape] = {
    ("", "ConfigMap"): _map(data=_ANY, binaryData=_ANY),
    ("", "Secret"): _map(data=_ANY, stringData=_ANY, type=Text()),
    ("", "ServiceAccount"): _map(imagePullSecrets=Items(each=_NAMED), secrets=Items(each=_NAMED)),
    ("", "PodTemplate"): _map(template=_TEMPLATE),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _map(
        spec=_map(group=Text(), names=_map(kind=Text(), plural=Text()), versions=Items(each=_ANY))
    ),
    ("rbac.authorization.k8s.io", "RoleBinding"): _map(
        roleRef=_map(kind=Text(), name=Text()), subjects=Items(each=_ANY)
    ),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): _map(
        roleRef=_map(kind=Text(), name=Text()), subjects=Items(each=_ANY)
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """A field of another shape. path: `spec.template.spec.containers[0]`; wants: in words."""

    path: str
    value: Any
    wants: str


def misfits(document: Mapping[str, Any], group: str, kind: str) -> Iterator[Misfit]:
    """Fields of a manifest that are not of the shape that their kind has; null is as good as none.

    `metadata` is not looked at here.
    """
    spec = _SPECS.get((group, kind))
    shape = _map(spec=spec) if spec else _WHOLE.get((group, kind))
    if shape:
        yield from _below(document, shape, "")


def _below(value: Any, shape: Shape, path: str) -> Iterator[Misfit]:
    kind, wants = _LOOKS[type(shape)]
    fits = isinstance(value, kind)
    if value is not None and not fits:
        yield Misfit(path=path, value=value, wants=wants)
    if not fits:
        return
    if isinstance(shape, Items) and shape.each:
        for number, each in enumerate(value):
            where = f"{path}[{number}]"
            if each is None:
                yield Misfit(path=where, value=None, wants=_LOOKS[type(shape.each)][1])
            yield from _below(each, shape.each, where)
    if isinstance(shape, Map):
        for key, each in value.items():
            if below := shape.fields.get(key, shape.every):
                yield from _below(each, below, f"{path}.{key}" if path else str(key))


_LOOKS: Mapping[type[Shape], tuple[type, str]] = {
    Map: (dict, "a mapping"),
    Items: (list, "a list"),
    Text: (str, "a text"),
}
