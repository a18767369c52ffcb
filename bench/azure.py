"""What a sign-in to Azure costs: the same deploy by OIDC and by a kubeconfig."""

import statistics
import tempfile
from functools import partial
from pathlib import Path

from bench.contestants import Contestants
from bench.deploying import Namespaces
from bench.measure import alternate, median_wall
from bench.results import Bar, Result
from demo.bed import ENVIRONMENT_FILE, NoBed, read_environment_file
from testbed.settings import API_URL
from tests.standins import manager
from tests.standins.cloud import CLIENT, SUBSCRIPTION, TENANT, running_azure
from tests.standins.keys import Keys
from tests.standins.kubernetes import ApiServer
from tests.standins.manager import Cluster

ROUNDS = 9
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
        runs = alternate({"kubeconfig": by_kubeconfig, "OIDC": by_oidc}, ROUNDS)
    cpu = {name: statistics.median(run.cpu for run in each) for name, each in runs.items()}
    return Result(
        case="signing in to Azure by OIDC",
        seconds={name: median_wall(each) for name, each in runs.items()},
        bars=(
            Bar(what="more CPU time than by kubeconfig", limit=0.15, unit="s",
                value=cpu["OIDC"] - cpu["kubeconfig"]),
        ),
        notes=tuple(f"{name}: {seconds:.3f} s of CPU" for name, seconds in cpu.items()),
    )  # fmt: skip
