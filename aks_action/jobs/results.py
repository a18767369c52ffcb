"""What a step has achieved so far, and how it is handed to the runner, whatever ended it."""

from __future__ import annotations

from dataclasses import dataclass, field

from aks_action import report
from aks_action.errors import ActionError
from aks_action.model.images.release_plan import Published
from aks_action.model.settings import Settings
from aks_action.model.versions import release_type
from aks_action.workflow import Workflow


@dataclass(slots=True, kw_only=True)
class Results:
    """Filled by the jobs as they go; true at any moment.

    images: full reference → digest, empty where the registry was not asked.
    """

    settings: Settings | None = None
    images: dict[str, str] = field(default_factory=dict)
    deployments: list[report.Deployment] = field(default_factory=list)
    failure: ActionError | None = None

    def published(self, image: Published) -> None:
        """Note an image that the registry has now; called from several threads."""
        self.images[str(image.reference)] = image.digest

    def set_outputs(self, workflow: Workflow) -> None:
        """Set the outputs. Raises ReportError where the runner's file cannot be written."""
        if self.settings:
            # A rollback deploys another version than the one that the run is about.
            last = self.deployments[-1] if self.deployments else None
            version = last.version if last else self.settings.version
            workflow.output("version", version)
            workflow.output("release-type", str(release_type(version)))
            images = dict(self.images)  # a push that a signal left behind may still end
            workflow.output("images", "\n".join(images))
            digests = {reference: digest for reference, digest in images.items() if digest}
            workflow.json_output("digests", digests)
            if self.deployments or any(action.needs_cluster for action in self.settings.actions):
                workflow.json_output("result", report.result(last))
                refs = {str(ref) for each in self.deployments for ref in report.restarted(each)}
                workflow.output("restarted", "\n".join(sorted(refs)))

    def write_summary(self, workflow: Workflow) -> None:
        """Write the job summary. Raises ReportError as well."""
        workflow.summary(self._summary())

    def _summary(self) -> str:
        parts = []
        if self.images and not self.deployments:
            parts.append(report.images_summary(dict(self.images)))
        parts += [report.deployment_summary(each) for each in self.deployments]
        if self.failure and not any(each.failure for each in self.deployments):
            parts.append(report.failure_summary(self.failure))
        return "\n".join(parts)
