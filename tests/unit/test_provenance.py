"""The labels and the annotation that tell which run deployed an object."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given

from aks_action.errors import Source
from aks_action.model import provenance
from aks_action.model.manifests import Manifest
from aks_action.model.provenance import RUN_ANNOTATION, RunContext
from tests.unit.odd_text import odd_text

RUN = RunContext(
    repository="acme/shop",
    run_id="42",
    workflow="Deploy to production",
    workflow_file="deploy.yml",
    job="deploy",
    actor="ann",
    sha="abc",
    ref="refs/heads/main",
    server_url="https://ghe.example",
    manifest_paths=("./k8s/web.yml", "https://example.com/m.yml"),
    dockerfile_paths={"web:1": "web/Dockerfile", "db:1": ""},
)


def manifest(**metadata: object) -> Manifest:
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", **metadata}}
    return Manifest(document=document, source=Source(file="a.yml"))


def test_the_annotation_has_the_keys_of_the_contract_in_their_order() -> None:
    """Readers of k8s-deploy's annotation find the same keys, and links to their own server."""
    text = provenance.run_annotation(RUN, deployed_at_ms=1700000000123, last_success_commit="old")
    assert ": " not in text
    assert ", " not in text
    assert list(json.loads(text).items()) == [
        ("run", "42"),
        ("repository", "acme/shop"),
        ("workflow", "Deploy to production"),
        ("workflowFileName", "deploy.yml"),
        ("jobName", "deploy"),
        ("createdBy", "ann"),
        ("runUri", "https://ghe.example/acme/shop/actions/runs/42"),
        ("commit", "abc"),
        ("lastSuccessRunCommit", "old"),
        ("branch", "refs/heads/main"),
        ("deployTimestamp", 1700000000123),
        (
            "dockerfilePaths",
            {"db:1": "", "web:1": "https://ghe.example/acme/shop/blob/abc/web/Dockerfile"},
        ),
        (
            "manifestsPaths",
            ["https://ghe.example/acme/shop/blob/abc/k8s/web.yml", "https://example.com/m.yml"],
        ),
        ("helmChartPaths", []),
        ("provider", "GitHub"),
    ]


def test_with_helm_charts_the_manifest_paths_stay_paths() -> None:
    run = RunContext(manifest_paths=("out/all.yml",), helm_chart_paths=("chart",))
    value = json.loads(provenance.run_annotation(run, deployed_at_ms=1))
    assert value["manifestsPaths"] == ["out/all.yml"]
    assert value["helmChartPaths"] == ["chart"]


@pytest.mark.parametrize(
    ("ref", "file"),
    [
        ("acme/shop/.github/workflows/deploy.yml@refs/heads/main", "deploy.yml"),
        ("acme/shop/.github/workflows/a.yml@refs/heads/x@y", "a.yml"),
        (".github/workflows/plain.yaml", "plain.yaml"),
        ("", ""),
        ("Deploy", ""),
    ],
)
def test_the_workflow_file_is_read_from_its_ref(ref: str, file: str) -> None:
    assert provenance.workflow_file(ref) == file


@pytest.mark.parametrize(
    ("workflow", "label"),
    [
        ("Deploy to production", "Deploy_to_production"),
        (".github/workflows/deploy.yml", "deploy.yml"),
        ("build/test|deploy", "build-test-deploy"),
        ("🚀 Ship & go!", "Ship__go"),
        ("部署", "github-workflow-file"),
        ("", "github-workflow-file"),
        ("x" * 62 + "-y", "x" * 62),
    ],
)
def test_a_workflow_name_becomes_a_label(workflow: str, label: str) -> None:
    assert provenance.friendly_name(workflow) == label


@given(odd_text(max_size=100))
def test_every_workflow_name_becomes_a_valid_label(workflow: str) -> None:
    """Kubernetes takes at most 63 characters that begin and end with a letter or digit."""
    label = provenance.friendly_name(workflow)
    assert len(label) <= 63
    assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?", label)


def test_labels_are_added_and_the_users_own_stay() -> None:
    """A `workflow` label in the manifest is the user's, whatever we would have written."""
    labelled = provenance.with_labels(manifest(labels={"workflow": "argo", "app": "x"}), RUN)
    assert labelled.labels == {
        "workflow": "argo",
        "workflowFriendlyName": "Deploy_to_production",
        "app": "x",
    }


def test_a_live_workflow_label_of_somebody_else_is_not_overwritten() -> None:
    live = {"metadata": {"labels": {"workflow": "argo"}}}
    assert "workflow" not in provenance.with_labels(manifest(), RUN, live).labels
    ours = {"metadata": {"labels": {"workflow": "actions.github.com-k8s-deploy"}}}
    assert "workflow" in provenance.with_labels(manifest(labels=None), RUN, ours).labels


def test_an_object_is_checked_with_the_annotation_that_it_has() -> None:
    """So that a new run alone is no change."""
    live = {"metadata": {"annotations": {RUN_ANNOTATION: '{"run":"1"}'}}}
    checked = provenance.annotate(manifest(), RUN, live, annotations=True)
    assert checked.annotations[RUN_ANNOTATION] == '{"run":"1"}'
    assert (
        RUN_ANNOTATION
        not in provenance.annotate(manifest(), RUN, None, annotations=True).annotations
    )


def test_one_switch_turns_off_labels_and_annotations() -> None:
    plain = manifest()
    assert provenance.annotate(plain, RUN, None, annotations=False) is plain


def test_the_original_document_is_not_edited() -> None:
    plain = manifest(labels={"app": "x"}, annotations={"a": "b"})
    provenance.with_run_annotation(provenance.with_labels(plain, RUN), "{}")
    assert plain == manifest(labels={"app": "x"}, annotations={"a": "b"})


@pytest.mark.parametrize(
    ("annotation", "commit"),
    [
        ('{"commit":"it\'s"}', "it's"),
        ("{}", "NA"),
        ("not json", "NA"),
        ("[1]", "NA"),
        ("[" * 100_000, "NA"),
        ("[" * 900 + "]" * 900, "NA"),
        ('{"commit":7}', "NA"),
    ],
)
def test_the_last_commit_is_read_from_the_namespace(annotation: str, commit: str) -> None:
    namespace = {"metadata": {"annotations": {RUN_ANNOTATION: annotation}}}
    assert provenance.last_success_commit(namespace) == commit
    assert provenance.last_success_commit(None) == "NA"


def test_a_namespace_outside_of_the_manifests_is_patched() -> None:
    assert provenance.annotation_patch("v") == {"metadata": {"annotations": {RUN_ANNOTATION: "v"}}}
