"""The report: the plan and what became of it, for the log, the job summary and the outputs."""

from aks_action.report.deployment import Deployment, restarted, result
from aks_action.report.log import diagnosis_text, outcome_text, plan_text
from aks_action.report.summary import deployment_summary, failure_summary, images_summary

__all__ = [
    "Deployment",
    "deployment_summary",
    "diagnosis_text",
    "failure_summary",
    "images_summary",
    "outcome_text",
    "plan_text",
    "restarted",
    "result",
]
