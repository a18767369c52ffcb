"""What a step has achieved so far, and how it is handed to the runner, whatever ended it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from aks_action import report
from aks_action.errors import ActionError
from aks_action.model.settings import Settings
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

    def publish(self, workflow: Workflow) -> None:
        """Set the outputs and write the job summary."""
        if self.settings:
            workflow.output("version", self.settings.version)
            workflow.output("release-type", str(self.settings.release_type))
            workflow.output("images", "\n".join(self.images))
            digests = {reference: digest for reference, digest in self.images.items() if digest}
            workflow.output("digests", json.dumps(digests))
        if self.deployments:
            result = report.result(self.deployments[-1])
            workflow.output("result", json.dumps(result))
            restarted = {str(ref) for each in self.deployments for ref in report.restarted(each)}
            workflow.output("restarted", "\n".join(sorted(restarted)))
        workflow.summary(self._summary())

    def _summary(self) -> str:
        parts = []
        if self.images and not self.deployments:
            parts.append(report.images_summary(self.images))
        parts += [report.deployment_summary(each) for each in self.deployments]
        if self.failure and not any(each.failure for each in self.deployments):
            parts.append(report.failure_summary(self.failure))
        return "\n".join(parts)
