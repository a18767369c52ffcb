"""Which workflow run deployed it: written into the objects, and onto the namespace."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property

from aks_action.clients.ports import Cluster
from aks_action.model import provenance
from aks_action.model.manifests import Document, ManifestSet
from aks_action.model.observed import Observed
from aks_action.model.settings import Settings
from aks_action.runtime.executing import namespace_annotation
from aks_action.runtime.executing.journal import Journal


class Provenance:
    """The labels and the annotation of one run; nothing at all with `annotate-resources: false`."""

    def __init__(
        self,
        settings: Settings,
        env: Mapping[str, str],
        cluster: Cluster,
        tell: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._env = env
        self._cluster = cluster
        self._tell = tell

    @property
    def _namespace(self) -> str:
        """The namespace to annotate; empty for none."""
        deploy = self._settings.deploy
        wanted = deploy.annotate_resources and deploy.annotate_namespace
        return deploy.namespace if wanted else ""

    def labelled(self, manifests: ManifestSet, observed: Observed) -> ManifestSet:
        """The manifests with the workflow's labels."""
        if not self._settings.deploy.annotate_resources:
            return manifests
        return tuple(
            provenance.annotate(
                each, self._settings.run, observed.live.get(each.ref), annotations=True
            )
            for each in manifests
        )

    @cached_property
    def annotation(self) -> str | None:
        """The value of the run annotation; None when nothing is to be annotated."""
        if not self._settings.deploy.annotate_resources:
            return None
        namespace = (
            namespace_annotation.read(self._cluster, self._namespace, self._tell)
            if self._namespace
            else None
        )
        return provenance.run_annotation(
            self._run(),
            deployed_at_ms=int(time.time() * 1000),
            last_success_commit=provenance.last_success_commit(namespace),
        )

    def leave_on_namespace(self, journal: Journal) -> Document | None:
        """Annotate the namespace, if the run wrote anything and may; returns it, where it was."""
        return self.annotate_namespace(self._cluster) if journal.has_written else None

    def annotate_namespace(self, cluster: Cluster) -> Document | None:
        """The one request of that, if it is to be; returns the Namespace."""
        if not (self._namespace and self.annotation):
            return None
        return namespace_annotation.write(cluster, self._namespace, self.annotation, self._tell)

    def _run(self) -> provenance.RunContext:
        run = self._settings.run
        if not run.workflow_file and run.workflow and run.repository:
            run = replace(run, workflow_file=self._asked())
        return replace(
            run,
            manifest_paths=self._settings.deploy.manifests,
            dockerfile_paths=dict.fromkeys(self._settings.deploy.images, ""),
        )

    def _asked(self) -> str:
        """The workflow's file as GitHub knows it, when the runner did not say."""
        from aks_action.clients.github import workflow_path  # noqa: PLC0415

        url = self._env.get("GITHUB_API_URL") or "https://api.github.com"
        run, token = self._settings.run, self._settings.deploy.token
        return provenance.workflow_file(workflow_path(url, run.repository, run.workflow, token))
