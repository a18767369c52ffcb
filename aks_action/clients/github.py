"""GitHub's REST API, asked for one thing: the file of a workflow that is known by name only.

Runners tell the file in GITHUB_WORKFLOW_REF; old GitHub Enterprise servers do not.
https://docs.github.com/rest/actions/workflows#list-repository-workflows
"""

from __future__ import annotations

import json

import urllib3

TIMEOUT_SECONDS = 5.0


def workflow_path(api_url: str, repository: str, name: str, token: str) -> str:
    """`.github/workflows/x.yml` of the workflow called `name`; empty when GitHub does not say.

    One request, without a retry: what it tells is a convenience and must never cost a deploy.
    """
    headers = {"Accept": "application/vnd.github+json", "User-Agent": "aks-action"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    url = f"{api_url.rstrip('/')}/repos/{repository}/actions/workflows?per_page=100"
    try:
        answer = urllib3.request(
            "GET",
            url,
            headers=headers,
            timeout=urllib3.Timeout(total=TIMEOUT_SECONDS),
            retries=False,
            redirect=False,
        )
        workflows = json.loads(answer.data)["workflows"] if answer.status == 200 else []
        return next((str(each["path"]) for each in workflows if each["name"] == name), "")
    except (urllib3.exceptions.HTTPError, ValueError, KeyError, TypeError):
        return ""
