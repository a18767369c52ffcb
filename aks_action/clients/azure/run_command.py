"""Run commands of AKS: a script in a pod of the cluster, for API servers that nobody else reaches.

https://learn.microsoft.com/rest/api/aks/managed-clusters/run-command
https://learn.microsoft.com/azure/aks/access-private-cluster : kubectl, jq, xargs, grep and awk are
there, 512 kB of output come back, and a pod has to be scheduled within 60 s.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aks_action.clients.azure.clusters import AKS_API, title
from aks_action.clients.azure.manager import ResourceManager, Subject
from aks_action.errors import ActionError, ApplyError, AuthError
from aks_action.model.azure import AzureCluster

_ROLE = (
    "Azure Kubernetes Service Contributor Role, or one of your own with "
    "Microsoft.ContainerService/managedClusters/runcommand/action and "
    "Microsoft.ContainerService/managedClusters/commandResults/read"
)
_BEGIN, _END = "---aks-action-begin---", "---aks-action-end---"
_GRACE = 180.0
"""Seconds for the pod to be scheduled and its image to be pulled, besides the script's own."""

_PACK = f"""
for code in *.code; do
  name=${{code%.code}}
  jq -cn --arg n "$name" --arg c "$(cat "$code")" --rawfile o "$name.out" --rawfile e "$name.err" \
    '{{n: $n, c: ($c | tonumber), o: $o, e: $e}}'
done > results
echo {_BEGIN}
if command -v gzip >/dev/null && command -v base64 >/dev/null
then gzip -c results | base64; else cat results; fi
echo {_END}
"""
"""Every answer as a line of JSON, compressed where the image can."""

_ASK = """\
set -u
ask() { n=$1; shift; "$@" >"$n.out" 2>"$n.err" </dev/null; echo $? >"$n.code"; }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one `ask` of a script."""

    code: int
    out: str
    err: str


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

    def run(
        self, script: str, files: Mapping[str, str], *, seconds: float = 60.0
    ) -> dict[str, Outcome]:
        """Run a script of `ask NAME COMMAND …` lines; what each NAME answered.

        files:   what lies beside the script.
        seconds: how long it may take by itself.
        Raises AuthError (the role is named), ApplyError (disabled, not scheduled, cut off, failed).
        """
        name = title(self._cluster)
        context = {**files, "run.sh": _ASK + script + _PACK}
        body = {
            "command": "sh run.sh",
            "context": _zipped(context),
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


def _zipped(files: Mapping[str, str]) -> str:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return base64.b64encode(memory.getvalue()).decode()


def _unpacked(logs: str, name: str) -> dict[str, Outcome]:
    before, begin, rest = logs.partition(_BEGIN)
    text, end, _ = rest.partition(_END)
    if not begin or not end:
        if begin or len(logs) > 500_000:
            raise ApplyError(
                f"{name}: the answer was cut off at the limit of 512 kB. Deploy in smaller parts."
            )
        said = " ".join(before.split())[-300:]
        raise ApplyError(f"{name}: the run command did not answer: {said or 'no word'}.")
    text = text.strip()
    if not text.startswith("{"):
        try:
            text = gzip.decompress(base64.b64decode(text)).decode()
        except (binascii.Error, OSError, EOFError, ValueError):
            raise ApplyError(f"{name}: the answer of the run command is damaged.") from None
    lines = (json.loads(line) for line in text.splitlines() if line)
    return {line["n"]: Outcome(code=int(line["c"]), out=line["o"], err=line["e"]) for line in lines}
