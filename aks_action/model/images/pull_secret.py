"""An image pull secret made of the registry's login, as one more object of the deploy."""

from __future__ import annotations

import base64
import json

from aks_action.errors import Source
from aks_action.model.documents import get_in
from aks_action.model.images.references import DOCKER_HUB
from aks_action.model.manifests import Manifest, ManifestSet
from aks_action.model.pod_specs import is_workload

_HUB_KEY = "https://index.docker.io/v1/"
"""How kubelet looks up Docker Hub; every other registry by its host."""


def with_pull_secret(
    manifests: ManifestSet, name: str, *, host: str, username: str, password: str
) -> ManifestSet:
    """The manifests, after a Secret called `name` for each namespace that has a pod spec.

    Its format: https://kubernetes.io/docs/concepts/configuration/secret/#docker-config-secrets .
    """
    namespaces = dict.fromkeys(
        str(get_in(each.document, ("metadata", "namespace")) or "")
        for each in manifests
        if is_workload(each.document)
    )
    login = base64.b64encode(f"{username}:{password}".encode()).decode()
    entry = {"username": username, "password": password, "auth": login}
    config = json.dumps({"auths": {_HUB_KEY if host == DOCKER_HUB else host: entry}})
    secrets = tuple(
        Manifest(
            document={
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name, **({"namespace": space} if space else {})},
                "type": "kubernetes.io/dockerconfigjson",
                "data": {".dockerconfigjson": base64.b64encode(config.encode()).decode()},
            },
            source=Source(file="pull-secret-name"),
        )
        for space in namespaces
    )
    return (*secrets, *manifests)
