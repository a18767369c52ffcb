"""Where the pod specs of an object are, for every workload kind and for CRDs that have one.

Kubernetes' own kinds keep theirs at a fixed place. Everything else (Argo Rollouts, Knative,
OpenKruise, KEDA, JobSet, …) is searched for the shape of a pod spec: a mapping with a list
`containers` of mappings that has an `image`. Nothing is edited in place, and an object that a
change leaves as it was is returned as the same object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from aks_action.model.documents import get_in
from aks_action.model.manifests import Document

Step = str | int
Path = tuple[Step, ...]
"""Keys of mappings and positions in lists, from the root of a document."""

PodSpec = Mapping[str, Any]

ContainerList = Literal["initContainers", "containers", "ephemeralContainers"]
CONTAINER_LISTS: tuple[ContainerList, ...] = ("initContainers", "containers", "ephemeralContainers")

_TEMPLATE: Path = ("spec", "template", "spec")
_BUILT_IN: Mapping[tuple[str, str], Path] = {
    ("", "Pod"): ("spec",),
    ("", "PodTemplate"): ("template", "spec"),
    ("", "ReplicationController"): _TEMPLATE,
    ("apps", "Deployment"): _TEMPLATE,
    ("apps", "ReplicaSet"): _TEMPLATE,
    ("apps", "StatefulSet"): _TEMPLATE,
    ("apps", "DaemonSet"): _TEMPLATE,
    ("batch", "Job"): _TEMPLATE,
    ("batch", "CronJob"): ("spec", "jobTemplate", *_TEMPLATE),
}
"""By group and kind."""

_BUILT_IN_GROUPS = frozenset({"", "apps", "batch", "autoscaling", "policy"})
"""Groups that are Kubernetes' own besides `*.k8s.io`: they have no other pod specs than above."""

_CUSTOM_IN_K8S_IO = (".x-k8s.io",)
"""Groups of Kubernetes' subprojects are CRDs like anybody's (`jobset.x-k8s.io`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container of an object: where it is, its name and its image (empty where absent)."""

    path: Path
    name: str
    image: str
    list_name: ContainerList


def pod_spec_paths(document: Document) -> Iterator[Path]:
    """Where the pod specs of an object are, in the order of the document."""
    group = str(document.get("apiVersion", "")).rpartition("/")[0]
    kind = str(document.get("kind", ""))
    path = _BUILT_IN.get((group, kind))
    if path:
        if isinstance(value_at(document, path), Mapping):
            yield path
    elif not is_built_in(group):
        for key, value in document.items():
            if key not in ("metadata", "status"):
                yield from _search(value, (key,))


def pod_specs(document: Document) -> tuple[PodSpec, ...]:
    """The pod specs of an object; most workloads have one, other objects none."""
    return tuple(value_at(document, path) for path in pod_spec_paths(document))


def is_workload(document: Document) -> bool:
    """Whether an object has a pod spec."""
    return next(pod_spec_paths(document), None) is not None


def pod_labels(document: Document) -> Iterator[Mapping[str, str]]:
    """The labels of the pods that an object makes, one mapping for each pod spec."""
    for path in pod_spec_paths(document):
        labels = get_in(value_at(document, path[:-1]), ("metadata", "labels"))
        yield labels if isinstance(labels, Mapping) else {}


def containers(document: Document) -> Iterator[Container]:
    """All containers: init, normal and ephemeral ones of every pod spec."""
    for path in pod_spec_paths(document):
        spec = value_at(document, path)
        for list_name in CONTAINER_LISTS:
            for position, container in enumerate(_mappings(spec.get(list_name))):
                yield Container(
                    path=(*path, list_name, position),
                    name=_text(container.get("name")),
                    image=_text(container.get("image")),
                    list_name=list_name,
                )


def with_pod_specs(document: Document, change: Callable[[PodSpec], PodSpec]) -> Document:
    """The object with `change` done to each of its pod specs."""
    for path in tuple(pod_spec_paths(document)):
        document = changed_at(document, path, change)
    return document


def with_containers(
    document: Document, change: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> Document:
    """The object with `change` done to each of its containers, of all three lists."""

    def change_spec(spec: PodSpec) -> PodSpec:
        for list_name in CONTAINER_LISTS:
            if isinstance(spec.get(list_name), list):
                for position, container in enumerate(spec[list_name]):
                    if isinstance(container, Mapping):
                        spec = changed_at(spec, (list_name, position), change)
        return spec

    return with_pod_specs(document, change_spec)


def value_at(document: Any, path: Path) -> Any:
    """The value at a path of keys and positions; None where a step is absent."""
    for step in path:
        if isinstance(step, int):
            if not isinstance(document, list) or step >= len(document):
                return None
        elif not isinstance(document, Mapping) or step not in document:
            return None
        document = document[step]
    return document


def changed_at(value: Any, path: Path, change: Callable[[Any], Any]) -> Any:
    """A copy of `value` with `change` done at `path`; `value` itself if that changes nothing."""
    if not path:
        return change(value)
    step, *rest = path
    before = value[step]
    after = changed_at(before, tuple(rest), change)
    if after is before:
        return value
    if isinstance(value, list):
        return [after if position == step else each for position, each in enumerate(value)]
    return {**value, step: after}


def path_text(path: Path) -> str:
    """A path as people write it: `spec.template.spec.containers[0].image`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def is_built_in(group: str) -> bool:
    custom = group.endswith(_CUSTOM_IN_K8S_IO)
    return group in _BUILT_IN_GROUPS or (group.endswith(".k8s.io") and not custom)


def _search(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, Mapping):
        if _looks_like_pod_spec(value):
            yield path
            return
        for key, inner in value.items():
            if isinstance(inner, (Mapping, list)):
                yield from _search(inner, (*path, key))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            if isinstance(inner, (Mapping, list)):
                yield from _search(inner, (*path, position))


def _looks_like_pod_spec(value: Mapping[str, Any]) -> bool:
    """Knative lets a single container go without a name, so only an image is asked for."""
    found = value.get("containers")
    return (
        isinstance(found, list)
        and all(isinstance(each, Mapping) for each in found)
        and any(isinstance(each.get("image"), str) for each in found)
    )


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    for each in value if isinstance(value, list) else ():
        yield each if isinstance(each, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
