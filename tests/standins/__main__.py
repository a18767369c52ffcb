"""The stand-ins of a test bed: `python -m tests.standins FOLDER`, for as long as it runs.

What is in FOLDER: the keys, and `azure.json`, which says what the subscription has.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from tests.standins import manager
from tests.standins.cloud import running_azure
from tests.standins.keys import Keys
from tests.standins.kubernetes import ApiServer
from tests.standins.manager import Cluster
from tests.standins.runner import Runner, with_token


def main(folder: Path) -> None:
    given = json.loads((folder / "azure.json").read_text())
    server = ApiServer.of(given["server"], Path(given["pki"]))
    with running_azure(
        folder, Keys.kept(folder), port=given["port"], proxy_port=given["proxy"]
    ) as azure:
        azure.web.keeps_requests = False
        azure.app.object_id = given["object_id"]
        azure.registry.backend = given["registry"]
        azure.registry.anonymous = True
        azure.registry.grant(azure.app.object_id, "AcrPush")
        cluster = azure.manager.add(
            Cluster(name="shop", user=server.exec_kubeconfig(), admin=server.admin_kubeconfig())
        )
        cluster.grant(azure.app.object_id, manager.USER, manager.RUN)
        (folder / "runs").mkdir(exist_ok=True)
        cluster.runner = Runner(
            folder=folder / "runs",
            programs=str(Path(sys.executable).parent),
            kubeconfig=lambda token: with_token(server.admin_kubeconfig(), token),
        )
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main(Path(sys.argv[1]))
