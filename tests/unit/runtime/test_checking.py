"""The check before the first write, against an API server in memory."""

from typing import Any

import pytest

from aks_action.errors import ApplyError, AuthError, ManifestError, Source
from aks_action.model.applying.diff import LAST_APPLIED
from aks_action.model.documents import set_in
from aks_action.model.manifests import Manifest, ref_of
from aks_action.model.observed import Observed
from aks_action.model.plan import (
    Apply,
    Assessment,
    Change,
    Delete,
    Due,
    FieldChange,
    Plan,
    Stage,
    Step,
)
from aks_action.model.provenance import RUN_ANNOTATION
from aks_action.model.traffic.steps import Patch
from aks_action.runtime.checking import ApplyRules, check
from tests.fakes.cluster import FakeCluster

RULES = ApplyRules()


def config_map(name: str = "app", namespace: str = "prod", **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def deployment(app: str = "web", **spec: Any) -> dict[str, Any]:
    labels = {"app": app}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "web", "image": "web:1"}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "prod"},
        "spec": {"selector": {"matchLabels": labels}, "template": template, **spec},
    }


def job(image: str = "job:1", **metadata: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "job", "image": image}], "restartPolicy": "Never"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "migrate", "namespace": "prod", **metadata},
        "spec": {"template": {"spec": spec}},
    }


NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "new"}}
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "toys.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"kind": "Toy", "plural": "toys"},
        "versions": [{"name": "v1", "served": True}],
    },
}
TOY = {
    "apiVersion": "example.com/v1",
    "kind": "Toy",
    "metadata": {"name": "bear", "namespace": "prod"},
}


def plan_of(*documents: dict[str, Any]) -> Plan:
    applies = tuple(
        Apply(manifest=Manifest(document=each, source=Source(file="all.yml", line=n)))
        for n, each in enumerate(documents, start=1)
    )
    return Plan(stages=(Stage(name="all", steps=applies),))


def checked(
    cluster: FakeCluster, *documents: dict[str, Any], rules: ApplyRules = RULES
) -> list[Apply]:
    refs = [ref_of(each) for each in documents]
    types = cluster.types()
    known = [ref for ref in refs if (ref.api_version, ref.kind) in types]
    live = {ref: found for ref in known if (found := cluster.get(ref)) is not None}
    observed = Observed(live=live, types=types)
    return list(check(plan_of(*documents), cluster, observed, rules).applies)


def assessment(apply: Apply) -> Assessment:
    assert apply.assessment is not None
    return apply.assessment


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster("prod")


def test_what_is_absent_will_be_created(cluster: FakeCluster) -> None:
    (apply,) = checked(cluster, config_map(a="1"))
    assert assessment(apply) == Assessment(change=Change.CREATED)
    assert cluster.writes == []


def test_what_we_applied_before_is_unchanged(cluster: FakeCluster) -> None:
    cluster.apply(config_map(a="1"))
    (apply,) = checked(cluster, config_map(a="1"))
    assert assessment(apply) == Assessment(change=Change.UNCHANGED)


def test_a_changed_field_is_shown(cluster: FakeCluster) -> None:
    cluster.apply(config_map(a="1"))
    (apply,) = checked(cluster, config_map(a="2"))
    assert assessment(apply).fields == (FieldChange(path="data.a", before="1", after="2"),)


def test_what_somebody_else_made_just_so_becomes_ours(cluster: FakeCluster) -> None:
    cluster.put(config_map(a="1"), manager="helm")
    (apply,) = checked(cluster, config_map(a="1"))
    assert assessment(apply).change is Change.CONFIGURED
    (field,) = assessment(apply).fields
    assert (field.path, field.before, field.after) == (
        "metadata.managedFields",
        "helm",
        "aks-action",
    )


def test_what_kubectl_applied_is_taken_over_and_what_will_go_is_told(
    cluster: FakeCluster,
) -> None:
    cluster.client_side_apply(config_map(a="1", old="x"))
    (apply,) = checked(cluster, config_map(a="1"))
    found = assessment(apply)
    assert found.fields == (FieldChange(path="data.old", before="x", after=None),)
    assert found.ownership is not None
    assert [entry["manager"] for entry in found.ownership] == ["aks-action"]
    assert LAST_APPLIED not in str(found.fields)


def test_every_refusal_is_told_at_once_with_its_place(cluster: FakeCluster) -> None:
    cluster.inject("apply", name="a", code=422, reason="Invalid", message="a is wrong")
    cluster.inject("apply", name="b", code=400, reason="BadRequest", message="b is wrong")
    with pytest.raises(ManifestError) as caught:
        checked(cluster, config_map("a"), config_map("good"), config_map("b"))
    assert [problem.source for problem in caught.value.problems] == [
        Source(file="all.yml", line=1),
        Source(file="all.yml", line=3),
    ]


def test_only_missing_permissions_are_an_error_of_access(cluster: FakeCluster) -> None:
    cluster.forbid("apply", "ConfigMap")
    with pytest.raises(AuthError, match=r"ci may not patch configmaps"):
        checked(cluster, config_map("a"), config_map("b"))


def test_a_namespace_that_nobody_makes_is_an_error(cluster: FakeCluster) -> None:
    with pytest.raises(ApplyError, match="namespace nowhere does not exist"):
        checked(cluster, config_map(namespace="nowhere"))


def test_objects_of_a_new_namespace_are_checked_later(cluster: FakeCluster) -> None:
    namespace, inside = checked(cluster, NAMESPACE, config_map(namespace="new"))
    assert assessment(namespace) == Assessment(change=Change.CREATED)
    assert assessment(inside) == Assessment(change=Change.CREATED, due=Due.NEW_PLACE)


def test_objects_of_a_new_kind_are_checked_later(cluster: FakeCluster) -> None:
    _, toy = checked(cluster, CRD, TOY)
    assert assessment(toy) == Assessment(change=Change.CREATED, due=Due.NEW_PLACE)


def test_an_object_that_misses_what_comes_in_the_same_run_is_checked_later(
    cluster: FakeCluster,
) -> None:
    message = (
        'pods "p" is forbidden: error looking up service account prod/robot: '
        'serviceaccount "robot" not found'
    )
    cluster.inject("apply", kind="Pod", code=403, reason="Forbidden", message=message)
    account = {**config_map("robot"), "kind": "ServiceAccount"}
    del account["data"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "prod"}}
    _, found = checked(cluster, account, pod)
    assert assessment(found).due is Due.REFERENCE
    with pytest.raises(ApplyError, match="robot"):
        checked(cluster, pod)


def test_an_object_whose_definition_changes_in_the_same_run_is_checked_later(
    cluster: FakeCluster,
) -> None:
    cluster.apply(CRD)
    cluster.apply(TOY)
    message = "failed to create typed patch object (x): .spec: field not declared in schema"
    cluster.inject("apply", kind="Toy", code=500, reason="", message=message)
    changed = set_in(CRD, ("spec", "preserveUnknownFields"), value=False)
    _, toy = checked(cluster, changed, {**TOY, "spec": {}})
    assert assessment(toy) == Assessment(change=Change.CONFIGURED, due=Due.NEW_SCHEMA)
    with pytest.raises(ManifestError, match="spec is a field that"):
        checked(cluster, CRD, {**TOY, "spec": {}})


def test_an_immutable_field_is_an_error_that_names_it(cluster: FakeCluster) -> None:
    cluster.apply(deployment())
    with pytest.raises(ManifestError, match=r"spec\.selector\.matchLabels\.app cannot be changed"):
        checked(cluster, deployment(app="other"))


def test_with_force_an_immutable_field_means_recreation(cluster: FakeCluster) -> None:
    cluster.apply(deployment())
    (apply,) = checked(cluster, deployment(app="other"), rules=ApplyRules(force=True))
    found = assessment(apply)
    assert found.change is Change.RECREATED
    assert [field.path for field in found.fields] == ["spec.selector.matchLabels.app"]


def test_a_volume_claim_is_not_deleted_even_with_force(cluster: FakeCluster) -> None:
    claim = {
        **config_map("data"),
        "kind": "PersistentVolumeClaim",
        "spec": {"storageClassName": "a"},
    }
    del claim["data"]
    cluster.apply(claim)
    other = set_in(claim, ("spec", "storageClassName"), "b")
    with pytest.raises(ManifestError, match="the old one is kept"):
        checked(cluster, other, rules=ApplyRules(force=True))


def test_a_changed_job_that_has_ended_is_recreated(cluster: FakeCluster) -> None:
    cluster.apply(job())
    ended = {"conditions": [{"type": "Complete", "status": "True"}]}
    cluster.set_status(ref_of(job()), ended)
    (apply,) = checked(cluster, job("job:2"))
    assert assessment(apply).change is Change.RECREATED


def test_a_changed_job_that_is_running_is_an_error_unless_forced(cluster: FakeCluster) -> None:
    cluster.apply(job())
    with pytest.raises(ManifestError, match="still running"):
        checked(cluster, job("job:2"))
    (apply,) = checked(cluster, job("job:2"), rules=ApplyRules(force=True))
    assert assessment(apply).change is Change.RECREATED


def test_an_ended_job_whose_labels_change_is_only_configured(cluster: FakeCluster) -> None:
    cluster.apply(job())
    cluster.set_status(ref_of(job()), {"conditions": [{"type": "Failed", "status": "True"}]})
    (apply,) = checked(cluster, job(labels={"team": "a"}))
    assert assessment(apply).change is Change.CONFIGURED


def test_an_object_with_a_generate_name_is_created_each_time(cluster: FakeCluster) -> None:
    document = job()
    document["metadata"] = {"generateName": "migrate-", "namespace": "prod"}
    (apply,) = checked(cluster, document)
    assert assessment(apply) == Assessment(change=Change.CREATED)
    assert [r.dry_run for r in cluster.requests if r.verb == "create"] == [True]


def test_the_run_annotation_alone_changes_nothing(cluster: FakeCluster) -> None:
    path = ("metadata", "annotations", RUN_ANNOTATION)
    cluster.apply(set_in(config_map(a="1"), path, "run 1"))
    (apply,) = checked(cluster, config_map(a="1"), rules=ApplyRules(run_annotation="run 2"))
    assert assessment(apply).change is Change.UNCHANGED


def test_what_changes_gets_the_new_run_annotation_and_does_not_show_it(
    cluster: FakeCluster,
) -> None:
    path = ("metadata", "annotations", RUN_ANNOTATION)
    cluster.apply(set_in(config_map(a="1"), path, "run 1"))
    (apply,) = checked(cluster, config_map(a="2"), rules=ApplyRules(run_annotation="run 2"))
    assert apply.manifest.annotations == {RUN_ANNOTATION: "run 2"}
    assert [field.path for field in assessment(apply).fields] == ["data.a"]


def test_an_object_that_is_being_deleted_is_made_anew(cluster: FakeCluster) -> None:
    cluster.put(set_in(config_map(a="1"), ("metadata", "deletionTimestamp"), "2026-01-01"))
    (apply,) = checked(cluster, config_map(a="1"))
    assert assessment(apply).change is Change.RECREATED


def test_a_namespace_that_is_being_deleted_is_an_error(cluster: FakeCluster) -> None:
    cluster.put(set_in(NAMESPACE, ("metadata", "deletionTimestamp"), "2026-01-01"))
    with pytest.raises(ApplyError, match="is being deleted"):
        checked(cluster, NAMESPACE)


def test_a_webhook_that_cannot_be_dry_run_is_asked_when_it_is_due(cluster: FakeCluster) -> None:
    message = 'admission webhook "x.y" does not support dry run'
    cluster.inject("apply", code=400, reason="BadRequest", message=message)
    (apply,) = checked(cluster, config_map(a="1"))
    assert assessment(apply) == Assessment(change=Change.CREATED, due=Due.NO_DRY_RUN)


def turns(cluster: FakeCluster, *steps: Step) -> list[Assessment]:
    """What the check says of each apply of a plan whose steps come one after the other."""
    plan = Plan(stages=tuple(Stage(name=str(n), steps=(step,)) for n, step in enumerate(steps)))
    found = {each.ref: cluster.get(each.ref) for each in plan.applies}
    live = {ref: document for ref, document in found.items() if document is not None}
    observed = Observed(live=live, types=cluster.types())
    return [assessment(each) for each in check(plan, cluster, observed, RULES).applies]


def apply_of(document: dict[str, Any]) -> Apply:
    return next(iter(plan_of(document).applies))


def test_what_the_plan_deletes_first_is_not_refused_for_a_field_that_cannot_change(
    cluster: FakeCluster,
) -> None:
    cluster.apply(deployment())
    gone = Delete(ref=ref_of(deployment()), why="its selector changes")
    (found,) = turns(cluster, gone, apply_of(deployment(app="other")))
    assert found == Assessment(change=Change.CREATED, due=Due.DELETED)


def test_what_the_plan_deletes_first_is_still_refused_for_a_field_that_is_not_there(
    cluster: FakeCluster,
) -> None:
    cluster.apply(deployment())
    gone = Delete(ref=ref_of(deployment()), why="its selector changes")
    with pytest.raises(ManifestError, match="replica is a field that"):
        turns(cluster, gone, apply_of(deployment(replica=3)))


def test_a_delete_after_an_apply_excuses_nothing(cluster: FakeCluster) -> None:
    cluster.apply(deployment())
    gone = Delete(ref=ref_of(deployment()), why="test")
    with pytest.raises(ManifestError, match="cannot be changed"):
        turns(cluster, apply_of(deployment(app="other")), gone)


def test_writes_of_one_object_are_each_compared_with_what_the_one_before_makes(
    cluster: FakeCluster,
) -> None:
    """To and fro: the last one is what is live now, and is to be written all the same."""
    cluster.apply(config_map(a="1"))
    to, again, back = turns(
        cluster,
        apply_of(config_map(a="2")),
        apply_of(config_map(a="2")),
        apply_of(config_map(a="1")),
    )
    assert to.fields == (FieldChange(path="data.a", before="1", after="2"),)
    assert again == Assessment(change=Change.UNCHANGED)
    assert back.fields == (FieldChange(path="data.a", before="2", after="1"),)
    assert to.checked
    assert back.checked


def test_a_second_write_of_a_new_object_is_checked_in_its_turn(cluster: FakeCluster) -> None:
    first, second = turns(cluster, apply_of(config_map(a="1")), apply_of(config_map(a="2")))
    assert first == Assessment(change=Change.CREATED)
    assert second == Assessment(change=Change.CONFIGURED, due=Due.REPEATED)


def test_what_is_live_now_is_written_again_after_a_patch_of_the_plan(cluster: FakeCluster) -> None:
    cluster.apply(config_map(a="1"))
    ref = ref_of(config_map())
    patch = Patch(ref=ref, body={"data": {"a": "2"}}, why="test")
    (found,) = turns(cluster, patch, apply_of(config_map(a="1")))
    assert found == Assessment(change=Change.CONFIGURED)


def test_what_kubectl_applied_is_checked_again_after_a_patch_of_the_plan(
    cluster: FakeCluster,
) -> None:
    """Whose fields are to be taken over then is to be read then."""
    cluster.client_side_apply(config_map(a="1"))
    ref = ref_of(config_map())
    patch = Patch(ref=ref, body={"data": {"a": "2"}}, why="test")
    (found,) = turns(cluster, patch, apply_of(config_map(a="1")))
    assert found.due is Due.REPEATED


@pytest.mark.parametrize(("value", "requests"), [("1", []), ("2", ["apply"] * 20)])
def test_there_is_one_request_for_each_object_that_may_change(
    cluster: FakeCluster, value: str, requests: list[str]
) -> None:
    for n in range(20):
        cluster.apply(config_map(f"c{n}", a="1"))
    plan = plan_of(*(config_map(f"c{n}", a=value) for n in range(20)))
    live = {ref_of(each): each for each in cluster.list("v1", "ConfigMap").items}
    cluster.requests.clear()
    check(plan, cluster, Observed(live=live, types={}), RULES)
    assert [r.verb for r in cluster.requests if r.verb != "types"] == requests
    assert cluster.writes == []
