"""Manifests and live objects of any shape: a run ends with a verdict on them, never with a defect.

Somebody's typing error, a CRD with a name of Kubernetes' own, or a tenant who may write one object
of the namespace decide what stands in a document. All of it passes through every step of a plan
before the API server has a word.
"""

from __future__ import annotations

import copy
import io
import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aks_action.errors import ActionError
from aks_action.jobs import deploy
from aks_action.main import UNEXPECTED, main
from aks_action.model.resources import ResourceType
from tests.fakes.cluster import FakeCluster

POD = {
    "metadata": {"labels": {"app": "web"}, "annotations": {"a": "b"}},
    "spec": {
        "serviceAccountName": "web",
        "imagePullSecrets": [{"name": "pull"}],
        "initContainers": [{"name": "init", "image": "busybox"}],
        "containers": [
            {
                "name": "web",
                "image": "r.example/web:1",
                "env": [
                    {"name": "A", "value": "1"},
                    {
                        "name": "B",
                        "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "a"}},
                    },
                ],
                "envFrom": [{"secretRef": {"name": "keys"}}],
                "ports": [{"name": "http", "containerPort": 80}],
                "readinessProbe": {"httpGet": {"path": "/", "port": 80}},
                "volumeMounts": [{"name": "config", "mountPath": "/config"}],
                "resources": {"requests": {"cpu": "10m"}},
            }
        ],
        "volumes": [
            {"name": "config", "configMap": {"name": "settings", "items": [{"key": "a"}]}},
            {"name": "all", "projected": {"sources": [{"secret": {"name": "keys"}}]}},
            {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
        ],
    },
}
CLAIM = {
    "accessModes": ["ReadWriteOnce"],
    "storageClassName": "disk",
    "resources": {"requests": {"storage": "1Gi"}},
}
SELECTOR = {"matchLabels": {"app": "web"}}


ROUTES = [
    ResourceType(
        api_version="gateway.networking.k8s.io/v1",
        kind="HTTPRoute",
        plural="httproutes",
        namespaced=True,
    )
]


def item(api_version: str, kind: str, name: str, **fields: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", "labels": {"app": "web"}, "annotations": {}}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


APP = (
    item("v1", "ConfigMap", "settings", data={"a": "1"}, binaryData={"b": "AA=="}),
    item("v1", "Secret", "keys", type="Opaque", stringData={"a": "1"}, data={"b": "AA=="}),
    item("v1", "PersistentVolumeClaim", "data", spec=CLAIM),
    item("v1", "Service", "web", spec={"selector": {"app": "web"}, "ports": [{"port": 80}]}),
    item(
        "apps/v1", "Deployment", "web",
        spec={"replicas": 2, "selector": SELECTOR, "template": POD, "strategy": {}},
    ),
    item(
        "apps/v1", "StatefulSet", "db",
        spec={
            "replicas": 1, "selector": SELECTOR, "serviceName": "web", "template": POD,
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": CLAIM}],
        },
    ),
    item("apps/v1", "DaemonSet", "agent", spec={"selector": SELECTOR, "template": POD}),
    item("batch/v1", "Job", "migrate", spec={"backoffLimit": 0, "template": POD}),
    item("batch/v1", "CronJob", "night", spec={"jobTemplate": {"spec": {"template": POD}}}),
    item(
        "networking.k8s.io/v1", "Ingress", "web",
        spec={
            "rules": [
                {
                    "host": "shop.example",
                    "http": {
                        "paths": [
                            {
                                "path": "/",
                                "pathType": "Prefix",
                                "backend": {"service": {"name": "web", "port": {"number": 80}}},
                            }
                        ]
                    },
                }
            ]
        },
    ),
    item(
        "autoscaling/v2", "HorizontalPodAutoscaler", "web",
        spec={"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
    ),
    item("policy/v1", "PodDisruptionBudget", "web", spec={"selector": SELECTOR}),
    item(
        "gateway.networking.k8s.io/v1", "HTTPRoute", "web",
        spec={
            "parentRefs": [{"name": "public"}],
            "rules": [{"backendRefs": [{"name": "web", "port": 80, "weight": 1}]}],
        },
    ),
)  # fmt: skip

ODD = st.sampled_from(
    [
        None, True, False, 0, -1, 1.5, 10**25, "", "x", "9" * 60, "1Gi", "50%", "\n", "\u2028",
        [], {}, [None], [[]], [1], ["x"], [{}], {"": None}, {"name": None}, [{"name": None}],
        [{"name": []}], {"matchLabels": 1}, {"x": {"x": {"x": []}}}, "2026-01-01T00:00:00Z",
    ]
)  # fmt: skip
ANNOTATIONS = st.sampled_from(
    [
        "aks-action/phase", "aks-action/config-hash", "actions.github.com/k8s-deploy",
        "helm.sh/hook", "helm.sh/hook-weight", "aks-action/prune", "aks-action/version-of",
        "kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision",
        "kubectl.kubernetes.io/restartedAt", "aks-action/weights",
    ]
)  # fmt: skip
VALUES = st.sampled_from(
    [
        "",
        "{}",
        "[]",
        "[" * 3000,
        "9" * 400,
        "null",
        '{"spec": 1}',
        "pre-deploy",
        "pre-install",
        "-1",
    ]
)
STRATEGIES = (
    {"strategy": "basic"},
    {"strategy": "basic", "config-changes": "version"},
    {"strategy": "canary", "percentage": "50"},
    {"strategy": "canary", "percentage": "50", "traffic-split-method": "gateway"},
    {"strategy": "blue-green"},
    {"strategy": "blue-green", "route-method": "ingress"},
    {"strategy": "blue-green", "action": "plan:promote"},
    {"strategy": "canary", "action": "plan:reject"},
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Each place of a document, as its container and the key in it; what names it is left alone."""
    found: list[tuple[Any, Any]] = []
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in items:
        if key not in ("apiVersion", "kind"):
            found.append((value, key))
        if isinstance(each, dict | list):
            found += places(each)
    return found


def odd(draw: st.DrawFn, *, live: bool) -> list[dict[str, Any]]:
    """The app with something in it that has no business there.

    live: only what an API server takes from whoever may write the object.
    """
    documents: list[dict[str, Any]] = copy.deepcopy(list(APP))
    for _ in range(draw(st.integers(1, 3))):
        document = draw(st.sampled_from(documents))
        if not live and draw(st.booleans()):
            held, key = draw(st.sampled_from(places(document)))
            held[key] = draw(ODD)
        elif isinstance(document.get("metadata"), dict):
            document["metadata"]["annotations"] = {draw(ANNOTATIONS): draw(VALUES)}
    return documents


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Manifests and live objects, of which one side is odd."""
    if draw(st.booleans()):
        return odd(draw, live=False), copy.deepcopy(list(APP)) if draw(st.booleans()) else []
    return copy.deepcopy(list(APP)), odd(draw, live=True)


@given(world=worlds(), inputs=st.sampled_from(STRATEGIES))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_no_shape_of_an_object_is_a_defect(
    world: tuple[list[dict[str, Any]], list[dict[str, Any]]],
    inputs: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    manifests, live = world
    cluster = FakeCluster("shop", extra_types=ROUTES)
    for each in live:
        metadata = each.get("metadata")
        if isinstance(metadata, dict) and isinstance(metadata.get("name"), str):
            with suppress(ActionError, AttributeError, TypeError, ValueError):  # no server has it
                cluster.put({**each, "metadata": {**metadata, "namespace": "shop"}})
    monkeypatch.setattr(deploy, "connect", lambda *_: cluster)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "all.json").write_text("\n---\n".join(map(json.dumps, manifests)))
        (Path(folder) / "all.json").rename(Path(folder) / "all.yml")
        given_inputs = {"action": "plan", "manifests": "all.yml", "namespace": "shop", **inputs}
        env = {f"INPUT_{name.upper()}": value for name, value in given_inputs.items()}
        log = io.StringIO()
        code = main({**env, "GITHUB_WORKSPACE": folder, "HOME": folder}, log)
    text = log.getvalue()
    where = [line for line in text.splitlines() if line.lstrip().startswith("File ")]
    assert code != UNEXPECTED or "tests/fakes" in where[-1], text
