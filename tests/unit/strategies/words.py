"""Plans as lines of text, and the small shop that the strategies' tests deploy."""

from collections.abc import Iterable
from typing import Any

from aks_action.errors import Source
from aks_action.model.documents import get_in
from aks_action.model.manifests import Document, Manifest, ManifestSet, ref_of
from aks_action.model.observed import Observed
from aks_action.model.plan import Apply, Delete, Plan, Stage, Step, Wait
from aks_action.model.resources import ResourceType, index
from aks_action.model.traffic.routing import is_ingress, is_route
from aks_action.model.traffic.steps import (
    Patch,
    Pause,
    Reroute,
    WaitAccepted,
    WaitEndpoints,
    WaitPods,
)

TYPES = index(
    ResourceType(api_version=version, kind=kind, plural=kind.lower() + "s", namespaced=True)
    for version, kind in [
        ("v1", "Service"),
        ("apps/v1", "Deployment"),
        ("apps/v1", "ReplicaSet"),
        ("autoscaling/v1", "HorizontalPodAutoscaler"),
        ("autoscaling/v2", "HorizontalPodAutoscaler"),
        ("networking.k8s.io/v1", "NetworkPolicy"),
        ("gateway.networking.k8s.io/v1", "HTTPRoute"),
        ("gateway.networking.k8s.io/v1beta1", "HTTPRoute"),
        ("split.smi-spec.io/v1alpha2", "TrafficSplit"),
    ]
)


def deployment(
    name: str = "web", *, image: str = "web:2", replicas: int | None = 10, **labels: str
) -> dict[str, Any]:
    marks = {"app": name.split("-", maxsplit=1)[0], **labels}
    spec: dict[str, Any] = {} if replicas is None else {"replicas": replicas}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}"},
        "spec": {
            **spec,
            "selector": {"matchLabels": marks},
            "template": {
                "metadata": {"labels": marks},
                "spec": {"containers": [{"name": "web", "image": image}]},
            },
        },
    }


def plainly_selecting(workload: dict[str, Any]) -> dict[str, Any]:
    """The workload with labels on its pods that its selector does not ask for."""
    app = workload["spec"]["selector"]["matchLabels"]["app"]
    spec = {**workload["spec"], "selector": {"matchLabels": {"app": app}}}
    return {**workload, "spec": spec}


def with_status(workload: dict[str, Any], **status: Any) -> dict[str, Any]:
    return {**workload, "status": status}


def service(name: str = "web", **selector: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "selector": {"app": name.split("-", maxsplit=1)[0], **selector},
            "ports": [{"port": 80}],
        },
    }


def config() -> dict[str, Any]:
    metadata = {"name": "web-config", "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "1"}}


def route(*backends: tuple[str, int], name: str = "web") -> dict[str, Any]:
    refs = [{"name": backend, "port": 80, "weight": weight} for backend, weight in backends]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"parentRefs": [{"name": "gateway"}], "rules": [{"backendRefs": refs}]},
    }


def ingress(backend: str = "web", **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "web", "namespace": "shop", "labels": labels},
        "spec": {"defaultBackend": {"service": {"name": backend, "port": {"number": 80}}}},
    }


def split(suffix: str, **weights: int) -> dict[str, Any]:
    return {
        "apiVersion": "split.smi-spec.io/v1alpha2",
        "kind": "TrafficSplit",
        "metadata": {"name": f"web-{suffix}", "namespace": "shop"},
        "spec": {
            "service": "web",
            "backends": [
                {"service": f"web-{name}", "weight": weight} for name, weight in weights.items()
            ],
        },
    }


def manifests(*documents: Document) -> ManifestSet:
    return tuple(
        Manifest(document=each, source=Source(file="shop.yml", line=line))
        for line, each in enumerate(documents, start=1)
    )


def observed(*live: Document) -> Observed:
    return Observed(live={ref_of(each): each for each in live}, types=TYPES)


def at_once(given: ManifestSet) -> Plan:
    """Stands for `basic`: applies everything at once, then waits for workloads."""
    stages = [Stage(name="Apply", steps=tuple(Apply(manifest=each) for each in given))]
    waited = tuple(each for each in given if each.kind == "Deployment")
    if waited:
        stages.append(Stage(name="Wait", steps=(Wait(manifests=waited),)))
    return Plan(stages=tuple(stage for stage in stages if stage.steps))


def told(plan: Plan) -> list[str]:
    """One line for each stage: its steps, joined by ` + `."""
    return [" + ".join(_step(step) for step in stage.steps) for stage in plan.stages]


def told_undo(plan: Plan) -> dict[str, str]:
    """What is done when a stage fails, by the first line of the stage."""
    return {
        " + ".join(_step(step) for step in stage.steps): " + ".join(
            _step(step) for step in stage.undo.steps
        )
        for stage in plan.stages
        if stage.undo
    }


def _step(step: Step) -> str:  # noqa: PLR0911 - one line for each kind of step
    match step:
        case Apply():
            return f"apply {_object(step.manifest.document)}"
        case Delete():
            return f"delete {_name(step.ref)}"
        case Wait():
            steady = f" for {step.steady:g} s" if step.steady else ""
            return f"wait {', '.join(_name(each.ref) for each in step.manifests)}{steady}"
        case Patch():
            return f"patch {_name(step.ref)} {_flat(step.body)}"
        case Reroute():
            return f"reroute {_name(step.ref)} {'; '.join(str(each) for each in step.splits)}"
        case WaitPods():
            return f"{'going ' if step.going else ''}pods {_labels(step.labels)}"
        case WaitEndpoints():
            demands = [("ready", step.ready), ("only", step.only), ("none", step.none)]
            said = " ".join(f"{word} {_labels(labels)}" for word, labels in demands if labels)
            return f"endpoints {step.service.name} {said}"
        case WaitAccepted():
            return f"accepted {_name(step.ref)}"
        case Pause():
            return f"pause {step.seconds:g}"


def _object(document: Document) -> str:
    """Kind and name, and what a strategy decides about the kind."""
    said = _name(ref_of(document))
    if document["kind"] == "Deployment":
        said += f" ×{get_in(document, ('spec', 'replicas'))}"
        said += f" {get_in(document, ('spec', 'template', 'spec', 'containers'))[0]['image']}"
        said += f" [{_labels(get_in(document, ('spec', 'template', 'metadata', 'labels')))}]"
    if document["kind"] == "Service":
        said += f" → {_labels(get_in(document, ('spec', 'selector')))}"
    if is_route(document):
        refs = get_in(document, ("spec", "rules"))[0]["backendRefs"]
        said += f" → {_weights((each['name'], each['weight']) for each in refs)}"
    if document["kind"] == "TrafficSplit":
        backends = get_in(document, ("spec", "backends"))
        said += f" → {_weights((each['service'], each['weight']) for each in backends)}"
    if is_ingress(document):
        said += f" → {get_in(document, ('spec', 'defaultBackend', 'service', 'name'))}"
        for rule in get_in(document, ("spec", "rules"), ()):
            known = [each["backend"]["service"]["name"] for each in rule["http"]["paths"]]
            said += f" knows {', '.join(known)}"
    if document["kind"] == "HorizontalPodAutoscaler":
        said += f" → {get_in(document, ('spec', 'scaleTargetRef', 'name'))}"
    return said


def _name(ref: Any) -> str:
    return f"{ref.kind}/{ref.name}"


def _labels(labels: Any) -> str:
    return ",".join(f"{key}={value}" for key, value in labels.items())


def _weights(pairs: Iterable[tuple[str, int]]) -> str:
    return " ".join(f"{name}:{weight}" for name, weight in pairs)


def _flat(body: Any, prefix: str = "") -> str:
    if not isinstance(body, dict):
        return f"{prefix}={body}"
    return " ".join(_flat(value, f"{prefix}.{key}".lstrip(".")) for key, value in body.items())
