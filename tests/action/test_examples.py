"""The example application hangs together: what is referred to exists."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.bed import tool
from tests.action.support import ROOT, run

APP = ROOT / "examples/app"
MANIFESTS = sorted((APP / "k8s").rglob("*.yml"))


def objects() -> list[dict[str, Any]]:
    return [document for path in MANIFESTS for document in yaml.safe_load_all(path.read_text())]


def names(kind: str) -> set[str]:
    return {item["metadata"]["name"] for item in objects() if item["kind"] == kind}


def pod_specs() -> list[dict[str, Any]]:
    return [item["spec"]["template"]["spec"] for item in objects() if item["kind"] == "Deployment"]


def compose() -> dict[str, Any]:
    """The compose file as Compose reads it."""
    text = run(tool("docker-compose"), "-f", APP / "production.yml", "config", "--format", "json")
    services: dict[str, Any] = json.loads(text)["services"]
    return services


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: str(path.relative_to(APP)))
def test_a_manifest_has_what_every_object_needs(path: Path) -> None:
    """apiVersion, kind and name, and no namespace, so that one example fits every environment."""
    for item in yaml.safe_load_all(path.read_text()):
        assert {"apiVersion", "kind", "metadata"} <= set(item)
        assert set(item["metadata"]) == {"name"}


def test_the_three_services_of_the_compose_file_are_the_three_workloads() -> None:
    """Every image that is built is deployed, and the other way round."""
    built = {service["image"] for service in compose().values()}
    deployed = {box["image"] for spec in pod_specs() for box in spec["containers"]}
    assert built == deployed
    assert len(built) == 3
    assert all("build" in service for service in compose().values())


def test_every_config_map_and_secret_that_a_pod_uses_is_there() -> None:
    """And every one that is there is used."""
    maps = {
        volume["configMap"]["name"] for spec in pod_specs() for volume in spec.get("volumes", [])
    }
    sources = [source for spec in pod_specs() for box in spec["containers"]
               for source in box.get("envFrom", [])]  # fmt: skip
    maps |= {source["configMapRef"]["name"] for source in sources if "configMapRef" in source}
    secrets = {source["secretRef"]["name"] for source in sources if "secretRef" in source}
    assert maps == names("ConfigMap")
    assert secrets == names("Secret")


def test_services_and_the_ingress_lead_to_pods() -> None:
    """A Service selects the labels of a Deployment's pods; the Ingress names a Service."""
    labels = [
        item["spec"]["template"]["metadata"]["labels"]
        for item in objects()
        if item["kind"] == "Deployment"
    ]
    for item in objects():
        if item["kind"] == "Service":
            assert item["spec"]["selector"] in labels
        if item["kind"] == "Ingress":
            path = item["spec"]["rules"][0]["http"]["paths"][0]
            assert path["backend"]["service"]["name"] in names("Service")


def test_pods_need_no_privilege() -> None:
    """People copy examples into production."""
    for spec in pod_specs():
        assert spec["securityContext"]["runAsNonRoot"] is True
        for box in spec["containers"]:
            assert box["securityContext"]["capabilities"]["drop"] == ["ALL"]
            assert box["resources"]["limits"]["memory"]
