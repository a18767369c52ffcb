"""Manifests to deploy, as text files in a folder."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def application(folder: Path, image: str, count: int) -> Path:
    """`count` files, each with a Deployment of one pod, its Service and its ConfigMap."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        write(folder / f"app-{number:02}.yml", _parts(f"app-{number:02}", image))
    return folder


def config_maps(folder: Path, count: int) -> Path:
    """`count` ConfigMaps in files of 100."""
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, count, 100):
        maps = [_config_map(f"config-{number:05}") for number in range(start, start + 100)]
        write(folder / f"configs-{start:05}.yml", maps[: count - start])
    return folder


def write(path: Path, documents: Sequence[Any]) -> None:
    # JSON is YAML, too, and needs no quoting rules.
    path.write_text("".join(f"---\n{json.dumps(item, indent=2)}\n" for item in documents))


def _config_map(name: str) -> dict[str, Any]:
    data = {"LEVEL": "info", "NAME": name, "index.html": f"<p>{name}</p>\n" * 8}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def _parts(name: str, image: str) -> list[dict[str, Any]]:
    labels = {"app": name}
    container = {
        "name": "server",
        "image": image,
        "ports": [{"name": "http", "containerPort": 8080}],
        "envFrom": [{"configMapRef": {"name": name}}],
        "readinessProbe": {"tcpSocket": {"port": "http"}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "1m", "memory": "4Mi"}},
    }
    pod = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": "http"}]},
    }
    return [_config_map(name), service, deployment]
