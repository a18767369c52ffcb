"""A step that signs in to Azure by itself: no az, no kubectl, no kubelogin, no login before it.

Azure is played by stand-ins; the API server, its RBAC and the registry are real.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from aks_action.clients.azure import registries
from aks_action.clients.azure.http import azure_http
from aks_action.clients.azure.session import AzureSession
from aks_action.clients.clock import SystemClock, TimeLimit
from aks_action.clients.engine import DockerEngine
from aks_action.errors import AuthError
from aks_action.model.azure import CLOUDS, AuthType, AzureCluster, AzureSettings, Identity
from aks_action.model.images.manifests import DOCKER_MANIFEST, digest_of
from aks_action.model.images.references import ImageReference
from demo.bed import ROOT, Bed
from testbed.settings import API_URL
from tests.fakes.images import blobs_of, image
from tests.scenarios.azure_step import AzureStep, Ran
from tests.scenarios.manifests import config_map, deployment
from tests.scenarios.support import LONGEST_RUN
from tests.standins import entra, github, manager
from tests.standins.cloud import CLIENT, REGISTRY, SUBSCRIPTION, TENANT, Azure, running_azure
from tests.standins.entra import App
from tests.standins.keys import Keys
from tests.standins.kubernetes import SERVER_APP, ApiServer
from tests.standins.manager import Cluster
from tests.standins.registry import AzureRegistry, running_behind
from tests.standins.web import Web, serving

CONFIG = config_map("shop", colour="green")
TARGET = {"cluster-name": "shop", "resource-group": "shop-rg"}
OIDC = {"client-id": CLIENT, "tenant-id": TENANT, "subscription-id": SUBSCRIPTION}


def state() -> Path:
    return Path(os.environ.get("TESTBED_STATE", "/nowhere"))


@pytest.fixture(scope="module", name="azure")
def _azure(bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    """Stand-ins of this process alone, with the keys that the test bed's API server trusts."""
    if not (state() / "azure/registry.pem").exists():
        if os.environ.get("CI"):
            raise AssertionError("the test bed has no Azure: `make testbed` adds it")
        pytest.skip("the cluster trusts no Entra: `make testbed` adds that")
    assert bed.kubeconfig
    with running_azure(tmp_path_factory.mktemp("azure"), Keys.kept(state() / "azure")) as azure:
        yield azure


@pytest.fixture(scope="module", name="server")
def _server() -> ApiServer:
    return ApiServer.of(API_URL, state() / "pki")


@pytest.fixture(name="step")
def _step(
    azure: Azure, server: ApiServer, namespace: str, images: str, tmp_path: Path
) -> AzureStep:
    """One cluster with Entra integration that the app may deploy to, in a namespace of its own."""
    azure.entra.lifetime, azure.github.lifetime = 3599.0, 300.0
    azure.metadata.assigned = ()
    azure.web.requests.clear()
    azure.manager.clusters.clear()
    cluster = azure.manager.add(
        Cluster(name="shop", user=server.exec_kubeconfig(), admin=server.admin_kubeconfig())
    )
    cluster.grant(azure.app.object_id, manager.USER)
    verbs = ("get", "list", "watch", "create", "patch", "delete")
    server.allow(azure.app.object_id, namespace, *verbs)
    step = AzureStep(
        azure=azure, server=server, folder=tmp_path, namespace=namespace, images=images
    )
    step.write("k8s/shop.yml", CONFIG)
    return step


def live(step: AzureStep, what: str) -> Any:
    return step.server.request("GET", f"/api/v1/namespaces/{step.namespace}/{what}")


def workload(step: AzureStep, name: str = "web") -> Any:
    path = f"/apis/apps/v1/namespaces/{step.namespace}/deployments/{name}"
    return step.server.request("GET", path)


def succeeded(step: AzureStep, ran: Ran) -> None:
    assert ran.code == 0, ran.log
    ran.keeps(step.azure.secrets)
    assert live(step, "configmaps/shop")["data"] == {"colour": "green"}


def slow(seconds: float) -> str:
    """A Deployment that is healthy after so many seconds."""
    return deployment(env=[{"name": "READY", "value": f"{seconds:g}s"}])


# One step for each kind of identity


def test_a_service_principal_deploys(step: AzureStep) -> None:
    """The JSON of `az ad sp create-for-rbac --json-auth` is all it takes."""
    succeeded(step, step.run({"creds": step.azure.creds, **TARGET}))


def test_a_job_with_an_identity_token_deploys(step: AzureStep) -> None:
    """OIDC: `id-token: write` and three ids, no secret anywhere."""
    succeeded(step, step.run({**OIDC, **TARGET}, step.azure.github.env))


def test_the_managed_identity_of_the_runner_deploys(step: AzureStep) -> None:
    """By the metadata service, with the client id of an assigned identity."""
    step.azure.metadata.assigned = (step.azure.app,)
    inputs = {"auth-type": "managed-identity", "client-id": CLIENT, **TARGET}
    succeeded(step, step.run({**inputs, "subscription-id": SUBSCRIPTION}))


def test_the_workload_identity_of_the_runners_pod_deploys(step: AzureStep) -> None:
    """By the variables and the token file that its webhook puts into the pod."""
    file = step.folder.parent / f"{step.folder.name}-token"
    token = step.azure.github.issuer.sign(
        3600, aud="api://AzureADTokenExchange", sub=github.SUBJECT
    )
    file.write_text(token)
    env = {
        "AZURE_CLIENT_ID": CLIENT,
        "AZURE_TENANT_ID": TENANT,
        "AZURE_FEDERATED_TOKEN_FILE": str(file),
    }
    inputs = {"auth-type": "workload-identity", "subscription-id": SUBSCRIPTION, **TARGET}
    ran = step.run(inputs, env)
    succeeded(step, ran)
    ran.keeps((token,))


# Kinds of clusters


def test_a_kubeconfig_with_the_former_auth_provider_works_the_same(step: AzureStep) -> None:
    step.azure.manager.clusters[0].user = step.server.provider_kubeconfig()
    succeeded(step, step.run({**OIDC, **TARGET}, step.azure.github.env))


def test_a_cluster_without_entra_is_signed_in_to_by_its_certificate(step: AzureStep) -> None:
    """No token for AKS is asked for then."""
    step.azure.manager.clusters[0].user = step.server.admin_kubeconfig()
    succeeded(step, step.run({**OIDC, **TARGET}, step.azure.github.env))
    asked = step.azure.web.asked(entra.HOST, "/token")
    assert [each.form["scope"].split()[0] for each in asked] == [
        "https://management.azure.com/.default"
    ]


def test_admin_uses_the_local_administrator(step: AzureStep) -> None:
    step.azure.manager.clusters[0].grant(step.azure.app.object_id, manager.ADMIN)
    succeeded(step, step.run({**OIDC, **TARGET, "admin": "true"}, step.azure.github.env))
    assert step.azure.web.asked(manager.HOST, "listClusterAdminCredential")


# Refusals


def test_rbac_decides_what_the_identity_may_do(step: AzureStep) -> None:
    """The API server's own answer, with who lacks which verb on what."""
    other = step.azure.entra.add(App(client_id="44444444-4444-4444-8444-444444444444", secret="x"))
    step.azure.manager.clusters[0].grant(other.object_id, manager.USER)
    creds = step.azure.creds.replace(CLIENT, other.client_id).replace(step.azure.app.secret, "x")
    ran = step.run({"creds": creds, **TARGET})
    assert ran.code == 4, ran.log
    assert f"{other.object_id} may not" in ran.log


def test_a_missing_role_is_named_before_anything_is_sent_to_the_cluster(step: AzureStep) -> None:
    step.azure.manager.clusters[0].roles.clear()
    ran = step.run({"creds": step.azure.creds, **TARGET})
    assert ran.code == 4
    assert f'Give it the role "{manager.USER}"' in ran.log
    ran.keeps(step.azure.secrets)


def test_a_stopped_cluster_is_told_as_stopped(step: AzureStep) -> None:
    cluster = step.azure.manager.clusters[0]
    cluster.power = "Stopped"
    cluster.user = cluster.user.replace(step.server.url, "https://127.0.0.1:9")
    ran = step.run({"creds": step.azure.creds, **TARGET})
    assert ran.code == 6
    assert "az aks start --resource-group shop-rg --name shop" in ran.log


def test_a_kubeconfig_and_a_cluster_of_azure_are_one_too_many(step: AzureStep) -> None:
    ran = step.run({**OIDC, **TARGET, "kubeconfig": "/x"})
    assert ran.code == 2
    assert "Leave out one of the two" in ran.log


# Long runs


@pytest.mark.timeout(200)
@pytest.mark.parametrize(
    ("lifetime", "assertion", "rollout"),
    [(4.0, 2.0, 9.0), pytest.param(20.0, 10.0, 90.0, marks=pytest.mark.soak)],
)
def test_tokens_are_renewed_while_a_rollout_is_waited_for(
    step: AzureStep, lifetime: float, assertion: float, rollout: float
) -> None:
    """Tokens and assertions live much shorter than it takes until the rollout is healthy.

    Watches go on with the token that they began with; what is asked after them has a new one,
    which is here the log of a container that fails then.
    """
    step.azure.entra.lifetime, step.azure.github.lifetime = lifetime, assertion
    step.write("k8s/web.yml", slow(rollout))
    ran = step.run({**OIDC, **TARGET, "timeout": "150s"}, step.azure.github.env)
    succeeded(step, ran)
    asked = step.azure.web.asked(entra.HOST, "/token")
    for_aks = [each for each in asked if SERVER_APP in each.form["scope"]]
    assert len(for_aks) >= 2
    assert len({each.form["client_assertion"] for each in asked}) == len(asked)


def test_requests_and_watches_outlive_many_tokens(step: AzureStep) -> None:
    """Tokens of 2 s: the client gets the next one in time, and nobody ever sees a 401."""
    step.azure.entra.lifetime = 2.0
    identity = Identity(
        kind=AuthType.SERVICE_PRINCIPAL,
        client_id=CLIENT,
        tenant_id=TENANT,
        client_secret=step.azure.app.secret,
    )
    named = AzureCluster(subscription_id=SUBSCRIPTION, resource_group="shop-rg", name="shop")
    settings = AzureSettings(identity=identity, cloud=CLOUDS["azurecloud"])
    with pytest.MonkeyPatch.context() as patch:
        for name, value in step.azure.env.items():
            patch.setenv(name, value)
        session = AzureSession(settings, step.azure.env, tell=print, mask=lambda _: None)
        cluster = session.open_cluster(named, skip_tls_verify=False)
        end = time.monotonic() + 6
        while time.monotonic() < end:
            listing = cluster.list("v1", "ConfigMap", namespace=step.namespace)
            watch = cluster.watch(
                "v1",
                "ConfigMap",
                namespace=step.namespace,
                resource_version=listing.resource_version,
                timeout_seconds=1,
            )
            with watch as events:
                list(events)
    asked = step.azure.web.asked(entra.HOST, "/token")
    assert sum(SERVER_APP in each.form["scope"] for each in asked) >= 3


# Images


@pytest.fixture(name="registry")
def _registry(azure: Azure, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real registry behind the door of `shop.azurecr.io`, where the app may push."""
    azure.registry.roles.clear()
    azure.registry.grant(azure.app.object_id, "AcrPush")
    with running_behind(azure.registry, tmp_path_factory.mktemp("registry")):
        yield seeded(azure, "web")


def test_one_step_releases_from_a_registry_of_azure_and_deploys(
    step: AzureStep, azure: Azure, registry: str
) -> None:
    """One sign-in, no docker login, no password; and no secret in any output."""
    step.write("compose.yml", f"services:\n  web: {{image: {REGISTRY}/web, build: .}}\n")
    ran = step.run(
        {"creds": azure.creds, **TARGET, "action": "release,deploy", "tag": "v1.2.0"}
        | {"registry": REGISTRY}
    )
    succeeded(step, ran)
    assert tagged(azure, "web", "v1.2.0") == registry


@pytest.mark.parametrize("role", ["AcrPull", ""])
def test_a_deploy_pins_digests_where_the_identity_may_read_the_registry(
    step: AzureStep, azure: Azure, registry: str, role: str
) -> None:
    """A right to the registry is not needed to deploy; without it tags stay tags."""
    azure.registry.roles[azure.app.object_id] = {role} - {""}
    step.write("compose.yml", f"services:\n  web: {{image: {REGISTRY}/web, build: .}}\n")
    step.write("k8s/web.yml", deployment(image=f"{REGISTRY}/web", replicas=0))
    compose = {"compose-file": "compose.yml", "tag": "latest", "images": ""}
    ran = step.run({"creds": azure.creds, **TARGET, **compose, "registry": REGISTRY})
    succeeded(step, ran)
    (container,) = workload(step)["spec"]["template"]["spec"]["containers"]
    digest = f"@{registry}" if role else ""
    assert container["image"] == f"{REGISTRY}/web:latest{digest}"


def test_an_identity_that_may_only_pull_cannot_release(
    step: AzureStep, azure: Azure, registry: str
) -> None:
    azure.registry.roles[azure.app.object_id] = {"AcrPull"}
    step.write("compose.yml", f"services:\n  web: {{image: {REGISTRY}/web, build: .}}\n")
    ran = step.run({"creds": azure.creds, "action": "release", "tag": "v1", "registry": REGISTRY})
    assert ran.code == 4, ran.log
    assert "AcrPush" in ran.log
    ran.keeps(azure.secrets)


def test_the_engine_pushes_with_the_login_that_the_token_is_exchanged_for(
    azure: Azure, bed: Bed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """User 0000… and a refresh token: what the engine makes of it, at the door of a real registry.

    The door is on loopback, for an engine is told of other names' certificates by its machine only.
    """
    for name, value in azure.env.items():
        monkeypatch.setenv(name, value)
    keys = Keys.kept(state() / "azure")
    web = Web()
    with serving(web, keys.authority, "127.0.0.1") as port:
        door = AzureRegistry(f"127.0.0.1:{port}", azure.entra, keys)
        door.grant(azure.app.object_id, "AcrPush")
        web.sites["127.0.0.1"] = door
        with running_behind(door, tmp_path), DockerEngine() as engine:
            token = azure.entra.token_for(azure.app.object_id, manager.AUDIENCE)
            http = azure_http(limit=TimeLimit(SystemClock()), tell=print)
            login = registries.exchange(door.host, TENANT, token, http)
            target = ImageReference.parse(f"{door.host}/shop/web:v1")
            digest = engine.push(bed.busybox, target, login, print)
            door.roles[azure.app.object_id] = {"AcrPull"}
            with pytest.raises(AuthError):
                engine.push(bed.server, ImageReference.parse(f"{door.host}/a:v1"), login, print)
        assert web.asked("127.0.0.1", "/manifests/v1")
    assert digest.startswith("sha256:")


def test_a_pull_secret_is_made_of_the_registrys_login_and_added_to_every_pod(
    step: AzureStep,
) -> None:
    login = {"registry": "reg.example", "registry-username": "u", "registry-password": "pa55w0rd"}
    step.write("k8s/web.yml", deployment(replicas=0))
    inputs = {**OIDC, **TARGET, **login, "pull-secret-name": "reg"}
    ran = step.run(inputs, step.azure.github.env)
    succeeded(step, ran)
    ran.keeps(("pa55w0rd",))
    secret = live(step, "secrets/reg")
    config = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))
    assert config["auths"]["reg.example"]["password"] == "pa55w0rd"
    pod = workload(step)["spec"]["template"]["spec"]
    assert pod["imagePullSecrets"] == [{"name": "reg"}]


def seeded(azure: Azure, name: str) -> str:
    """Put an image into the registry as `latest`, past its door; its digest."""
    client = behind(azure)
    manifest = image(name)
    base = f"{azure.registry.backend}/v2/{name}"
    for blob in blobs_of(name):
        location = client("POST", f"{base}/blobs/uploads/").headers["location"]
        location = location.replace(f"https://{REGISTRY}", azure.registry.backend)
        url = f"{location}{'&' if '?' in location else '?'}digest={digest_of(blob)}"
        assert client("PUT", url, blob, "application/octet-stream").status == 201
    put = client("PUT", f"{base}/manifests/latest", manifest.body, manifest.media_type)
    assert put.status == 201, put.data
    return manifest.digest


def tagged(azure: Azure, name: str, tag: str) -> str:
    """The digest that the real registry has under a tag."""
    got = behind(azure)("HEAD", f"{azure.registry.backend}/v2/{name}/manifests/{tag}")
    return str(got.headers.get("docker-content-digest", ""))


def behind(azure: Azure) -> Any:
    """Requests to the registry itself, with a token that its issuer signed for everything."""
    everything = [{"type": "repository", "name": "web", "actions": ["pull", "push"]}]
    token = azure.registry.signed("test", everything)

    def request(method: str, url: str, body: bytes | None = None, kind: str = "") -> Any:
        headers = {"authorization": f"Bearer {token}", "accept": DOCKER_MANIFEST}
        if kind:
            headers["content-type"] = kind
        with urllib3.PoolManager() as pool:
            return pool.request(method, url, body=body, headers=headers)

    return request


def test_a_deploy_by_kubeconfig_imports_nothing_of_azure(step: AzureStep) -> None:
    """Only who signs in to Azure pays for its library."""
    environment = step.environment({"kubeconfig": step.server.admin_kubeconfig()})
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", ROOT / "entrypoint.py"],
        env=environment, check=False, text=True, capture_output=True, timeout=LONGEST_RUN,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout
    assert "| aks_action.jobs.deploy" in ran.stderr.replace("   ", " ")
    assert not re.search(r"\| +azure\.", ran.stderr)
    assert "aks_action.clients.azure" not in ran.stderr


# Fleets


def test_a_fleets_hub_is_deployed_to_and_no_rollout_is_waited_for(step: AzureStep) -> None:
    """The Deployment is not healthy for long; on a cluster this step would time out."""
    cluster = step.azure.manager.clusters[0]
    cluster.kind = "fleets"
    cluster.grant(step.azure.app.object_id, manager.FLEET)
    step.write("k8s/web.yml", slow(600))
    fleet = {"resource-type": "Microsoft.ContainerService/fleets"}
    ran = step.run({**OIDC, **TARGET, **fleet}, step.azure.github.env)
    succeeded(step, ran)
    assert "no Deployment is waited for" in ran.log
