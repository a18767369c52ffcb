"""The inputs of the sign-in to Azure: who signs in, to which cloud, to which cluster."""

from __future__ import annotations

from dataclasses import replace

from aks_action.inputs.azure import cluster, creds, identity
from aks_action.inputs.azure.cluster import resource_kind
from aks_action.inputs.azure.creds import Creds, secrets
from aks_action.inputs.reader import Reader
from aks_action.model.azure import CLOUDS, AzureSettings, Cloud

__all__ = ["parse", "resource_kind", "secrets"]


def parse(reader: Reader) -> AzureSettings | None:
    """The sign-in that is asked for; None when no input of it is given."""
    of_cluster = next((name for name in cluster.INPUTS if reader.text(name)), "")
    if not of_cluster and not identity.is_given(reader):
        _refuse_alone(reader)
        return None
    given = creds.read(reader)
    if not identity.is_given(reader):
        reader.missing("creds", f"`{of_cluster}` needs a sign-in to Azure; {identity.HOW}")
    return AzureSettings(
        identity=identity.read(reader, given),
        cloud=_cloud(reader, given),
        cluster=cluster.read(reader, given),
    )


def _refuse_alone(reader: Reader) -> None:
    cluster.refuse_without_cluster(reader)
    if reader.text("environment"):
        reader.wrong("environment", "it goes with a sign-in to Azure")


def _cloud(reader: Reader, given: Creds) -> Cloud:
    name = reader.text("environment").lower()
    if name and name not in CLOUDS:
        known = ", ".join(cloud.name for cloud in CLOUDS.values())
        reader.wrong("environment", f"it is not one of {known}")
    clouds = CLOUDS.values()
    of_creds = next((cloud for cloud in clouds if cloud.manager == given.manager), None)
    if name in CLOUDS and of_creds and of_creds is not CLOUDS[name]:
        reader.wrong("environment", f"the endpoints in `creds` are those of {of_creds.name}")
    cloud = CLOUDS.get(name) or of_creds or CLOUDS["azurecloud"]
    if given.authority:
        cloud = replace(cloud, authority=given.authority)
    if given.manager and given.manager != cloud.manager:
        cloud = replace(cloud, manager=given.manager, audience=given.manager)
    return cloud
