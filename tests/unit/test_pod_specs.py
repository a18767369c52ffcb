"""Pod specs are found in every workload kind and in CRDs, and changed without side effects."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from aks_action.model import pod_specs

SPEC = {
    "initContainers": [{"name": "init", "image": "init:1"}],
    "containers": [{"name": "web", "image": "web:1"}, {"name": "log", "image": "log:1"}],
    "ephemeralContainers": [{"name": "debug", "image": "debug:1"}],
}


def workload(api_version: str, kind: str, path: str, spec: Any = SPEC) -> dict[str, Any]:
    value: Any = spec
    for key in reversed(path.split(".")):
        value = {key: value}
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}, **value}


@pytest.mark.parametrize(
    ("api_version", "kind", "path"),
    [
        ("v1", "Pod", "spec"),
        ("v1", "PodTemplate", "template.spec"),
        ("v1", "ReplicationController", "spec.template.spec"),
        ("apps/v1", "Deployment", "spec.template.spec"),
        ("apps/v1", "ReplicaSet", "spec.template.spec"),
        ("apps/v1", "StatefulSet", "spec.template.spec"),
        ("apps/v1", "DaemonSet", "spec.template.spec"),
        ("batch/v1", "Job", "spec.template.spec"),
        ("batch/v1", "CronJob", "spec.jobTemplate.spec.template.spec"),
        ("keda.sh/v1alpha1", "ScaledJob", "spec.jobTargetRef.template.spec"),
        ("argoproj.io/v1alpha1", "Rollout", "spec.template.spec"),
        ("serving.knative.dev/v1", "Service", "spec.template.spec"),
        ("apps.kruise.io/v1alpha1", "CloneSet", "spec.template.spec"),
    ],
)
def test_containers_of_every_kind_are_found(api_version: str, kind: str, path: str) -> None:
    found = list(pod_specs.containers(workload(api_version, kind, path)))
    assert [(each.name, each.image) for each in found] == [
        ("init", "init:1"),
        ("web", "web:1"),
        ("log", "log:1"),
        ("debug", "debug:1"),
    ]
    assert pod_specs.path_text(found[1].path) == f"{path}.containers[0]"


def test_pod_specs_inside_lists_are_found() -> None:
    """A JobSet has one pod template for each of its jobs."""
    jobs = [{"template": {"spec": {"template": {"spec": SPEC}}}} for _ in range(2)]
    document = workload("jobset.x-k8s.io/v1alpha2", "JobSet", "spec.replicatedJobs", jobs)
    assert [pod_specs.path_text(path) for path in pod_specs.pod_spec_paths(document)] == [
        "spec.replicatedJobs[0].template.spec.template.spec",
        "spec.replicatedJobs[1].template.spec.template.spec",
    ]


@pytest.mark.parametrize(
    "document",
    [
        workload("v1", "ConfigMap", "data", SPEC),
        workload("apiextensions.k8s.io/v1", "CustomResourceDefinition", "spec.x"),
        workload("example.com/v1", "Thing", "status.template.spec"),
        workload("example.com/v1", "Thing", "spec", {"containers": ["a", "b"]}),
        workload("example.com/v1", "Thing", "spec", {"containers": {"image": "x"}}),
        workload("example.com/v1", "Thing", "spec", {"containers": []}),
        workload("apps/v1", "Deployment", "spec.template", None),
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": []},
    ],
)
def test_what_is_no_pod_spec_is_left_alone(document: dict[str, Any]) -> None:
    assert not pod_specs.is_workload(document)
    assert list(pod_specs.containers(document)) == []


def test_a_malformed_pod_spec_has_containers_without_names() -> None:
    """The API server refuses it later; nothing may break before."""
    spec = {"containers": ["x", {"name": 1}], "initContainers": "no"}
    document = workload("v1", "Pod", "spec", spec)
    assert [(each.name, each.image) for each in pod_specs.containers(document)] == [("", "")] * 2
    assert pod_specs.with_containers(document, lambda each: {**each}) == document


def test_a_change_leaves_the_original_and_shared_parts_alone() -> None:
    """YAML aliases give one mapping twice: the change must reach one place only once."""
    shared = {"name": "web", "image": "web:1"}
    document = workload("v1", "Pod", "spec", {"containers": [shared], "initContainers": [shared]})
    before = copy.deepcopy(document)
    changed = pod_specs.with_containers(
        document, lambda each: {**each, "image": each["image"] + "0"}
    )
    assert document == before
    assert [each.image for each in pod_specs.containers(changed)] == ["web:10", "web:10"]


def test_a_change_that_changes_nothing_gives_the_same_object() -> None:
    document = workload("apps/v1", "Deployment", "spec.template.spec")
    assert pod_specs.with_containers(document, lambda each: each) is document


def test_pod_labels_are_those_of_the_template() -> None:
    document = workload("apps/v1", "Deployment", "spec.template.spec")
    document["spec"]["template"]["metadata"] = {"labels": {"app": "web"}}
    assert list(pod_specs.pod_labels(document)) == [{"app": "web"}]
    assert list(pod_specs.pod_labels(workload("v1", "Pod", "spec"))) == [{}]


def test_a_path_beyond_the_document_has_no_value() -> None:
    assert pod_specs.value_at({"a": [1]}, ("a", 0)) == 1
    assert pod_specs.value_at({"a": [1]}, ("a", 1)) is None
    assert pod_specs.value_at({"a": 1}, ("a", "b")) is None
    assert pod_specs.value_at({"a": {}}, ("a", 0)) is None
