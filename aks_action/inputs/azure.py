"""The inputs of the sign-in to Azure: who signs in, to which cloud, to which cluster."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from aks_action.inputs.reader import Reader
from aks_action.model.azure import (
    CLOUDS,
    AuthType,
    AzureCluster,
    AzureSettings,
    Cloud,
    Identity,
    ResourceKind,
)

_IDENTITY = ("creds", "client-id", "tenant-id", "subscription-id", "auth-type")
_CLUSTER = ("cluster-name", "name", "resource-group")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,127}")
"""A GUID, or the domain name of a tenant."""

_GROUP = re.compile(r"[\w.()-]{0,89}[\w()-]")
_NAME = re.compile(r"[A-Za-z0-9]([\w-]{0,61}[A-Za-z0-9])?")
_HOW = (
    "give `creds`; or `client-id`, `tenant-id` and `subscription-id` for OIDC; or `auth-type` for "
    "the identity of the runner"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Creds:
    """What of the JSON in `creds` counts; empty where it does not say."""

    client_id: str = ""
    tenant_id: str = ""
    subscription_id: str = ""
    secret: str = ""
    authority: str = ""
    manager: str = ""


def secrets(creds: str) -> tuple[str, ...]:
    """What of `creds` must never be seen: the secret, or every line that may hold it."""
    document = _document(creds)
    if document is None:
        return tuple(line.strip() for line in creds.splitlines() if len(line.strip()) >= 8)
    return tuple(value for key, value in document.items() if "secret" in key.lower() and value)


def parse(reader: Reader) -> AzureSettings | None:
    """The sign-in that is asked for; None when no input of it is given."""
    if not any(reader.text(name) for name in (*_IDENTITY, *_CLUSTER)):
        _refuse_alone(reader)
        return None
    creds = _creds(reader)
    if not any(reader.text(name) for name in _IDENTITY):
        given = next(name for name in _CLUSTER if reader.text(name))
        reader.missing("creds", f"`{given}` needs a sign-in to Azure; {_HOW}")
    return AzureSettings(
        identity=_identity(reader, creds),
        cloud=_cloud(reader, creds),
        cluster=_cluster(reader, creds),
    )


def _refuse_without_cluster(reader: Reader) -> None:
    for name in ("admin", "use-public-fqdn", "private-cluster"):
        if reader.flag(name):
            reader.wrong(name, "it goes with `cluster-name` and a sign-in to Azure")


def _refuse_alone(reader: Reader) -> None:
    _refuse_without_cluster(reader)
    if reader.text("environment"):
        reader.wrong("environment", "it goes with a sign-in to Azure")


def _document(creds: str) -> dict[str, str] | None:
    try:
        document = json.loads(creds)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    return {str(key): value.strip() for key, value in document.items() if isinstance(value, str)}


def _creds(reader: Reader) -> _Creds:
    text = reader.text("creds")
    document = _document(text) if text else {}
    if document is None:
        reader.wrong(
            "creds",
            "it is no JSON object, as `az ad sp create-for-rbac --json-auth` prints one",
        )
        document = {}
    if "appId" in document and "clientId" not in document:
        reader.wrong(
            "creds",
            "it has `appId` instead of `clientId`; make it with "
            "`az ad sp create-for-rbac --json-auth`",
        )
    return _Creds(
        client_id=document.get("clientId", ""),
        tenant_id=document.get("tenantId", ""),
        subscription_id=document.get("subscriptionId", ""),
        secret=document.get("clientSecret", ""),
        authority=_endpoint(reader, document, "activeDirectoryEndpointUrl"),
        manager=_endpoint(reader, document, "resourceManagerEndpointUrl"),
    )


def _endpoint(reader: Reader, document: Mapping[str, Any], key: str) -> str:
    url: str = document.get(key, "").rstrip("/")
    if url and not re.fullmatch(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[\w./-]*)?", url):
        reader.wrong("creds", f"its `{key}` is no URL that begins with https://")
        return ""
    return url


def _one_of(reader: Reader, name: str, in_creds: str) -> str:
    """A value that may stand in an input or in `creds`, and must not differ."""
    given = reader.text(name)
    if given and in_creds and given.lower() != in_creds.lower():
        reader.wrong(name, f"`creds` says {in_creds!r}; leave out one of the two")
    value = given or in_creds
    if value and not _ID.fullmatch(value):
        reader.wrong(name if given else "creds", f"no {name.replace('-', ' ')} looks like that")
    return value


def _identity(reader: Reader, creds: _Creds) -> Identity:
    identity = Identity(
        kind=_kind(reader, creds),
        client_id=_one_of(reader, "client-id", creds.client_id),
        tenant_id=_one_of(reader, "tenant-id", creds.tenant_id),
        client_secret=creds.secret,
    )
    kind = identity.kind
    if kind is AuthType.SERVICE_PRINCIPAL and not creds.secret:
        reader.missing("creds", "a service principal needs its `clientSecret`")
    if kind in (AuthType.SERVICE_PRINCIPAL, AuthType.OIDC) and _is_given(reader):
        for name, value in (("client-id", identity.client_id), ("tenant-id", identity.tenant_id)):
            if not value:
                reader.missing(name, f"the sign-in as {kind} needs it")
    return identity


def _is_given(reader: Reader) -> bool:
    return any(reader.text(name) for name in _IDENTITY)


def _kind(reader: Reader, creds: _Creds) -> AuthType:
    word = reader.text("auth-type").lower()
    if word:
        try:
            return AuthType(word)
        except ValueError:
            reader.wrong("auth-type", f"it is not one of {', '.join(AuthType)}")
    if creds.secret:
        return AuthType.SERVICE_PRINCIPAL
    alone = not any((creds.client_id, reader.text("client-id"), reader.text("tenant-id")))
    if alone and reader.text("subscription-id") and not word and not reader.text("creds"):
        reader.missing("auth-type", f"a subscription alone does not tell who signs in; {_HOW}")
        return AuthType.MANAGED_IDENTITY
    return AuthType.OIDC


def _cloud(reader: Reader, creds: _Creds) -> Cloud:
    name = reader.text("environment").lower()
    if name and name not in CLOUDS:
        known = ", ".join(cloud.name for cloud in CLOUDS.values())
        reader.wrong("environment", f"it is not one of {known}")
    clouds = CLOUDS.values()
    of_creds = next((cloud for cloud in clouds if cloud.manager == creds.manager), None)
    if name in CLOUDS and of_creds and of_creds is not CLOUDS[name]:
        reader.wrong("environment", f"the endpoints in `creds` are those of {of_creds.name}")
    cloud = CLOUDS.get(name) or of_creds or CLOUDS["azurecloud"]
    if creds.authority:
        cloud = replace(cloud, authority=creds.authority)
    if creds.manager and creds.manager != cloud.manager:
        cloud = replace(cloud, manager=creds.manager, audience=creds.manager)
    return cloud


def _cluster(reader: Reader, creds: _Creds) -> AzureCluster | None:
    subscription = _one_of(reader, "subscription-id", creds.subscription_id)
    name, group = _cluster_name(reader), reader.text("resource-group")
    if not name and not group:
        _refuse_without_cluster(reader)
        return None
    if not name:
        reader.missing("cluster-name", "`resource-group` is given without it")
    elif not _NAME.fullmatch(name):
        reader.wrong("cluster-name", "no cluster is called like that")
    if not group:
        reader.missing("resource-group", "the cluster is looked for in it")
    elif not _GROUP.fullmatch(group):
        reader.wrong("resource-group", "no resource group is called like that")
    if not subscription and _is_given(reader):
        reader.missing("subscription-id", "the cluster is looked for in it")
    for other in ("kubeconfig", "context"):
        if reader.text(other):
            reader.problem(
                f"Inputs `{other}` and `cluster-name` are both given: a cluster is reached by a "
                "kubeconfig or by signing in to Azure. Leave out one of the two."
            )
    return AzureCluster(
        subscription_id=subscription,
        resource_group=group,
        name=name,
        kind=_kind_of_resource(reader) or ResourceKind.CLUSTER,
        admin=reader.flag("admin"),
        public_fqdn=reader.flag("use-public-fqdn"),
        private=_private(reader),
    )


def _private(reader: Reader) -> bool:
    private = reader.flag("private-cluster")
    for name in ("admin", "use-public-fqdn", "skip-tls-verify"):
        if private and reader.flag(name):
            reader.wrong(name, "a run command (`private-cluster`) reaches the cluster without it")
    if private and reader.text("rollback-on-failure").lower() == "true":
        reader.wrong("rollback-on-failure", "it is not there for `private-cluster` yet")
    return private


def _cluster_name(reader: Reader) -> str:
    name, older = reader.text("cluster-name"), reader.text("name")
    if name and older and name != older:
        reader.wrong("name", f"`cluster-name` says {name!r}; leave out one of the two")
    return name or older


def resource_kind(reader: Reader) -> ResourceKind:
    """What `resource-type` says, in any case. A hub can do less than a cluster."""
    kind = _kind_of_resource(reader)
    if kind is None:
        reader.wrong("resource-type", f"it is not one of {', '.join(ResourceKind)}")
    if kind is ResourceKind.FLEET:
        for name in ("admin", "use-public-fqdn", "private-cluster"):
            if reader.flag(name):
                reader.wrong(name, "the hub of a fleet has no such thing")
        if reader.text("strategy").lower() in ("canary", "blue-green"):
            reader.wrong("strategy", "a fleet's hub runs no pods; only `basic` works there")
    return kind or ResourceKind.CLUSTER


def _kind_of_resource(reader: Reader) -> ResourceKind | None:
    text = reader.text("resource-type").lower()
    return next((each for each in ResourceKind if each.lower() == text), None)
