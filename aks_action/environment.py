"""What the runner tells a step through its environment.

A container action sees the workspace and the runner's temp folder under other paths than the
host does, while inputs and variables of earlier steps may still hold the host's paths: here is
where one becomes the other. Only mappings go in, so that a test needs no runner.
https://docs.github.com/actions/reference/workflows-and-actions/variables
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath

from aks_action.model.provenance import RunContext, workflow_file

_OF_THE_JOB = (
    "KUBECONFIG", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_CONFIG_DIR", "DOCKER_CONFIG",
    "GOOGLE_APPLICATION_CREDENTIALS", "GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STATE",
    "GITHUB_STEP_SUMMARY", "GITHUB_EVENT_PATH",
)  # fmt: skip
"""Variables that name files with credentials, and those by which steps command the runner."""

_HOST_TEMP_FOLDER = "_temp"
"""The last part of RUNNER_TEMP on every runner, as the runner names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Folders as this process sees them, and the prefixes by which the host calls them.

    own: files and folders of the job itself, such as its kubeconfig: they may lie in the temp
         folder, and no file of the repository may lead a build there.
    """

    workspace: Path
    temp: Path | None
    host_workspaces: tuple[str, ...]
    own: tuple[str, ...] = ()

    @property
    def roots(self) -> tuple[str, ...]:
        """The folders outside of which no file of a repository is read, without links in them."""
        return _resolved(self.workspace, self.temp)

    def seen(self, path: str) -> Path:
        """A path of an earlier step as this process sees it: itself where that exists.

        Else what follows the runner's temp folder in it, below our own temp folder.
        """
        candidate = Path(path)
        parts = PurePosixPath(path).parts
        if self.temp is None or _HOST_TEMP_FOLDER not in parts or _exists(candidate):
            return candidate
        below = parts[parts.index(_HOST_TEMP_FOLDER) + 1 :]
        return self.temp.joinpath(*below)

    def in_workspace(self, path: str) -> str:
        """A path below the host's workspace as one below ours; any other as it is."""
        for host in self.host_workspaces:
            if PurePosixPath(path).is_relative_to(host):
                return str(self.workspace / PurePosixPath(path).relative_to(host))
        return path


@lru_cache(maxsize=8)
def _resolved(*folders: Path | None) -> tuple[str, ...]:
    """Once for all files: neither becomes another folder while a step runs."""
    return tuple(str(folder.resolve()) for folder in folders if folder is not None)


def _exists(path: Path) -> bool:
    """Whether there is such a file; what no file can be called (base64, say) is none."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def folders(env: Mapping[str, str], given_kubeconfig: str = "") -> Folders:
    """The folders of the job; outside of a runner the current folder is the workspace.

    given_kubeconfig: text or path, of the input.
    """
    workspace = env.get("GITHUB_WORKSPACE") or str(Path.cwd())
    repository = env.get("GITHUB_REPOSITORY", "").rpartition("/")[2]
    hosts = []
    if repository and (host := env.get("RUNNER_WORKSPACE")):
        hosts.append(str(PurePosixPath(host) / repository))
    if repository:
        hosts += [
            f"/home/runner/work/{repository}/{repository}",
            f"/__w/{repository}/{repository}",
        ]
    temp = env.get("RUNNER_TEMP")
    found = Folders(
        workspace=Path(workspace),
        temp=Path(temp) if temp else None,
        host_workspaces=tuple(dict.fromkeys(hosts)),
    )
    return replace(found, own=tuple(_own(env, found, given_kubeconfig)))


def _own(env: Mapping[str, str], found: Folders, given_kubeconfig: str) -> Iterator[str]:
    named = ":".join(env.get(name, "") for name in _OF_THE_JOB)
    for path in filter(None, (given_kubeconfig, *named.split(":"))):
        if _exists(seen := found.seen(path)):
            yield str(seen.resolve())


def git_tag(env: Mapping[str, str]) -> str:
    """The tag that was pushed or released; empty when the run is about a branch."""
    if env.get("GITHUB_REF_TYPE") == "tag":
        return env.get("GITHUB_REF_NAME", "")
    ref = env.get("GITHUB_REF", "")
    return ref.removeprefix("refs/tags/") if ref.startswith("refs/tags/") else ""


def run_context(env: Mapping[str, str]) -> RunContext:
    """The workflow run, for labels, annotations and the lock's holder.

    GITHUB_WORKFLOW_REF names the workflow's file (`owner/repo/.github/workflows/x.yml@ref`).
    """
    return RunContext(
        repository=env.get("GITHUB_REPOSITORY", ""),
        run_id=env.get("GITHUB_RUN_ID", ""),
        run_attempt=env.get("GITHUB_RUN_ATTEMPT", ""),
        workflow=env.get("GITHUB_WORKFLOW", ""),
        workflow_file=workflow_file(env.get("GITHUB_WORKFLOW_REF", "")),
        job=env.get("GITHUB_JOB", ""),
        actor=env.get("GITHUB_ACTOR", ""),
        sha=env.get("GITHUB_SHA", ""),
        ref=env.get("GITHUB_REF", ""),
        server_url=env.get("GITHUB_SERVER_URL", "") or "https://github.com",
        helm_chart_paths=tuple(
            path.strip() for path in env.get("HELM_CHART_PATHS", "").split(";") if path.strip()
        ),
    )


def kubeconfig(given: str, env: Mapping[str, str]) -> str:
    """The kubeconfig to use: what was given, else KUBECONFIG, else the file in the home folder.

    Paths that an earlier step left are mapped into this process' world. Empty when there is none.
    """
    seen = folders(env).seen
    if given:
        return given if "\n" in given or "{" in given else str(seen(given))
    if paths := env.get("KUBECONFIG"):
        return ":".join(str(seen(path)) for path in paths.split(":") if path)
    home = Path(env.get("HOME") or "/") / ".kube" / "config"
    return str(home) if home.is_file() else ""
