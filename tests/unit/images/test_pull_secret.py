"""The pull secret that is made of the registry's login."""

from __future__ import annotations

import base64
import json

from aks_action.errors import Source
from aks_action.model.images.pull_secret import with_pull_secret
from aks_action.model.manifests import Document, Manifest


def manifest(kind: str, namespace: str = "") -> Manifest:
    spec = {"template": {"spec": {"containers": [{"name": "a", "image": "a"}]}}}
    metadata = {"name": "a", **({"namespace": namespace} if namespace else {})}
    document: Document = {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}
    return Manifest(document=document, source=Source(file="a.yml"))


def made(*manifests: Manifest, host: str = "reg.example") -> list[Document]:
    result = with_pull_secret(manifests, "reg", host=host, username="u", password="p")
    assert result[len(result) - len(manifests) :] == manifests
    return [each.document for each in result[: len(result) - len(manifests)]]


def test_one_secret_stands_before_the_objects_for_each_namespace_that_runs_pods() -> None:
    documents = made(manifest("Deployment", "a"), manifest("StatefulSet"), manifest("Service", "b"))
    assert [each["metadata"] for each in documents] == [
        {"name": "reg", "namespace": "a"},
        {"name": "reg"},
    ]


def test_its_content_is_what_kubelet_reads() -> None:
    (document,) = made(manifest("Deployment"))
    assert document["type"] == "kubernetes.io/dockerconfigjson"
    config = json.loads(base64.b64decode(document["data"][".dockerconfigjson"]))
    login = base64.b64encode(b"u:p").decode()
    assert config == {"auths": {"reg.example": {"username": "u", "password": "p", "auth": login}}}


def test_docker_hub_is_known_to_kubelet_by_its_first_address() -> None:
    (document,) = made(manifest("Deployment"), host="docker.io")
    config = json.loads(base64.b64decode(document["data"][".dockerconfigjson"]))
    assert list(config["auths"]) == ["https://index.docker.io/v1/"]
