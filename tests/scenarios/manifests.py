"""Small manifests as text, for scenarios of more than one deploy."""

import json
from typing import Any


def deployment(name: str = "web", **changes: Any) -> str:
    """One pod of the small server; `changes` go into the container, `replicas` into the spec."""
    replicas = changes.pop("replicas", 1)
    labels = changes.pop("labels", {"app": name})
    container = {
        "name": "server",
        "image": "server",
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1},
        **changes,
    }
    pod = {"terminationGracePeriodSeconds": 1, "containers": [container]}
    spec: dict[str, Any] = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    if replicas is not None:
        spec["replicas"] = replicas
    return document("apps/v1", "Deployment", name, spec=spec)


def config_map(name: str = "settings", **data: str) -> str:
    return document("v1", "ConfigMap", name, data=data)


def job(name: str, *, command: str, version: str = "1") -> str:
    """A Job of one pod of busybox; another `version` is another template."""
    container = {
        "name": "job",
        "image": "busybox",
        "command": ["sh", "-c", command],
        "env": [{"name": "VERSION", "value": version}],
    }
    pod = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [container]}
    return document("batch/v1", "Job", name, spec={"backoffLimit": 0, "template": {"spec": pod}})


def document(api_version: str, kind: str, name: str, **fields: Any) -> str:
    item = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **fields}
    return f"---\n{json.dumps(item, indent=2)}\n"
