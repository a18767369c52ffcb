"""The inputs of the sign-in to Azure: who signs in is clear, or is asked for."""

from __future__ import annotations

import json

import pytest

from aks_action import inputs
from aks_action.errors import InputError
from aks_action.model.azure import AuthType, AzureSettings, ResourceKind
from aks_action.model.provenance import RunContext

CREDS = {
    "clientId": "33333333-3333-4333-8333-333333333333",
    "clientSecret": "s3cr3t~",
    "subscriptionId": "22222222-2222-4222-8222-222222222222",
    "tenantId": "11111111-1111-4111-8111-111111111111",
    "activeDirectoryEndpointUrl": "https://login.microsoftonline.com",
    "resourceManagerEndpointUrl": "https://management.azure.com/",
}
PRINCIPAL = {"creds": json.dumps(CREDS, indent=2)}
OIDC = {"client_id": "c", "tenant_id": "t", "subscription_id": "s"}
TARGET = {"cluster_name": "shop", "resource_group": "shop-rg"}


def parse(**values: str) -> AzureSettings | None:
    named = {name.replace("_", "-"): value for name, value in values.items()}
    return inputs.parse({"manifests": "k8s", **named}, RunContext()).azure


def azure(**values: str) -> AzureSettings:
    found = parse(**values)
    assert found is not None
    return found


def problems_of(**values: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        parse(**values)
    return [problem.message for problem in caught.value.problems]


def test_without_any_of_them_nobody_signs_in() -> None:
    assert parse() is None


def test_creds_with_a_secret_are_a_service_principal() -> None:
    found = azure(**PRINCIPAL, **TARGET)
    assert found.identity.kind is AuthType.SERVICE_PRINCIPAL
    assert found.identity.client_secret == "s3cr3t~"
    assert found.identity.tenant_id == CREDS["tenantId"]
    assert found.cloud.name == "AzureCloud"
    assert found.cluster is not None
    assert found.cluster.resource_id == (
        f"/subscriptions/{CREDS['subscriptionId']}/resourceGroups/shop-rg/providers"
        "/Microsoft.ContainerService/managedClusters/shop"
    )


def test_ids_without_a_secret_are_oidc() -> None:
    found = azure(**OIDC, **TARGET)
    assert found.identity.kind is AuthType.OIDC
    assert found.identity.client_id == "c"
    without = {key: value for key, value in CREDS.items() if key != "clientSecret"}
    assert azure(creds=json.dumps(without)).identity.kind is AuthType.OIDC


def test_a_subscription_alone_does_not_tell_who_signs_in() -> None:
    problems = problems_of(subscription_id="s", **TARGET)
    assert len(problems) == 1
    assert problems[0].startswith("Input `auth-type` is missing")


@pytest.mark.parametrize("kind", ["managed-identity", "workload-identity"])
def test_identities_of_the_runner_are_asked_for_by_name_and_need_no_ids(kind: str) -> None:
    found = azure(auth_type=kind, subscription_id="s", **TARGET)
    assert found.identity.kind is AuthType(kind)
    assert found.identity.client_id == ""


def test_everything_that_is_missing_is_named_at_once() -> None:
    assert [
        problem.split(" is missing")[0] for problem in problems_of(client_id="c", name="x")
    ] == [
        "Input `tenant-id`",
        "Input `resource-group`",
        "Input `subscription-id`",
    ]
    assert "`clientSecret`" in problems_of(auth_type="service-principal", **OIDC)[0]
    assert "one of" in problems_of(auth_type="device-code", **OIDC)[0]


def test_a_cluster_without_a_sign_in_says_how_to_sign_in() -> None:
    (problem,) = problems_of(name="shop", resource_group="shop-rg")
    assert problem.startswith("Input `creds` is missing: `name` needs a sign-in to Azure")
    assert "OIDC" in problem


def test_a_sign_in_without_a_cluster_is_for_the_registry() -> None:
    assert azure(**PRINCIPAL).cluster is None


@pytest.mark.parametrize("other", ["kubeconfig", "context"])
def test_a_kubeconfig_and_a_cluster_of_azure_exclude_each_other(other: str) -> None:
    (problem,) = problems_of(**OIDC, **TARGET, **{other: "x"})
    assert problem.startswith(f"Inputs `{other}` and `cluster-name` are both given")


def test_the_name_of_k8s_deploy_means_the_cluster_too_and_must_not_contradict() -> None:
    cluster = azure(**OIDC, name="shop", resource_group="shop-rg").cluster
    assert cluster is not None
    assert cluster.name == "shop"
    assert "`cluster-name` says 'shop'" in problems_of(**OIDC, **TARGET, name="other")[0]


def test_an_id_that_contradicts_creds_is_refused() -> None:
    assert "`creds` says" in problems_of(**PRINCIPAL, client_id="other")[0]


@pytest.mark.parametrize(
    ("values", "authority", "manager"),
    [
        (
            {"environment": "azureusgovernment"},
            "https://login.microsoftonline.us",
            "https://management.usgovcloudapi.net",
        ),
        (
            {"environment": "AzureChinaCloud"},
            "https://login.chinacloudapi.cn",
            "https://management.chinacloudapi.cn",
        ),
    ],
)
def test_the_cloud_decides_where_to_sign_in(
    values: dict[str, str], authority: str, manager: str
) -> None:
    cloud = azure(**OIDC, **TARGET, **values).cloud
    assert (cloud.authority, cloud.manager) == (authority, manager)
    assert cloud.manager_scope == f"{manager}/.default"


def test_the_endpoints_in_creds_tell_the_cloud_or_are_one_of_their_own() -> None:
    endpoints = {
        "activeDirectoryEndpointUrl": "https://login.microsoftonline.us/",
        "resourceManagerEndpointUrl": "https://management.usgovcloudapi.net/",
    }
    cloud = azure(creds=json.dumps({**CREDS, **endpoints})).cloud
    assert cloud.name == "AzureUSGovernment"
    assert cloud.has_registry("shop.azurecr.us")
    endpoints = {
        "activeDirectoryEndpointUrl": "https://login.local.azurestack.external",
        "resourceManagerEndpointUrl": "https://management.local.azurestack.external",
    }
    cloud = azure(creds=json.dumps({**CREDS, **endpoints})).cloud
    assert cloud.authority == endpoints["activeDirectoryEndpointUrl"]
    assert cloud.manager_scope == f"{endpoints['resourceManagerEndpointUrl']}/.default"


def test_an_environment_that_contradicts_the_endpoints_in_creds_is_refused() -> None:
    (problem,) = problems_of(**PRINCIPAL, environment="AzureChinaCloud")
    assert "those of AzureCloud" in problem
    assert "is not one of AzureCloud" in problems_of(**OIDC, environment="AzureGermany")[0]


def test_an_endpoint_that_is_not_https_is_refused() -> None:
    """A secret would go there in plain text."""
    for url in ("http://login.example", "https://user@evil/", "ftp://x"):
        creds = json.dumps({**CREDS, "activeDirectoryEndpointUrl": url})
        assert "https://" in problems_of(creds=creds)[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cluster_name", "shop/../other"),
        ("resource_group", "a?b"),
        ("subscription_id", "s/resourceGroups/x"),
        ("tenant_id", "t/.."),
    ],
)
def test_a_name_that_would_lead_elsewhere_is_refused(name: str, value: str) -> None:
    assert problems_of(**{**OIDC, **TARGET, name: value})


@pytest.mark.parametrize("text", ["{", "[]", '"s3cr3t~"', "s3cr3t~ and more", '{"appId": "x"}'])
def test_creds_that_cannot_be_used_are_never_quoted(text: str) -> None:
    told = "\n".join(problems_of(creds=text))
    assert "az ad sp create-for-rbac --json-auth" in told
    assert "s3cr3t" not in told


def test_the_secret_is_masked_and_braces_are_not() -> None:
    assert inputs.secrets(PRINCIPAL) == ("", "", "", "s3cr3t~")
    assert "{" not in inputs.secrets({"creds": '{\n "clientSecret": "s3cr3t~",\n'})
    assert any("s3cr3t~" in each for each in inputs.secrets({"creds": '{"x": "s3cr3t~"'}))
    assert "s3cr3t~" not in repr(azure(**PRINCIPAL))


@pytest.mark.parametrize("name", ["admin", "use_public_fqdn"])
def test_what_needs_a_cluster_is_refused_without_one(name: str) -> None:
    assert "goes with `cluster-name`" in problems_of(**{name: "true"})[0]
    assert "goes with `cluster-name`" in problems_of(**OIDC, **{name: "true"})[0]


def test_flags_and_the_kind_of_resource_are_read() -> None:
    cluster = azure(**OIDC, **TARGET, admin="true", use_public_fqdn="true").cluster
    assert cluster is not None
    assert cluster.admin
    assert cluster.public_fqdn
    assert cluster.kind is ResourceKind.CLUSTER


def test_a_pull_secret_needs_a_login_that_lasts() -> None:
    (problem,) = problems_of(**OIDC, registry="shop.azurecr.io", pull_secret_name="reg")
    assert "az aks update --attach-acr" in problem
    login = {"registry_username": "u", "registry_password": "p"}
    assert "Input `registry` is missing" in problems_of(pull_secret_name="reg", **login)[0]


def test_a_private_cluster_is_one_of_azure_with_any_strategy() -> None:
    cluster = azure(**OIDC, **TARGET, private_cluster="true").cluster
    assert cluster is not None
    assert cluster.private
    assert "goes with `cluster-name`" in problems_of(private_cluster="true")[0]
    assert azure(**OIDC, **TARGET, private_cluster="true", strategy="canary", percentage="20")
    (problem,) = problems_of(**OIDC, **TARGET, private_cluster="true", admin="true")
    assert problem.startswith("Input `admin`")
