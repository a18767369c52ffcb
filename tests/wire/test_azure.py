"""The sign-in to Azure on the wire: every kind of identity, and everything that may be refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from aks_action.clients.azure import clusters, registries
from aks_action.clients.azure.credentials import Entra
from aks_action.clients.azure.http import azure_http
from aks_action.clients.azure.manager import ResourceManager
from aks_action.clients.azure.private.run_command import RunCommand
from aks_action.clients.clock import TimeLimit
from aks_action.errors import ActionError, ApplyError, AuthError, InputError
from aks_action.model.azure import (
    AKS_SCOPE,
    CLOUDS,
    REGISTRY_USERNAME,
    AuthType,
    AzureCluster,
    AzureSettings,
    Identity,
    ResourceKind,
)
from tests.fakes.clock import FakeClock
from tests.standins import entra, github, manager
from tests.standins.cloud import (
    CLIENT,
    REGISTRY,
    SECRET,
    SUBSCRIPTION,
    TENANT,
    Azure,
    running_azure,
)
from tests.standins.entra import App
from tests.standins.manager import Cluster, error
from tests.standins.runner import Runner
from tests.standins.web import Response, answer

SCOPE = "https://management.azure.com/.default"
OIDC = Identity(kind=AuthType.OIDC, client_id=CLIENT, tenant_id=TENANT)
PRINCIPAL = Identity(
    kind=AuthType.SERVICE_PRINCIPAL, client_id=CLIENT, tenant_id=TENANT, client_secret=SECRET
)
SHOP = AzureCluster(subscription_id=SUBSCRIPTION, resource_group="shop-rg", name="shop")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    with running_azure(tmp_path_factory.mktemp("azure")) as azure:
        yield azure


@pytest.fixture
def azure(running: Azure, monkeypatch: pytest.MonkeyPatch) -> Iterator[Azure]:
    """The stand-ins as a new job finds them, reached by this process' environment."""
    for name, value in running.env.items():
        monkeypatch.setenv(name, value)
    for name in ("AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_ID", "AZURE_TENANT_ID"):
        monkeypatch.delenv(name, raising=False)
    app = running.app
    app.secret, app.secret_expired = SECRET, False
    app.trusted = {github.SUBJECT: running.github.issuer}
    running.entra.lifetime, running.github.lifetime = 3599.0, 300.0
    running.metadata.system, running.metadata.assigned = None, ()
    running.manager.clusters.clear()
    running.registry.roles.clear()
    running.registry.audiences = ("https://management.azure.com",)
    running.web.requests.clear()
    running.web.faults.clear()
    yield running
    assert not [fault for fault in running.web.faults if fault.times > 0], "a fault did not happen"


class Client:
    """The client's parts for one identity, with what it masked and told."""

    def __init__(self, azure: Azure, identity: Identity, **env: str) -> None:
        self.masked: list[str] = []
        self.told: list[str] = []
        self.clock = FakeClock()
        settings = AzureSettings(identity=identity, cloud=CLOUDS["azurecloud"])
        limit = TimeLimit(self.clock)
        self.http = azure_http(limit=limit, tell=self.told.append)
        variables = {**azure.env, **env}
        self.entra = Entra(
            settings, variables, http=self.http, mask=self.masked.append, limit=limit
        )
        self.manager = ResourceManager(settings, self.entra, self.http, self.clock)


def sentence(call: Callable[[], Any], kind: type[ActionError]) -> str:
    with pytest.raises(ActionError) as caught:
        call()
    assert type(caught.value) is kind
    return str(caught.value)


# Identities


def test_a_service_principal_gets_a_token_that_is_masked_before_it_is_used(azure: Azure) -> None:
    client = Client(azure, PRINCIPAL)
    token = client.entra.token(AKS_SCOPE)
    assert azure.entra.issuer.read(token.value, AKS_SCOPE.removesuffix("/.default"))
    assert token.value in client.masked


def test_oidc_asks_for_a_new_assertion_for_each_token_with_the_audience_of_entra(
    azure: Azure,
) -> None:
    client = Client(azure, OIDC, **azure.github.env)
    for scope in (SCOPE, AKS_SCOPE, AKS_SCOPE):
        client.entra.token(scope)
    asked = azure.web.asked(github.HOST)
    assert len(asked) == 3
    assert {each.query["audience"] for each in asked} == {"api://AzureADTokenExchange"}
    assert set(azure.github.issued[-3:]) <= set(client.masked)


def test_an_oidc_job_outlives_its_first_assertion(azure: Azure) -> None:
    """Others keep the first one and fail with AADSTS700024 when a run takes longer."""
    client = Client(azure, OIDC, **azure.github.env)
    azure.github.lifetime = -1
    assert "AADSTS700024" in sentence(lambda: client.entra.token(SCOPE), AuthError)
    azure.github.lifetime = 10
    client.entra.token(SCOPE)


@pytest.mark.parametrize("url", ["http://pipelines.example/x", "nonsense", "https://a@b.example/"])
def test_the_jobs_token_is_not_sent_to_an_odd_address(azure: Azure, url: str) -> None:
    client = Client(azure, OIDC, **{**azure.github.env, "ACTIONS_ID_TOKEN_REQUEST_URL": url})
    said = sentence(lambda: client.entra.token(SCOPE), AuthError)
    assert "ACTIONS_ID_TOKEN_REQUEST_URL" in said
    assert not azure.web.requests


def test_the_authority_does_not_lead_a_sign_in_elsewhere(azure: Azure) -> None:
    """Where tokens are asked for stands in its OpenID configuration, which is an answer."""
    azure.web.sites["evil.example"] = lambda _: answer({})
    document = {
        "issuer": f"https://{entra.HOST}/{TENANT}/v2.0",
        "authorization_endpoint": f"https://{entra.HOST}/{TENANT}/oauth2/v2.0/authorize",
        "token_endpoint": "https://evil.example/token",
        "device_authorization_endpoint": f"https://{entra.HOST}/{TENANT}/oauth2/v2.0/devicecode",
    }
    azure.web.fail(entra.HOST, "openid-configuration", answer(document))
    client = Client(azure, PRINCIPAL)
    assert "evil.example" in sentence(lambda: client.entra.token(SCOPE), AuthError)
    assert not azure.web.asked("evil.example")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_of_the_authority_gets_no_secret(azure: Azure, status: int) -> None:
    azure.web.sites["evil.example"] = lambda _: answer({})
    elsewhere = Response(status=status, headers={"location": "https://evil.example/token"})
    azure.web.fail(entra.HOST, "oauth2/v2.0/token", elsewhere)
    sentence(lambda: Client(azure, PRINCIPAL).entra.token(SCOPE), AuthError)
    assert not azure.web.asked("evil.example")


def test_a_token_is_renewed_well_before_it_ends_however_short_it_lives(azure: Azure) -> None:
    azure.entra.lifetime = 20
    client = Client(azure, PRINCIPAL)
    claims = azure.entra.issuer.read(client.entra.token(SCOPE).value, manager.AUDIENCE)
    renew_at = client.entra.token(SCOPE).renew_at
    assert claims["exp"] - 7 <= renew_at <= claims["exp"] - 3


def test_a_managed_identity_is_asked_for_at_the_metadata_service(azure: Azure) -> None:
    azure.metadata.system = App(client_id="system")
    client = Client(azure, Identity(kind=AuthType.MANAGED_IDENTITY))
    claims = azure.entra.issuer.read(client.entra.token(SCOPE).value, manager.AUDIENCE)
    assert claims["oid"] == azure.metadata.system.object_id


def test_a_managed_identity_is_asked_for_without_the_proxy_of_the_environment(
    azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token comes by plain HTTP from the machine itself."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.delenv("no_proxy", raising=False)
    azure.metadata.system = App(client_id="system")
    Client(azure, Identity(kind=AuthType.MANAGED_IDENTITY)).entra.token(SCOPE)


def test_a_managed_identity_is_asked_for_by_its_client_id(azure: Azure) -> None:
    azure.metadata.system = App(client_id="system")
    azure.metadata.assigned = (App(client_id=CLIENT),)
    client = Client(azure, Identity(kind=AuthType.MANAGED_IDENTITY, client_id=CLIENT))
    claims = azure.entra.issuer.read(client.entra.token(SCOPE).value, manager.AUDIENCE)
    assert claims["oid"] == azure.metadata.assigned[0].object_id


def test_a_managed_identity_is_not_replaced_by_a_workload_identity_that_is_there_too(
    azure: Azure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    azure.metadata.system = App(client_id="system")
    for name, value in (
        ("AZURE_CLIENT_ID", CLIENT),
        ("AZURE_TENANT_ID", TENANT),
        ("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "absent")),
    ):
        monkeypatch.setenv(name, value)
    client = Client(azure, Identity(kind=AuthType.MANAGED_IDENTITY))
    assert client.entra.token(SCOPE).value
    assert not azure.web.asked(entra.HOST)


def test_a_runner_without_a_managed_identity_says_so(azure: Azure) -> None:
    client = Client(azure, Identity(kind=AuthType.MANAGED_IDENTITY))
    told = sentence(lambda: client.entra.token(SCOPE), AuthError)
    assert told.startswith("This runner has no managed identity")
    assert "OIDC" in told


def test_a_workload_identity_reads_its_token_file_anew_each_time(
    azure: Azure, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    client = Client(
        azure,
        Identity(kind=AuthType.WORKLOAD_IDENTITY),
        AZURE_CLIENT_ID=CLIENT,
        AZURE_TENANT_ID=TENANT,
        AZURE_FEDERATED_TOKEN_FILE=str(file),
    )
    for seconds, works in ((60, True), (-1, False), (60, True)):
        signed = azure.github.issuer.sign(
            seconds, aud="api://AzureADTokenExchange", sub=github.SUBJECT
        )
        file.write_text(signed)
        if works:
            assert client.entra.token(SCOPE).value
        else:
            assert "700024" in sentence(lambda: client.entra.token(SCOPE), AuthError)


def test_a_workload_identity_names_everything_that_it_lacks(azure: Azure) -> None:
    client = Client(azure, Identity(kind=AuthType.WORKLOAD_IDENTITY))
    told = sentence(lambda: client.entra.token(SCOPE), AuthError)
    for word in ("client-id", "tenant-id", "AZURE_FEDERATED_TOKEN_FILE"):
        assert word in told


# Refused sign-ins


def test_a_job_without_the_permission_is_told_which_one(azure: Azure) -> None:
    client = Client(azure, OIDC)
    assert "id-token: write" in sentence(lambda: client.entra.token(SCOPE), AuthError)


def test_a_403_of_github_is_told_as_the_missing_permission(azure: Azure) -> None:
    azure.web.fail(github.HOST, "idtoken", answer({"message": "Forbidden"}, 403))
    client = Client(azure, OIDC, **azure.github.env)
    told = sentence(lambda: client.entra.token(SCOPE), AuthError)
    assert "403" in told
    assert "id-token: write" in told


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (7000222, "expired. Make a new one"),
        (7000215, "the secret's value, not its ID"),
        (700016, "Check `client-id` and `tenant-id`"),
        (53003, "conditional access"),
        (500011, "does not know"),
    ],
)
def test_what_entra_refuses_is_one_sentence_with_what_to_do_and_without_the_secret(
    azure: Azure, code: int, expected: str
) -> None:
    azure.web.fail(entra.HOST, "/token", entra.refusal(code, f"Something about {SECRET}."))
    told = sentence(lambda: Client(azure, PRINCIPAL).entra.token(SCOPE), AuthError)
    assert expected in told
    assert f"AADSTS{code}" in told
    assert SECRET not in told
    assert "Trace ID" not in told


def test_an_unknown_tenant_is_told_by_its_name(azure: Azure) -> None:
    other = Identity(
        kind=AuthType.SERVICE_PRINCIPAL,
        client_id=CLIENT,
        tenant_id="99999999-9999-4999-8999-999999999999",
        client_secret=SECRET,
    )
    told = sentence(lambda: Client(azure, other).entra.token(SCOPE), AuthError)
    assert "99999999" in told
    assert "tenant-id" in told


def test_a_subject_that_is_not_federated_is_named_as_the_credential_needs_it(
    azure: Azure,
) -> None:
    azure.app.trusted = {}
    client = Client(azure, OIDC, **azure.github.env)
    told = sentence(lambda: client.entra.token(SCOPE), AuthError)
    assert f"`{github.SUBJECT}`" in told
    assert "az ad app federated-credential create" in told


# The resource manager


def a_cluster(azure: Azure, *roles: str, **more: Any) -> Cluster:
    made = Cluster(name="shop", user="the user's", admin="the admin's", public="public", **more)
    made.grant(azure.app.object_id, *roles)
    return azure.manager.add(made)


def test_the_users_kubeconfig_is_taken_unless_admin_is_asked_for(azure: Azure) -> None:
    a_cluster(azure, manager.USER, manager.ADMIN)
    client = Client(azure, PRINCIPAL)
    assert clusters.kubeconfig(client.manager, SHOP) == "the user's"
    admin = AzureCluster(
        subscription_id=SUBSCRIPTION, resource_group="shop-rg", name="shop", admin=True
    )
    assert clusters.kubeconfig(client.manager, admin) == "the admin's"
    assert len(azure.web.asked(entra.HOST, "/token")) == 1


def test_the_public_name_of_a_private_cluster_is_asked_for(azure: Azure) -> None:
    a_cluster(azure, manager.USER)
    public = AzureCluster(
        subscription_id=SUBSCRIPTION, resource_group="shop-rg", name="shop", public_fqdn=True
    )
    assert clusters.kubeconfig(Client(azure, PRINCIPAL).manager, public) == "public"


def test_a_fleet_gives_the_credentials_of_its_hub(azure: Azure) -> None:
    a_cluster(azure, manager.FLEET, kind="fleets")
    fleet = AzureCluster(
        subscription_id=SUBSCRIPTION,
        resource_group="shop-rg",
        name="shop",
        kind=ResourceKind.FLEET,
    )
    assert clusters.kubeconfig(Client(azure, PRINCIPAL).manager, fleet) == "the user's"


@pytest.mark.parametrize(
    ("kind", "admin", "role"),
    [
        (ResourceKind.CLUSTER, False, manager.USER),
        (ResourceKind.CLUSTER, True, manager.ADMIN),
        (ResourceKind.FLEET, False, manager.FLEET),
    ],
)
def test_a_missing_right_is_told_with_the_role_to_grant_and_where(
    azure: Azure,
    kind: ResourceKind,
    admin: bool,  # noqa: FBT001
    role: str,
) -> None:
    a_cluster(azure, kind=kind.rpartition("/")[2])
    asked = AzureCluster(
        subscription_id=SUBSCRIPTION,
        resource_group="shop-rg",
        name="shop",
        kind=kind,
        admin=admin,
    )
    client = Client(azure, PRINCIPAL)
    told = sentence(lambda: clusters.kubeconfig(client.manager, asked), AuthError)
    assert f'"{role}"' in told
    assert asked.resource_id in told


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": "shopp"}, "Check `cluster-name`"),
        ({"resource_group": "other"}, "no such resource group"),
        ({"subscription_id": TENANT}, "nobody here knows the subscription"),
    ],
)
def test_what_is_not_found_is_told_with_the_input_to_check(
    azure: Azure, changes: dict[str, str], expected: str
) -> None:
    a_cluster(azure, manager.USER)
    names = {"subscription_id": SUBSCRIPTION, "resource_group": "shop-rg", "name": "shop"}
    asked = AzureCluster(**{**names, **changes})
    client = Client(azure, PRINCIPAL)
    assert expected in sentence(lambda: clusters.kubeconfig(client.manager, asked), InputError)


def test_admin_of_a_cluster_without_local_accounts_is_told_so(azure: Azure) -> None:
    a_cluster(azure, manager.ADMIN, local_accounts=False)
    asked = AzureCluster(
        subscription_id=SUBSCRIPTION, resource_group="shop-rg", name="shop", admin=True
    )
    client = Client(azure, PRINCIPAL)
    told = sentence(lambda: clusters.kubeconfig(client.manager, asked), AuthError)
    assert "local accounts disabled" in told
    assert "Leave out `admin`" in told


def test_throttling_is_waited_for_as_long_as_the_server_asks_and_told(azure: Azure) -> None:
    a_cluster(azure, manager.USER)
    throttled = error(429, "TooManyRequests", "The request is being throttled.", retry_after="7")
    azure.web.fail(manager.HOST, "listCluster", throttled, times=2)
    client = Client(azure, PRINCIPAL)
    assert clusters.kubeconfig(client.manager, SHOP) == "the user's"
    assert sum(client.clock.slept) == 14
    assert len(client.told) == 2
    assert "Trying again in 7 s" in client.told[0]


def test_a_manager_that_stays_ill_ends_the_run_within_the_patience(azure: Azure) -> None:
    azure.web.fail(manager.HOST, "", answer({}, 503), times=99)
    client = Client(azure, PRINCIPAL)
    told = sentence(lambda: clusters.kubeconfig(client.manager, SHOP), ApplyError)
    assert "answered 503" in told
    assert sum(client.clock.slept) <= 120
    azure.web.faults.clear()


def test_an_answer_that_is_no_kubeconfig_is_told(azure: Azure) -> None:
    azure.web.fail(manager.HOST, "listCluster", answer({"kubeconfigs": []}))
    client = Client(azure, PRINCIPAL)
    told = sentence(lambda: clusters.kubeconfig(client.manager, SHOP), ApplyError)
    assert "without a kubeconfig" in told


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"power": "Stopped"}, "az aks start --resource-group shop-rg --name shop"),
        ({"access_profile": {"enablePrivateCluster": True}}, "is private"),
        ({"access_profile": {"authorizedIPRanges": ["10.0.0.0/8"]}}, "authorized IP"),
        ({}, ""),
    ],
)
def test_the_state_of_the_cluster_explains_why_it_does_not_answer(
    azure: Azure, state: dict[str, Any], expected: str
) -> None:
    a_cluster(azure, manager.USER, **state)
    told = clusters.why_unreachable(Client(azure, PRINCIPAL).manager, SHOP)
    assert expected in told
    assert bool(told) == bool(expected)


def test_a_certificate_that_is_not_trusted_is_told_and_nothing_is_sent(
    azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    client = Client(azure, OIDC, **azure.github.env)
    told = sentence(lambda: client.entra.token(SCOPE), AuthError)
    assert "SSL_CERT_FILE" in told
    assert not azure.web.requests


# Registries


def test_a_token_of_entra_becomes_a_login_for_the_registry(azure: Azure) -> None:
    azure.registry.grant(azure.app.object_id, "AcrPush")
    client = Client(azure, PRINCIPAL)
    login = registries.exchange(REGISTRY, TENANT, client.manager.token(), client.http)
    assert login.username == REGISTRY_USERNAME
    assert azure.registry.issuer.read(login.password, REGISTRY)["sub"] == azure.app.object_id


def test_an_identity_without_a_role_is_told_the_role(azure: Azure) -> None:
    client = Client(azure, PRINCIPAL)
    told = sentence(
        lambda: registries.exchange(REGISTRY, TENANT, client.manager.token(), client.http),
        AuthError,
    )
    assert '"AcrPush"' in told


def test_what_is_no_registry_of_azure_is_told(azure: Azure) -> None:
    azure.web.fail(REGISTRY, "exchange", Response(status=404, body=b"<html>"))
    client = Client(azure, PRINCIPAL)
    with pytest.raises(ActionError, match="Is it a container registry of Azure"):
        registries.exchange(REGISTRY, TENANT, client.manager.token(), client.http)


# Run commands


class FixedRunner(Runner):
    """Answers every command with the same text."""

    text = ""

    def start(self, body: Mapping[str, Any]) -> str:
        self.bodies.append(body)
        done = {"provisioningState": "Succeeded", "exitCode": 0, "logs": self.text[: self.limit]}
        self._results["1"] = done
        return "1"


def commanded(azure: Azure, tmp_path: Path, **changes: Any) -> tuple[RunCommand, FixedRunner]:
    cluster = a_cluster(azure, manager.USER, manager.RUN)
    runner = FixedRunner(folder=tmp_path, programs="", kubeconfig=str, **changes)
    cluster.runner = runner
    return RunCommand(Client(azure, PRINCIPAL).manager, SHOP, lambda: "a token"), runner


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (
            "KubernetesPerformanceError",
            "container command-1 in aks-command namespace did not start within 60s",
            "was not scheduled in time",
        ),
        ("BadRequest", "Run command is disabled for this cluster.", "--enable-run-command"),
    ],
)
def test_the_limits_of_run_commands_are_told(
    azure: Azure, tmp_path: Path, code: str, text: str, expected: str
) -> None:
    command, _ = commanded(azure, tmp_path, refuses=error(400, code, text))
    assert expected in sentence(lambda: command.run("", {}, seconds=1), ApplyError)


def test_the_right_to_run_commands_is_named(azure: Azure, tmp_path: Path) -> None:
    command, runner = commanded(azure, tmp_path)
    azure.manager.clusters[0].roles[azure.app.object_id] = {manager.USER}
    told = sentence(lambda: command.run("", {}, seconds=1), AuthError)
    assert "managedClusters/runcommand/action" in told
    assert not runner.bodies


def test_an_answer_that_was_cut_off_is_told(azure: Azure, tmp_path: Path) -> None:
    command, runner = commanded(azure, tmp_path, limit=100)
    runner.text = "---aks-action--- begin\n" + "x" * 1000
    assert "cut off at the limit" in sentence(lambda: command.run("", {}, seconds=1), ApplyError)


def test_a_command_that_fails_is_told_with_its_words(azure: Azure, tmp_path: Path) -> None:
    command, runner = commanded(azure, tmp_path)
    runner.text = "sh: run.sh: not found"
    assert "run.sh: not found" in sentence(lambda: command.run("", {}, seconds=1), ApplyError)
