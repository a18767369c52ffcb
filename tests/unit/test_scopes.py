"""Every object gets the namespace that it belongs to, or an error that says why not."""

from __future__ import annotations

import pytest

from aks_action.errors import ManifestError, Source
from aks_action.model.manifests import Manifest
from aks_action.model.resources import ResourceType, index
from aks_action.model.scopes import Scoped, scoped

TYPES = index(
    [
        ResourceType(api_version="v1", kind="ConfigMap", plural="configmaps", namespaced=True),
        ResourceType(api_version="v1", kind="Namespace", plural="namespaces", namespaced=False),
        ResourceType(
            api_version="apps/v1", kind="Deployment", plural="deployments", namespaced=True
        ),
        ResourceType(
            api_version="networking.k8s.io/v1", kind="Ingress", plural="ingresses", namespaced=True
        ),
    ]
)


def manifest(kind: str, name: str = "a", api_version: str = "v1", namespace: str = "") -> Manifest:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    document = {"apiVersion": api_version, "kind": kind, "metadata": metadata}
    return Manifest(document=document, source=Source(file="a.yml", line=3))


def place(*manifests: Manifest, namespace: str = "", default: str = "ctx") -> Scoped:
    return scoped(manifests, TYPES, namespace=namespace, default=default)


def problems(*manifests: Manifest, namespace: str = "") -> list[str]:
    with pytest.raises(ManifestError) as caught:
        place(*manifests, namespace=namespace)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("own", "given", "result"),
    [("", "", "ctx"), ("", "prod", "prod"), ("own", "", "own"), ("prod", "prod", "prod")],
)
def test_a_namespaced_object_gets_its_own_the_input_s_or_the_context_s_namespace(
    own: str, given: str, result: str
) -> None:
    (placed,) = place(manifest("ConfigMap", namespace=own), namespace=given).manifests
    assert placed.ref.namespace == result


def test_a_cluster_scoped_object_has_none() -> None:
    before = manifest("Namespace", namespace="stray")
    result = place(before, namespace="prod")
    assert result.manifests[0].ref.namespace == ""
    assert result.notes == (
        (
            "a.yml:3: Namespace/a belongs to no namespace; "
            "its `metadata.namespace: stray` is left out."
        ),
    )
    assert before.ref.namespace == "stray"


def test_all_contradictions_are_told_at_once() -> None:
    told = problems(
        manifest("ConfigMap", namespace="dev"),
        manifest("ConfigMap", "b", namespace="test"),
        namespace="prod",
    )
    assert [("dev" in each, "test" in each) for each in told] == [(True, False), (False, True)]
    assert all("Leave out one of the two" in each and each.startswith("a.yml:3") for each in told)


@pytest.mark.parametrize(
    ("api_version", "kind", "hint"),
    [
        ("extensions/v1beta1", "Ingress", "It serves this kind as networking.k8s.io/v1 Ingress."),
        ("apps/v1", "Deploymnet", "Do you mean apps/v1 Deployment?"),
        ("apps/v1", "deployment", "Do you mean apps/v1 Deployment?"),
        ("apps/v1", "Zebra", "Its group `apps` is served, without this kind."),
        ("v1", "Zebra", "Its group `core` is served, without this kind."),
        ("zoo.example/v1", "Zebra", "Install its CustomResourceDefinition first"),
    ],
)
def test_a_kind_that_is_not_served_comes_with_what_is(
    api_version: str, kind: str, hint: str
) -> None:
    (told,) = problems(manifest(kind, api_version=api_version))
    assert told.startswith(f"a.yml:3: The cluster does not serve {api_version} {kind} (a).")
    assert hint in told


def test_an_object_that_is_there_twice_by_its_namespace_is_refused() -> None:
    """Once with the namespace written out and once without, it is still one object."""
    (told,) = problems(
        manifest("ConfigMap", namespace="prod"), manifest("ConfigMap"), namespace="prod"
    )
    assert "ConfigMap/prod/a is given twice" in told
