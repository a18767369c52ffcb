"""What an editor of a namespace writes into annotations, labels and Leases crashes no run."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aks_action.errors import ActionError
from aks_action.model import locking
from aks_action.model.configuration import marks
from aks_action.model.documents import set_in
from aks_action.model.manifests import Document
from aks_action.model.records import apply_sets, naming
from aks_action.model.records.reasons_to_stay import KEEP
from aks_action.model.volumes import marks as volumes
from tests.contract.test_releases import Releases, settings
from tests.fakes.cluster import FakeCluster
from tests.unit.odd_text import odd_text

SPACE = "shop"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
ANNOTATIONS = (
    *(LAST_APPLIED, "deployment.kubernetes.io/revision", "actions.github.com/run"),
    *("aks-action/versioned", marks.VERSION_OF, "aks-action/config-hash"),
    *("aks-action/restart-pending", "aks-action/removal-pending", "aks-action/hooks-pending"),
    *("aks-action/hook-content", "aks-action/phase", "aks-action/wait-for"),
    *(volumes.GROWING, volumes.CLAIM_OF, volumes.REPLACED_BY, volumes.REPLICAS_BEFORE),
    *("kubectl.kubernetes.io/restartedAt", KEEP, "helm.sh/hook", "helm.sh/hook-weight"),
    *("meta.helm.sh/release-name", apply_sets.KINDS, apply_sets.NAMESPACES),
)
LABELS = (
    *(apply_sets.PART_OF, naming.RELEASE, naming.RECORD, "app.kubernetes.io/managed-by"),
    *("workflow", "aks-action/version", volumes.JOURNAL),
)
TEXTS = (
    st.sampled_from(
        (
            "[" * 50_000,
            '{"a":' * 20_000,
            '{"kind":"ConfigMap","metadata":{"annotations":{"kubectl.kubernetes.io/x":{}}}}',
            '{"spec":{"template":{"spec":{"containers":[{"name":[]},7,null,{"env":{}}]}}}}',
            '{"metadata":[],"spec":7,"data":[]}',
            "9" * 5_000,
            "-1",
            "1e999999999",
            "9999-12-31T23:59:59-23:59",
            "0001-01-01T00:00:00+23:59",
            "9998-01-01T00:00:00Z",
            "2026-01-01T00:00:00",
            "aks-action",
            "app",
            "app-v999999",
        )
    )
    | odd_text(max_size=30)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | odd_text(max_size=9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(odd_text(max_size=9), inner),
        max_leaves=5,
    ).map(json.dumps)
)
LABEL = st.from_regex(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,20}[A-Za-z0-9])?)?", fullmatch=True)


def _workload(kind: str) -> Document:
    pod = {
        "containers": [
            {"name": "web", "image": "web:1", "envFrom": [{"configMapRef": {"name": "settings"}}]}
        ],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "app"},
        "spec": {
            "selector": {"matchLabels": {"app": "app"}},
            "template": {"metadata": {"labels": {"app": "app"}}, "spec": pod},
        },
    }


CLAIM: Document = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}
SCALER: Document = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "app"},
    "spec": {
        "maxReplicas": 3,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"},
    },
}
OBJECTS = (settings(), _workload("Deployment"), _workload("StatefulSet"), CLAIM, SCALER)
ACTIONS = (
    {"action": "plan"},
    {"action": "plan", "config_changes": "version", "prune": "true"},
    {"action": "plan:rollback", "prune": "true"},
    {"action": "plan", "strategy": "canary", "percentage": "20"},
    {"action": "plan:promote", "strategy": "canary", "percentage": "20"},
    {"action": "plan:reject", "strategy": "canary", "percentage": "20"},
    {"action": "plan", "strategy": "blue-green"},
    {"action": "plan:promote", "strategy": "blue-green"},
)


@given(st.data())
def test_whatever_stands_on_live_objects_a_run_plans_or_says_why_not(data: st.DataObject) -> None:
    cluster = FakeCluster()
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}
    cluster.put(space)
    run = Releases(cluster, SPACE)
    run(settings(LEVEL="one"), tag="v1")
    run(settings(LEVEL="two"), tag="v2")
    for each in (space, *OBJECTS):
        live = each if each is space else set_in(each, ("metadata", "namespace"), SPACE)
        if data.draw(st.booleans()):
            live = set_in(live, ("metadata", "labels", data.draw(st.sampled_from(LABELS))), "x")
        wrong = data.draw(st.dictionaries(st.sampled_from(ANNOTATIONS), TEXTS, max_size=3))
        cluster.put(set_in(live, ("metadata", "annotations"), wrong))
    with suppress(ActionError):
        run(*OBJECTS, tag="v3", **data.draw(st.sampled_from(ACTIONS)))


TIMES = TEXTS | st.integers() | st.none()


@given(
    st.dictionaries(st.sampled_from(("renewTime", "acquireTime", "holderIdentity")), TIMES),
    st.integers() | st.none() | odd_text(),
    TEXTS,
)
def test_whatever_a_lease_says_it_is_read(spec: dict[str, Any], seconds: Any, words: str) -> None:
    found = {
        "metadata": {"annotations": {"aks-action/run": words, "aks-action/actor": words}},
        "spec": {**spec, "leaseDurationSeconds": seconds},
    }
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert locking.seems_over(found, now) in (True, False)
    assert 0 < locking.seconds_of(found) <= 60
    assert len(locking.who(found)) < 600
    assert "\n" not in locking.who(found)
    holder = locking.Holder(identity="me", run="this")
    assert locking.holder_of(locking.takeover(found, holder, now)) == "me"
