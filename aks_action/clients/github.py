"""GitHub's REST API, asked for one thing: the file of a workflow that is known by name only.

Runners tell the file in GITHUB_WORKFLOW_REF; old GitHub Enterprise servers do not.
https://docs.github.com/rest/actions/workflows#list-repository-workflows
"""

from __future__ import annotations

from aks_action.clients.clock import SystemClock, TimeLimit
from aks_action.clients.http import Answer, Http
from aks_action.errors import ApplyError
from aks_action.model import origins
from aks_action.model.bounded import read_json

TIMEOUT_SECONDS = 5.0


def workflow_path(api_url: str, repository: str, name: str, token: str) -> str:
    """`.github/workflows/x.yml` of the workflow called `name`; empty when GitHub does not say.

    api_url: as the runner gives it. The token goes there by HTTPS, else nobody asks.
    One request, without a retry: what it tells is a convenience and must never cost a deploy.
    """
    headers = {"Accept": "application/vnd.github+json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    url = f"{api_url.rstrip('/')}/repos/{repository}/actions/workflows?per_page=100"
    http = Http(
        limit=TimeLimit(SystemClock(), TIMEOUT_SECONDS),
        error=lambda answer: ApplyError(answer.sentence),
        patience=TIMEOUT_SECONDS,
    )
    answer = http.attempt("GET", url, to=origins.of_runner(api_url), headers=headers)
    try:
        if not isinstance(answer, Answer) or answer.status != 200:
            return ""
        workflows = read_json(answer.body)["workflows"]
        return next((str(each["path"]) for each in workflows if each["name"] == name), "")
    except (ValueError, KeyError, TypeError):
        return ""
