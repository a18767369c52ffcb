"""Copies of workloads and Services that stand beside the stable ones.

Suffixes, labels and selectors are those of k8s-deploy, so that a canary or a green that one tool
began can be promoted or rejected by the other. A copy differs from its original in its name, one
label (on the object, in its selector, on its pods) and nothing that only one object may have.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from aks_action.model.documents import get_in, set_in, without
from aks_action.model.manifests import Document, ObjectRef

VERSION_LABEL = "workflow/version"
COLOUR_LABEL = "k8s.deploy.color"

WORKLOAD_KINDS = ("Deployment", "ReplicaSet", "DaemonSet", "Pod", "StatefulSet")
"""The kinds that canary and blue-green copy, as in k8s-deploy."""


class Version(StrEnum):
    """Values of `workflow/version`, which are also the suffixes of the names."""

    STABLE = "stable"
    BASELINE = "baseline"
    CANARY = "canary"


class Colour(StrEnum):
    """Values of `k8s.deploy.color`. Blue is written `None` and keeps its plain name."""

    BLUE = "None"
    GREEN = "green"


_LONGEST_NAMES: Mapping[str, int] = {
    "Service": 63,  # a DNS label (RFC 1035)
    "StatefulSet": 52,  # its name, `-` and a hash are the value of a label, 63 at most
    "Deployment": 242,  # its name, `-` and a hash name the ReplicaSet, 253 at most
}
_LONGEST_NAME = 253
"""A DNS subdomain (RFC 1123), the limit for all other kinds."""

_OF_ONE_OBJECT = (
    ("metadata", "annotations", "deployment.kubernetes.io/revision"),
    ("metadata", "annotations", "deprecated.daemonset.template.generation"),
    ("metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"),
    ("spec", "template", "metadata", "creationTimestamp"),
    ("spec", "nodeName"),
    ("spec", "ephemeralContainers"),
)
"""What belongs to the very object a copy is made of: its history, and where it runs."""

_OUTWARD = (
    "allocateLoadBalancerNodePorts",
    "externalIPs",
    "externalTrafficPolicy",
    "healthCheckNodePort",
    "loadBalancerClass",
    "loadBalancerIP",
    "loadBalancerSourceRanges",
    "clusterIPs",
    "ipFamilies",
)
"""Fields of a Service that would give its copy addresses of its own, or take the original's."""


def copy_name(kind: str, name: str, suffix: str) -> str:
    """`name-suffix`; a name that would be too long for its kind is cut and told apart by a hash."""
    limit = _LONGEST_NAMES.get(kind, _LONGEST_NAME)
    full = f"{name}-{suffix}"
    if len(full) <= limit:
        return full
    mark = hashlib.sha256(name.encode()).hexdigest()[:6]
    kept = name[: limit - len(suffix) - len(mark) - 2].rstrip("-.")
    return f"{kept}-{mark}-{suffix}"


def copy_ref(ref: ObjectRef, suffix: str) -> ObjectRef:
    """The identity of the copy of an object."""
    return ObjectRef(
        api_version=ref.api_version,
        kind=ref.kind,
        name=copy_name(ref.kind, ref.name, suffix),
        namespace=ref.namespace,
    )


def versioned(document: Document, version: Version, *, rename: bool = True) -> Document:
    """A workload or Service as `stable`, `baseline` or `canary`: name, labels and annotation.

    rename: False keeps the plain name, for a stable that was live under it.
    """
    copy = _marked(document, VERSION_LABEL, version)
    copy = set_in(copy, ("metadata", "annotations", VERSION_LABEL), str(version))
    return _as_copy(copy, version) if rename else copy


def coloured(document: Document, colour: Colour, *, rename: bool = True) -> Document:
    """A workload or Service as green (`name-green`) or as blue (its plain name).

    rename: False keeps the plain name of a Service that is switched to green.
    """
    copy = _marked(document, COLOUR_LABEL, colour)
    return _as_copy(copy, colour) if rename and colour is Colour.GREEN else copy


def copied_service(service: Document, suffix: str) -> Document:
    """A copy of a Service with the same selector, under `name-suffix`."""
    return _as_copy(service, suffix)


def selecting(service: Document, labels: Mapping[str, str]) -> Document:
    """The Service itself, routing to the pods that also have `labels`."""
    return set_in(service, ("spec", "selector"), {**_selector(service), **labels})


def with_live_selector(document: Document, live: Document | None, label: str) -> Document:
    """The workload with its live selector, where that differs in `label` alone.

    A selector cannot be changed. The label is on the pods anyway, which is what Services look
    at, so a workload that `basic` made need not be replaced for it.
    """
    path = ("spec", "selector", "matchLabels")
    old, new = get_in(live, path), get_in(document, path)
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return document
    plain_old = {key: value for key, value in old.items() if key != label}
    plain_new = {key: value for key, value in new.items() if key != label}
    return set_in(document, path, dict(old)) if plain_old == plain_new else document


def pod_labels_of(workload: Document) -> Mapping[str, str]:
    """The labels of the pods that one of `WORKLOAD_KINDS` makes; of a Pod its own."""
    template = () if workload.get("kind") == "Pod" else ("spec", "template")
    labels = get_in(workload, (*template, "metadata", "labels"))
    return labels if isinstance(labels, Mapping) else {}


def _marked(document: Document, label: str, value: str) -> Document:
    """The object with a label: on itself, in its selector, and on its pods."""
    value = str(value)
    marked = set_in(document, ("metadata", "labels", label), value)
    if document["kind"] == "Service":
        return selecting(marked, {label: value}) if _selector(document) else marked
    if isinstance(get_in(document, ("spec", "selector")), Mapping):
        marked = set_in(marked, ("spec", "selector", "matchLabels", label), value)
    if isinstance(get_in(document, ("spec", "template")), Mapping):
        marked = set_in(marked, ("spec", "template", "metadata", "labels", label), value)
    return marked


def _as_copy(document: Document, suffix: str) -> Document:
    """The object under the name of the copy, without what only the original may have."""
    metadata = document["metadata"]
    copied = {
        key: metadata[key]
        for key in ("namespace", "labels", "annotations")
        if metadata.get(key) is not None
    }
    name = copy_name(document["kind"], metadata["name"], str(suffix))
    copy: Document = {**document, "metadata": {"name": name, **copied}}
    copy = without(copy, ("status",))
    for path in _OF_ONE_OBJECT:
        copy = without(copy, path)
    return _inward(copy) if document["kind"] == "Service" else copy


def _inward(service: Document) -> Document:
    """A Service without outward addresses. A headless one stays headless, as its clients expect."""
    spec: dict[str, Any] = {
        key: value for key, value in service["spec"].items() if key not in _OUTWARD
    }
    if spec.get("clusterIP") != "None":
        spec.pop("clusterIP", None)
    if spec.get("type") in ("LoadBalancer", "NodePort"):
        spec["type"] = "ClusterIP"
    ports = spec.get("ports")
    if isinstance(ports, list):
        spec["ports"] = [without(port, ("nodePort",)) for port in ports]
    return {**service, "spec": spec}


def _selector(service: Document) -> Mapping[str, str]:
    selector = get_in(service, ("spec", "selector"))
    return selector if isinstance(selector, Mapping) else {}
