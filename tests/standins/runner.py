"""What carries out run commands: the script, for real, in a folder, with kubectl and jq.

Results: https://learn.microsoft.com/rest/api/aks/managed-clusters/get-command-result (202 while it
runs). Limits: https://learn.microsoft.com/azure/aks/access-private-cluster (512 kB of output).
"""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import threading
import time
import uuid
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.standins.web import Response, answer

LIMIT = 512 * 1024


@dataclass(kw_only=True)
class Runner:
    """Runs commands against the cluster of `kubeconfig`, which is given the token of a command.

    bodies:  what was asked, in order.  refuses: the answer to every command instead.
    """

    folder: Path
    programs: str
    kubeconfig: Callable[[str], str]
    limit: int = LIMIT
    refuses: Response | None = None
    bodies: list[Mapping[str, Any]] = field(default_factory=list)
    _results: dict[str, dict[str, Any]] = field(default_factory=dict)

    def start(self, body: Mapping[str, Any]) -> str:
        identity = uuid.uuid4().hex
        self.bodies.append(body)
        threading.Thread(target=self._run, args=(identity, body), daemon=True).start()
        return identity

    def result(self, target: str, identity: str) -> Response:
        found = self._results.get(identity)
        if found is None:
            place = f"https://management.azure.com{target}"
            return Response(status=202, headers={"location": place, "retry-after": "0"})
        return answer({"id": identity, "properties": found})

    def _run(self, identity: str, body: Mapping[str, Any]) -> None:
        folder = self.folder / identity
        folder.mkdir()
        context = base64.b64decode(body.get("context") or "")
        if context:
            zipfile.ZipFile(io.BytesIO(context)).extractall(folder)
        config = self.folder / f"{identity}.kubeconfig"
        config.write_text(self.kubeconfig(str(body.get("clusterToken") or "")))
        started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        done = subprocess.run(
            ["sh", "-c", body["command"]],
            cwd=folder,
            env={
                "PATH": f"{self.programs}:{os.environ['PATH']}",
                "KUBECONFIG": str(config),
                "HOME": str(self.folder),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        self._results[identity] = {
            "provisioningState": "Succeeded",
            "exitCode": done.returncode,
            "startedAt": started,
            "finishedAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "logs": done.stdout.decode(errors="replace")[: self.limit],
        }


def with_token(kubeconfig: str, token: str) -> str:
    """The kubeconfig of a cluster with Entra, used by who has a token."""
    document = json.loads(kubeconfig)
    document["users"][0]["user"] = {"token": token}
    return json.dumps(document)
