"""Which cluster of Azure is meant, and how it is to be reached."""

from __future__ import annotations

import re

from aks_action.inputs.azure.creds import Creds, one_of
from aks_action.inputs.azure.identity import is_given
from aks_action.inputs.reader import Reader
from aks_action.model.azure import AzureCluster, ResourceKind

INPUTS = ("cluster-name", "name", "resource-group")
_GROUP = re.compile(r"[\w.()-]{0,89}[\w()-]")
_NAME = re.compile(r"[A-Za-z0-9]([\w-]{0,61}[A-Za-z0-9])?")


def read(reader: Reader, creds: Creds) -> AzureCluster | None:
    """The cluster to look for; None when no input names one."""
    subscription = one_of(reader, "subscription-id", creds.subscription_id)
    name, group = _cluster_name(reader), reader.text("resource-group")
    if not name and not group:
        refuse_without_cluster(reader)
        return None
    if not name:
        reader.missing("cluster-name", "`resource-group` is given without it")
    elif not _NAME.fullmatch(name):
        reader.wrong("cluster-name", "no cluster is called like that")
    if not group:
        reader.missing("resource-group", "the cluster is looked for in it")
    elif not _GROUP.fullmatch(group):
        reader.wrong("resource-group", "no resource group is called like that")
    if not subscription and is_given(reader):
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


def refuse_without_cluster(reader: Reader) -> None:
    """Tell of each input that says how to reach a cluster when none is named."""
    for name in ("admin", "use-public-fqdn", "private-cluster"):
        if reader.flag(name):
            reader.wrong(name, "it goes with `cluster-name` and a sign-in to Azure")


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
