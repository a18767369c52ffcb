"""Run commands of AKS: a script in a pod of the cluster, for API servers that nobody else reaches.

https://learn.microsoft.com/rest/api/aks/managed-clusters/run-command
https://learn.microsoft.com/azure/aks/access-private-cluster : kubectl, jq, xargs, grep and awk are
there, 512 kB of output come back, and a pod has to be scheduled within 60 s.
"""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from aks_action.clients.azure.clusters import AKS_API, title
from aks_action.clients.azure.manager import ResourceManager, Subject
from aks_action.errors import ActionError, ApplyError, AuthError
from aks_action.model.azure import AzureCluster
from aks_action.model.bounded import Bounds, gunzip, read_json

_ROLE = (
    "Azure Kubernetes Service Contributor Role, or one of your own with "
    "Microsoft.ContainerService/managedClusters/runcommand/action and "
    "Microsoft.ContainerService/managedClusters/commandResults/read"
)
_MARK = "---aks-action---"
_BOUNDS = Bounds(size=24 * 1024 * 1024, items=100_000)
"""Of an answer, which comes packed in 512 kB."""
_GRACE = 180.0
"""Seconds for the pod to be scheduled and its image to be pulled, besides the script's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one `ask` of a script; `path`: of a request that only the script chose."""

    code: int = 0
    out: str = ""
    err: str = ""
    path: str = ""


class RunCommand:
    """Runs scripts in one cluster. `commands` counts them: each starts a pod and takes its time."""

    def __init__(
        self, manager: ResourceManager, cluster: AzureCluster, aks_token: Callable[[], str]
    ) -> None:
        self._manager = manager
        self._cluster = cluster
        self._aks_token = aks_token
        self._integrated: bool | None = None
        self.commands = 0

    def run(self, script: str, files: Mapping[str, str], *, seconds: float) -> dict[str, Outcome]:
        """Run lines of `lib.sh`; what each NAME answered.

        files:   what lies beside the script.
        seconds: how long it may take by itself.
        Raises AuthError (the role is named), ApplyError (disabled, not scheduled, cut off, failed).
        """
        name = title(self._cluster)
        script = f". ./lib.sh\nmark={_MARK}\nend=$((begun + {int(seconds)}))\n{script}pack\n"
        body = {
            "command": "sh run.sh",
            "context": _zipped({**files, **_library(), "run.sh": script}),
            "clusterToken": self._aks_token() if self._is_integrated() else "",
        }
        self.commands += 1
        try:
            result = self._manager.run(
                f"{self._cluster.resource_id}/runCommand",
                Subject(name=name, role=_ROLE),
                api_version=AKS_API,
                body=body,
                seconds=seconds + _GRACE,
            )
        except AuthError:
            raise
        except ApplyError as error:
            raise _explained(error, name) from None
        properties = result.get("properties") or {}
        logs = str(properties.get("logs") or "")
        state, exit_code = properties.get("provisioningState"), properties.get("exitCode")
        if str(state).lower() != "succeeded" or exit_code != 0:
            said = " ".join((str(properties.get("reason") or "") or logs[-300:]).split())
            raise ApplyError(
                f"{name}: the run command ended with {exit_code} ({state}): {said or 'no word'}."
            )
        return _unpacked(logs, name)

    def _is_integrated(self) -> bool:
        """Whether the cluster takes tokens of Entra; then the command acts as who signed in."""
        if self._integrated is None:
            subject = Subject(name=title(self._cluster), role=_ROLE)
            found = self._manager.get(self._cluster.resource_id, subject, api_version=AKS_API)
            self._integrated = bool((found.get("properties") or {}).get("aadProfile"))
        return self._integrated


def _explained(error: ActionError, name: str) -> ActionError:
    text = str(error)
    if "disable" in text.lower() and "command" in text.lower():
        return ApplyError(
            f"{name} has run commands disabled. Enable them (`az aks update "
            "--enable-run-command`), or use a runner in the cluster's network."
        )
    if "did not start within" in text or "KubernetesPerformanceError" in text:
        return ApplyError(
            f"{name}: the pod of the run command was not scheduled in time. It asks for 200m CPU "
            "and 500 Mi on a node without taints: make room, and run this again."
        )
    return error


def _library() -> dict[str, str]:
    here = Path(__file__).parent
    return {name: (here / name).read_text() for name in ("lib.sh", "slim.jq", "look.jq")}


def _zipped(files: Mapping[str, str]) -> str:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return base64.b64encode(memory.getvalue()).decode()


def _unpacked(logs: str, name: str) -> dict[str, Outcome]:
    before, begin, rest = logs.partition(f"{_MARK} begin")
    text, end, _ = rest.partition(f"{_MARK} end")
    if not begin or not end:
        if begin or len(logs) > 500_000:
            raise ApplyError(
                f"{name}: the answer was cut off at the limit of 512 kB. Deploy in smaller parts."
            )
        said = " ".join(before.split())[-300:]
        raise ApplyError(f"{name}: the run command did not answer: {said or 'no word'}.")
    text = text.strip()
    try:
        if not text.startswith("{"):
            text = gunzip(base64.b64decode(text), _BOUNDS).decode()
        return _outcomes(read_json(text, _BOUNDS))
    except (ValueError, LookupError, TypeError, AttributeError):
        raise ApplyError(f"{name}: the answer of the run command is damaged.") from None


def _outcomes(found: Mapping[str, str]) -> dict[str, Outcome]:
    names = [key[2:] for key in found if key.startswith("c:")]
    return {
        each: Outcome(
            code=int(found[f"c:{each}"] or 1),
            out=found[f"o:{each}"],
            err=found[f"e:{each}"],
            path=found[f"p:{each}"].strip(),
        )
        for each in names
    }
