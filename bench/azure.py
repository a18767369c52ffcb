"""What a sign-in to Azure costs: the same deploy by OIDC and by a kubeconfig."""

import statistics
import sys
import tempfile
from functools import partial
from pathlib import Path

from bench.contestants import Contestants
from bench.deploying import Namespaces
from bench.measure import Measured, alternate, median_wall, process
from bench.results import Bar, Result
from demo.bed import ENVIRONMENT_FILE, NoBed, read_environment_file
from testbed.settings import API_URL
from tests.standins import manager
from tests.standins.cloud import CLIENT, SUBSCRIPTION, TENANT, running_azure
from tests.standins.keys import Keys
from tests.standins.kubernetes import ApiServer
from tests.standins.manager import Cluster

ROUNDS = 15
LIBRARY = 0.206
"""Seconds of CPU that `import azure.identity` took on the machine for which 0.15 s were set."""
MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {colour: green}\n"
SIGN_IN = {
    "client-id": CLIENT,
    "tenant-id": TENANT,
    "subscription-id": SUBSCRIPTION,
    "cluster-name": "shop",
    "resource-group": "shop-rg",
}


def sign_in(contestants: Contestants, namespaces: Namespaces) -> Result:
    """CPU time, since the way to Azure and its answers are not ours."""
    state = Path(read_environment_file(ENVIRONMENT_FILE).get("TESTBED_STATE", "/nowhere"))
    if not (state / "azure/registry.pem").exists():
        raise NoBed("the stand-ins of Azure are a part of the test bed: `make testbed`")
    server = ApiServer.of(API_URL, state / "pki")
    folder = contestants.workspace / "signing-in"
    folder.mkdir(exist_ok=True)
    (folder / "settings.yml").write_text(MANIFEST)
    inputs = {"manifests": folder.name, "namespace": namespaces.fresh()}
    with (
        tempfile.TemporaryDirectory() as scratch,
        running_azure(Path(scratch), Keys.kept(state / "azure")) as azure,
    ):
        cluster = azure.manager.add(Cluster(name="shop", user=server.exec_kubeconfig()))
        cluster.grant(azure.app.object_id, manager.USER)
        verbs = ("get", "list", "watch", "create", "patch", "delete")
        server.allow(azure.app.object_id, inputs["namespace"], *verbs)
        environment = {**azure.env, **azure.github.env}
        by_oidc = partial(contestants.action, {**inputs, **SIGN_IN}, environment=environment)
        by_kubeconfig = partial(contestants.action, inputs)
        by_oidc()
        runs = alternate(
            {
                "kubeconfig": by_kubeconfig,
                "OIDC": by_oidc,
                "azure.identity alone": partial(_imports, folder),
            },
            ROUNDS,
        )
    cpu = {name: statistics.median(run.cpu for run in each) for name, each in runs.items()}
    pairs = zip(runs["OIDC"], runs["kubeconfig"], strict=True)
    more = statistics.median(oidc.cpu - other.cpu for oidc, other in pairs)
    return Result(
        case="signing in to Azure by OIDC",
        seconds={name: median_wall(runs[name]) for name in ("kubeconfig", "OIDC")},
        bars=(
            Bar(what="more CPU time than by kubeconfig", limit=0.15, unit="s", value=more),
            Bar(what="the same, of what `import azure.identity` costs alone", unit="×",
                limit=0.15 / LIBRARY, value=more / cpu["azure.identity alone"]),
        ),
        notes=tuple(f"{name}: {seconds:.3f} s of CPU" for name, seconds in cpu.items()),
    )  # fmt: skip


def _imports(folder: Path) -> Measured:
    """What `azure.identity` costs alone: a yardstick for the machine, most of the difference."""
    return process([sys.executable, "-c", "import azure.identity"], {}, folder)
