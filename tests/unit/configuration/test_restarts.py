"""Which workloads are restarted because configuration changes, and which are only told."""

from typing import Any

import pytest

from aks_action.model.configuration.changes import PENDING, ChangedConfig, changed_configuration
from aks_action.model.configuration.restart_search import RESTARTED_AT, RestartRules
from aks_action.model.configuration.restarts import with_restarts
from aks_action.model.documents import get_in, set_in
from aks_action.model.manifests import Document
from aks_action.model.plan import Apply, Change, Plan, Wait
from aks_action.model.traffic.steps import Patch
from tests.unit.configuration.words import (
    applied,
    config_map,
    item,
    observed,
    plan_of,
    pod_spec,
    workload,
)

NOW = "2026-05-01T12:00:00Z"
BEFORE = "2026-05-01T11:00:00Z"
OLD = config_map(LEVEL="info")
NEW = config_map(LEVEL="debug")
CHANGED = applied(NEW, Change.CONFIGURED, "data.LEVEL")


def changed(apply: Apply, *live: Document) -> tuple[ChangedConfig, ...]:
    return changed_configuration(plan_of(apply), observed(*live), NOW)


def restarting(plan: Plan, *live: Document, config: Document = OLD, **rules: Any) -> Plan:
    """The plan with the restarts for `live`; `config` is the configuration that is there."""
    there = observed(config, *live)
    found = changed_configuration(plan, there, NOW)
    return with_restarts(plan, found, live, RestartRules(**rules))


def names(plan: Plan) -> list[str]:
    return [str(each.ref) for each in plan.restarts]


@pytest.mark.parametrize("path", ["data.LEVEL", "data[app.conf]", "data", "binaryData.key"])
def test_a_field_of_the_content_is_a_real_change(path: str) -> None:
    assert changed(applied(NEW, Change.CONFIGURED, path), OLD)


@pytest.mark.parametrize("path", ["metadata.labels.app", "metadata.managedFields", "immutable"])
def test_a_field_beside_the_content_is_none(path: str) -> None:
    assert not changed(applied(NEW, Change.CONFIGURED, path), OLD)


def test_what_is_unchanged_or_no_configuration_is_none() -> None:
    assert not changed(applied(OLD), OLD)
    web = workload()
    assert not changed(applied(web, Change.CONFIGURED, "data.x"), web)


def test_one_that_is_made_anew_counts_only_with_other_content() -> None:
    assert changed(applied(NEW, Change.RECREATED), OLD)
    assert not changed(applied(OLD, Change.RECREATED), OLD)


def test_a_version_never_changes() -> None:
    marks = {
        "labels": {"aks-action/versioned": "true"},
        "annotations": {"aks-action/version-of": "settings"},
    }
    version = config_map("settings-abc", meta=marks, LEVEL="debug")
    assert not changed(applied(version, Change.CREATED))


def test_a_reader_in_the_manifests_is_restarted_before_the_last_wait() -> None:
    """The new content carries a mark until then, for a next run if this one is cut off."""
    web = workload()
    plan = restarting(plan_of(CHANGED, applied(web)), web)
    assert [stage.name for stage in plan.stages] == [
        "Apply 1",
        "Restart readers",
        "Restarts are under way",
        "Wait until healthy",
    ]
    marked, _ = plan.stages[0].steps
    assert isinstance(marked, Apply)
    assert marked.manifest.annotations == {PENDING: NOW}
    (restart,) = plan.stages[1].steps
    assert isinstance(restart, Patch)
    assert get_in(restart.body, ("spec", "template", "metadata", "annotations")) == {
        RESTARTED_AT: NOW
    }
    (cleared,) = plan.stages[2].steps
    assert isinstance(cleared, Patch)
    assert cleared.body == {"metadata": {"annotations": {PENDING: None}}}
    (wait,) = plan.stages[3].steps
    assert isinstance(wait, Wait)
    assert [str(each.ref) for each in wait.manifests] == [
        "ConfigMap/shop/settings",
        "Deployment/shop/web",
    ]


def test_a_reader_that_is_only_in_the_cluster_is_restarted_and_waited_for() -> None:
    """Its failure points to the configuration's place in the files."""
    other = workload(name="other")
    plan = restarting(plan_of(CHANGED), other)
    assert names(plan) == ["Deployment/shop/other"]
    (wait,) = plan.stages[-1].steps
    assert isinstance(wait, Wait)
    assert str(wait.manifests[-1].source) == "k8s/all.yml:1"


def test_one_that_is_not_healthy_now_is_restarted_but_not_waited_for() -> None:
    sick = set_in(workload(name="sick"), ("status", "readyReplicas"), 0)
    sick = set_in(sick, ("status", "availableReplicas"), 0)
    plan = restarting(plan_of(CHANGED), sick)
    assert names(plan) == ["Deployment/shop/sick"]
    (wait,) = plan.stages[-1].steps
    assert isinstance(wait, Wait)
    assert [each.ref.name for each in wait.manifests] == ["settings"]
    assert any("not waited for" in note for note in plan.notes)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_every_kind_that_kubectl_restarts_is(kind: str) -> None:
    assert names(restarting(plan_of(CHANGED), workload(kind))) == [f"{kind}/shop/web"]


READING = {
    "env": {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "settings"}}}]},
    "envFrom": {"envFrom": [{"configMapRef": {"name": "settings"}}]},
}


@pytest.mark.parametrize("site", READING)
@pytest.mark.parametrize("where", ["containers", "initContainers", "ephemeralContainers"])
def test_every_container_counts(where: str, site: str) -> None:
    container = {"name": "c", "image": "c", **READING[site]}
    spec = {"containers": [{"name": "x", "image": "x"}], where: [container]}
    reader = set_in(workload(reads=""), ("spec", "template", "spec"), spec)
    assert names(restarting(plan_of(CHANGED), reader)) == ["Deployment/shop/web"]


@pytest.mark.parametrize(
    "volume",
    [
        {"configMap": {"name": "settings"}},
        {"projected": {"sources": [{"configMap": {"name": "settings"}}]}},
    ],
)
def test_every_volume_counts(volume: dict[str, Any]) -> None:
    spec = {**pod_spec(), "volumes": [{"name": "v", **volume}]}
    reader = set_in(workload(reads=""), ("spec", "template", "spec"), spec)
    assert names(restarting(plan_of(CHANGED), reader)) == ["Deployment/shop/web"]


def test_a_pull_secret_does_not_count() -> None:
    old, new = (item("Secret", "pull", data={"x": value}) for value in ("YQ==", "Yg=="))
    spec = {**pod_spec(), "imagePullSecrets": [{"name": "pull"}]}
    reader = set_in(workload(reads=""), ("spec", "template", "spec"), spec)
    plan = plan_of(applied(new, Change.CONFIGURED, "data.x"))
    assert not names(restarting(plan, reader, config=old))


@pytest.mark.parametrize(
    "other",
    [
        workload(reads="ConfigMap/others"),
        workload(reads="Secret/settings"),
        set_in(workload(), ("metadata", "namespace"), "elsewhere"),
    ],
    ids=["another name", "another kind", "another namespace"],
)
def test_who_reads_something_else_is_left_alone(other: Document) -> None:
    assert restarting(plan_of(CHANGED), other) == plan_of(CHANGED)


@pytest.mark.parametrize(
    "web",
    [
        applied(workload(), Change.CONFIGURED, "spec.template.spec.containers[server].image"),
        applied(workload(), Change.CONFIGURED, "spec.template.metadata.labels.app"),
        applied(workload(), Change.RECREATED),
    ],
)
def test_one_whose_pods_are_replaced_anyway_is_not_restarted(web: Apply) -> None:
    assert not names(restarting(plan_of(CHANGED, web), workload()))


def test_another_change_of_the_workload_does_not_spare_the_restart() -> None:
    web = applied(workload(), Change.CONFIGURED, "spec.replicas", "metadata.labels.x")
    assert names(restarting(plan_of(CHANGED, web), workload()))


def test_an_optional_reference_to_what_is_only_now_created_restarts_nothing() -> None:
    """One that is needed does: its pods may run with what was deleted meanwhile."""
    plan = plan_of(applied(NEW, Change.CREATED))
    readers = (workload(name="can-do-without", optional=True), workload(name="needs-it"))
    found = changed_configuration(plan, observed(*readers), NOW)
    assert names(with_restarts(plan, found, readers, RestartRules())) == [
        "Deployment/shop/needs-it"
    ]


def test_an_optional_reference_to_what_changes_restarts() -> None:
    assert names(restarting(plan_of(CHANGED), workload(optional=True)))


HELM = {"annotations": {"meta.helm.sh/release-name": "prod"}}
FOREIGN = [
    HELM,
    {"labels": {"app.kubernetes.io/managed-by": "Helm"}},
    {"labels": {"argocd.argoproj.io/instance": "prod"}},
    {"annotations": {"argocd.argoproj.io/tracking-id": "prod:apps/Deployment:shop/web"}},
    {"labels": {"kustomize.toolkit.fluxcd.io/name": "prod"}},
    {"labels": {"helm.toolkit.fluxcd.io/name": "prod"}},
    {"ownerReferences": [{"kind": "Prometheus", "name": "prod", "controller": True}]},
]


@pytest.mark.parametrize("meta", FOREIGN)
def test_somebody_elses_workload_is_told_and_restarted_only_if_asked(meta: dict[str, Any]) -> None:
    foreign = workload(meta=meta)
    plan = restarting(plan_of(CHANGED), foreign)
    assert not names(plan)
    (note,) = plan.notes
    assert note.startswith("Deployment/shop/web reads ConfigMap/shop/settings and is not restarted")
    assert "restart-foreign" in note
    assert names(restarting(plan_of(CHANGED), foreign, foreign=True))


def test_a_workload_of_the_manifests_is_ours_whatever_its_labels_say() -> None:
    web = workload(meta=HELM)
    assert names(restarting(plan_of(CHANGED, applied(web)), web))


@pytest.mark.parametrize(
    ("live", "word"),
    [
        (workload("StatefulSet", updateStrategy={"type": "OnDelete"}), "OnDelete"),
        (workload("DaemonSet", updateStrategy={"type": "OnDelete"}), "OnDelete"),
        (workload(paused=True), "paused"),
    ],
)
def test_what_would_not_restart_is_told(live: Document, word: str) -> None:
    plan = restarting(plan_of(CHANGED), live)
    assert not names(plan)
    assert word in plan.notes[0]


def pod(owner: str = "", *, phase: str = "Running", **labels: str) -> Document:
    meta: dict[str, Any] = {"labels": labels}
    if owner:
        meta["ownerReferences"] = [{"kind": owner, "name": "it", "controller": True}]
    spec = pod_spec(env_from="ConfigMap/settings")
    return item("Pod", "p", meta=meta, spec=spec, status={"phase": phase})


@pytest.mark.parametrize(
    ("live", "who"),
    [
        (pod(), "Pod/shop/p reads"),
        (pod("Job"), "Job/shop/it reads"),
        (pod("ReplicaSet"), "ReplicaSet/shop/it reads"),
        (pod("CloneSet"), "CloneSet/shop/it reads"),
    ],
)
def test_pods_that_no_restart_replaces_are_told_by_their_makers_name(
    live: Document, who: str
) -> None:
    (note,) = restarting(plan_of(CHANGED), live).notes
    assert note.startswith(who)


@pytest.mark.parametrize(
    "live",
    [
        pod("Job", phase="Succeeded"),
        pod(phase="Failed"),
        pod("StatefulSet"),
        pod("DaemonSet"),
        pod("ReplicaSet", **{"pod-template-hash": "1"}),
    ],
)
def test_pods_that_have_ended_or_belong_to_a_workload_are_not_told(live: Document) -> None:
    assert not restarting(plan_of(CHANGED), live).notes


@pytest.mark.parametrize(
    "live",
    [workload(replicas=0), workload(meta={"deletionTimestamp": NOW})],
)
def test_what_has_no_pods_needs_no_restart(live: Document) -> None:
    plan = restarting(plan_of(CHANGED), live)
    assert not names(plan)
    assert not plan.notes


def test_a_run_that_was_cut_off_is_finished_by_the_next_one() -> None:
    """The content is as wanted; the mark tells since when, so that nobody restarts twice."""
    marked = config_map(meta={"annotations": {PENDING: BEFORE}}, LEVEL="debug")
    plan = plan_of(applied(NEW, Change.CONFIGURED, f"metadata.annotations[{PENDING}]"))
    waiting = workload(name="waiting")
    done = workload(name="done", template={"annotations": {RESTARTED_AT: BEFORE}})
    later = workload(
        name="later", template={"annotations": {RESTARTED_AT: "2026-05-01T14:30:00+02:00"}}
    )
    plan = restarting(plan, waiting, done, later, config=marked)
    assert names(plan) == ["Deployment/shop/waiting"]
    (restart,) = plan.stages[1].steps
    assert isinstance(restart, Patch)
    assert BEFORE in str(restart.body)


def test_new_content_after_a_cut_restarts_everybody_anew() -> None:
    marked = config_map(meta={"annotations": {PENDING: BEFORE}}, LEVEL="info")
    done = workload(template={"annotations": {RESTARTED_AT: BEFORE}})
    assert names(restarting(plan_of(CHANGED), done, config=marked))


def test_one_restart_is_enough_for_several_changes() -> None:
    secret = item("Secret", "token", data={"t": "Yg=="})
    reader = workload()
    spec = pod_spec(env_from="ConfigMap/settings")
    spec["volumes"] = [{"name": "t", "secret": {"secretName": "token"}}]
    reader = set_in(reader, ("spec", "template", "spec"), spec)
    plan = plan_of(CHANGED, applied(secret, Change.CONFIGURED, "data.t"))
    there = observed(OLD, secret, reader)
    found = changed_configuration(plan, there, NOW)
    made = with_restarts(plan, found, (reader,), RestartRules())
    (restart,) = made.restarts
    assert [str(each) for each in restart.because] == [
        "ConfigMap/shop/settings",
        "Secret/shop/token",
    ]


@pytest.mark.parametrize("strategy", ["canary", "blue-green"])
def test_what_takes_part_in_a_strategy_keeps_what_it_has(strategy: str) -> None:
    """Else the stable version would get the configuration of the new one before its promotion."""
    label = {"canary": "workflow/version", "blue-green": "k8s.deploy.color"}[strategy]
    copy = workload(name="web-canary", meta={"labels": {label: "any"}})
    outsider = workload(name="other")
    plan = plan_of(CHANGED, applied(workload()))
    made = restarting(plan, workload(), copy, outsider, strategy=strategy)
    assert names(made) == ["Deployment/shop/other"]
    assert sum("config-changes: version" in note for note in made.notes) == 2
