"""Which workflow run put an object there: the labels and the annotation of k8s-deploy.

Keys and values are those that `Azure/k8s-deploy` writes, so that what reads them goes on working;
they are part of the objects before those are applied. What differs on purpose: links lead to the
run's own GitHub server, labels are cut to what Kubernetes allows, and a user's own `workflow`
label stays.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aks_action.model.bounded import Unpackable, read_json
from aks_action.model.documents import get_in, set_in
from aks_action.model.manifests import Document, Manifest

RUN_ANNOTATION = "actions.github.com/k8s-deploy"
WORKFLOW_LABEL = "workflow"
WORKFLOW_LABEL_VALUE = "actions.github.com-k8s-deploy"
FRIENDLY_NAME_LABEL = "workflowFriendlyName"

NO_COMMIT = "NA"
"""`lastSuccessRunCommit` where no earlier run is known."""

_WORKFLOW_FOLDER = ".github/workflows/"
_ANNOTATION_PATH = ("metadata", "annotations", RUN_ANNOTATION)
_LABELS_PATH = ("metadata", "labels")
_LONGEST_LABEL = 63
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """The workflow run, as GitHub's variables tell it; empty texts where they are absent.

    workflow:         the workflow's name.      workflow_file: its file, see `workflow_file`.
    manifest_paths:   the `manifests` input: paths relative to the workspace, or URLs.
    dockerfile_paths: image reference → path of its Dockerfile, empty where it is not known.
    helm_chart_paths: the items of HELM_CHART_PATHS.
    """

    repository: str = ""
    run_id: str = ""
    run_attempt: str = ""
    workflow: str = ""
    workflow_file: str = ""
    job: str = ""
    actor: str = ""
    sha: str = ""
    ref: str = ""
    server_url: str = "https://github.com"
    manifest_paths: tuple[str, ...] = ()
    dockerfile_paths: Mapping[str, str] = field(default_factory=dict)
    helm_chart_paths: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """The page of the run."""
        return f"{self.server_url}/{self.repository}/actions/runs/{self.run_id}"

    def link(self, path: str) -> str:
        """The page of a file at the run's commit; a URL stays as it is."""
        if re.match(r"https?://", path) or not path:
            return path
        return f"{self.server_url}/{self.repository}/blob/{self.sha}/{path.removeprefix('./')}"


def workflow_file(workflow_ref: str) -> str:
    """The workflow's file below `.github/workflows`, or empty where it cannot be told.

    `workflow_ref` is GITHUB_WORKFLOW_REF: `owner/repo/.github/workflows/deploy.yml@refs/…`. The
    name of a workflow without a name is its path, which is understood too.
    """
    path, _, _ = workflow_ref.partition("@")
    _, found, file = path.partition(_WORKFLOW_FOLDER)
    return file if found else ""


def friendly_name(workflow: str) -> str:
    """A workflow's name as the value of a label: cleaned as k8s-deploy does, and cut to 63."""
    text = re.sub(r"\s", "_", workflow.removeprefix(_WORKFLOW_FOLDER))
    text = re.sub(r"[/\\|]", "-", text)
    text = re.sub(r"[^A-Za-z0-9_.-]", "", text)
    start = _LABEL.search(text)
    cut = _LABEL.search(start.group()[:_LONGEST_LABEL]) if start else None
    return cut.group() if cut else "github-workflow-file"


def run_annotation(
    run: RunContext, *, deployed_at_ms: int, last_success_commit: str = NO_COMMIT
) -> str:
    """The value of the run annotation: compact JSON, with k8s-deploy's keys in its order.

    deployed_at_ms:      milliseconds since 1970, in UTC.
    last_success_commit: see `last_success_commit`.
    """
    manifests = list(run.manifest_paths)
    if not run.helm_chart_paths:
        manifests = [run.link(path) for path in manifests]
    value: dict[str, Any] = {
        "run": run.run_id,
        "repository": run.repository,
        "workflow": run.workflow,
        "workflowFileName": (run.workflow_file or run.workflow).removeprefix(_WORKFLOW_FOLDER),
        "jobName": run.job,
        "createdBy": run.actor,
        "runUri": run.url,
        "commit": run.sha,
        "lastSuccessRunCommit": last_success_commit,
        "branch": run.ref,
        "deployTimestamp": deployed_at_ms,
        "dockerfilePaths": {
            image: run.link(path) for image, path in sorted(run.dockerfile_paths.items())
        },
        "manifestsPaths": manifests,
        "helmChartPaths": list(run.helm_chart_paths),
        "provider": "GitHub",
    }
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def last_success_commit(namespace: Document | None) -> str:
    """The commit that the run annotation of a live Namespace names, `NA` where there is none."""
    value = live_run_annotation(namespace)
    try:
        commit = get_in(read_json(value or "{}"), ("commit",))
    except Unpackable:
        return NO_COMMIT
    return commit if isinstance(commit, str) and commit else NO_COMMIT


def with_labels(manifest: Manifest, run: RunContext, live: Document | None = None) -> Manifest:
    """The manifest with the two workflow labels; those that the user gave are left alone.

    live: the object in the cluster. A `workflow` label there that is not k8s-deploy's is
          somebody's own, too.
    """
    ours = {
        WORKFLOW_LABEL: WORKFLOW_LABEL_VALUE,
        FRIENDLY_NAME_LABEL: friendly_name(run.workflow),
    }
    theirs = get_in(live, (*_LABELS_PATH, WORKFLOW_LABEL), WORKFLOW_LABEL_VALUE)
    if theirs != WORKFLOW_LABEL_VALUE:
        del ours[WORKFLOW_LABEL]
    labels = {**ours, **manifest.labels}
    return manifest.with_document(set_in(manifest.document, _LABELS_PATH, labels))


def with_run_annotation(manifest: Manifest, value: str | None) -> Manifest:
    """The manifest with the run annotation set to `value`; None leaves it as it is."""
    if value is None:
        return manifest
    return manifest.with_document(set_in(manifest.document, _ANNOTATION_PATH, value))


def live_run_annotation(live: Document | None) -> str | None:
    """The run annotation that an object in the cluster has, or None.

    The rule that an unchanged deploy writes nothing is kept with it: an object is checked with
    the live value, and only one that changes otherwise is applied with the new one.
    """
    value = get_in(live, _ANNOTATION_PATH)
    return value if isinstance(value, str) else None


def annotate(
    manifest: Manifest, run: RunContext, live: Document | None, *, annotations: bool
) -> Manifest:
    """The manifest as it is to be checked: labels, and the run annotation that is there already.

    annotations: the input `annotate-resources`. False leaves the object exactly as it was
                 written, labels too (k8s-deploy still writes those; its users ask for one switch).
    """
    if not annotations:
        return manifest
    return with_run_annotation(with_labels(manifest, run, live), live_run_annotation(live))


def annotation_patch(value: str) -> dict[str, Any]:
    """A merge patch that sets the run annotation, for a Namespace that is not a manifest."""
    return set_in({}, _ANNOTATION_PATH, value)
