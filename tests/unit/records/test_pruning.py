"""Pruning: what goes, in which order, and all that stays with the reason."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from aks_action.model.configuration.marks import VERSION_OF, VERSIONED
from aks_action.model.manifests import Document, ObjectRef, ref_of
from aks_action.model.plan import Delete
from aks_action.model.records import Member
from aks_action.model.records.apply_sets import PART_OF, apply_set_id, parent_annotations, part_of
from aks_action.model.records.formers import Former, formers
from aks_action.model.records.pruning import Pruning, Rules, left_in_place, pruning
from aks_action.model.release_settings import GUARDED_KINDS
from aks_action.model.resources import ResourceType, index
from tests.unit.configuration.words import NAMESPACE, config_map, item, workload
from tests.unit.records.words import PARENT, attempt, history, manifests_of, record

OURS = {PART_OF: apply_set_id(PARENT)}
RULES = Rules(kinds=frozenset(), parent=PARENT)
HERE = config_map("here", meta={"uid": "uid-here"})


def live(document: Document, **meta: Any) -> Document:
    """An object that this release deployed with `prune: true`, but for `meta`."""
    metadata = {**document["metadata"], "uid": f"uid-{document['metadata']['name']}"}
    labels = {**(metadata.get("labels") or {}), **OURS}
    return {**document, "metadata": {**metadata, "labels": labels, **meta}}


def prune(
    *documents: Document,
    manifests: tuple[Document, ...] = (HERE,),
    rules: Rules = RULES,
    recent: bool = True,
    uid: str | None = None,
) -> Pruning:
    """What becomes of live objects that the release had."""
    had = [
        Former(
            ref=ref_of(each),
            uid=f"uid-{ref_of(each).name}" if uid is None else uid,
            of="v1 (record 1)",
            recent=recent,
        )
        for each in documents
    ]
    there = {ref_of(each): each for each in (*documents, *manifests)}
    return pruning(had, manifests_of(*manifests), (), there, rules)


def names(found: Pruning) -> list[list[str]]:
    return [
        [step.ref.name for step in stage.steps if isinstance(step, Delete)]
        for stage in found.stages
    ]


def test_what_is_no_longer_in_the_manifests_goes() -> None:
    (stage,) = prune(live(config_map("old"))).stages
    (step,) = stage.steps
    assert isinstance(step, Delete)
    assert (step.ref.name, step.uid) == ("old", "uid-old")
    assert step.why == "no longer in the manifests; v1 (record 1) had it"


def test_it_goes_in_the_reverse_of_the_order_in_which_it_came() -> None:
    app = workload(name="app", reads="ConfigMap/settings")
    found = prune(live(config_map("settings")), live(app))
    assert names(found) == [["app"], ["settings"]]


def test_an_empty_set_of_manifests_prunes_nothing() -> None:
    """A glob that matches nothing, or a template that went wrong, is no wish to delete all."""
    assert prune(live(config_map("old")), manifests=()) == Pruning()


@pytest.mark.parametrize(
    ("meta", "why"),
    [
        ({"annotations": {"aks-action/prune": "false"}}, 'annotation `aks-action/prune: "false"`'),
        ({"ownerReferences": [{"kind": "Widget", "name": "w"}]}, "belongs to Widget w"),
        (
            {"annotations": {"meta.helm.sh/release-name": "prod"}},
            "belongs to the Helm release prod",
        ),
        (
            {"labels": {**OURS, "argocd.argoproj.io/instance": "app"}},
            "belongs to the Argo CD application app",
        ),
        ({"labels": {}}, "deployed without `prune: true`"),
        ({"labels": {PART_OF: "applyset-other-v1"}}, "a member of another ApplySet"),
        ({"uid": "another"}, "somebody has made it anew"),
    ],
)
def test_what_is_somebody_elses_by_now_stays_and_is_told(meta: Mapping[str, Any], why: str) -> None:
    found = prune(live(config_map("old"), **meta))
    assert not found.stages
    (note,) = found.notes
    assert note.startswith("Not pruned, though no longer in the manifests: ConfigMap/shop/old: ")
    assert why in note


@pytest.mark.parametrize("kind", sorted(GUARDED_KINDS))
def test_kinds_that_take_others_or_data_with_them_stay_unless_they_are_named(kind: str) -> None:
    group = {"CustomResourceDefinition": "apiextensions.k8s.io/v1"}.get(kind, "v1")
    document = live(item(kind, "old", group))
    (note,) = prune(document).notes
    assert note.endswith(f"{kind}/shop/old: `prune-kinds` does not name {kind}.")
    assert names(prune(document, rules=replace(RULES, kinds=frozenset({kind})))) == [["old"]]


def test_the_namespace_of_the_records_is_never_pruned() -> None:
    document = live({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    found = prune(document, rules=replace(RULES, kinds=GUARDED_KINDS))
    assert not found.stages
    assert "the records of the release are in it" in found.notes[0]


def test_what_the_manifests_still_name_stays() -> None:
    """Its content may be somebody else's affair now; without it no pod could start."""
    found = prune(live(config_map("settings")), manifests=(workload(reads="ConfigMap/settings"),))
    assert not found.stages
    assert "Deployment/shop/web still names it" in found.notes[0]


def test_a_cluster_scoped_object_that_is_still_named_stays() -> None:
    fast = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"}}
    claim = item("PersistentVolumeClaim", "data", spec={"storageClassName": "fast"})
    assert not prune(live(fast), manifests=(claim,)).stages


def test_what_goes_already_is_neither_pruned_nor_told() -> None:
    assert prune(live(config_map("old"), deletionTimestamp="2026-01-31T10:00:00Z")) == Pruning()


def test_what_stays_is_told_once_and_not_by_every_deploy_after_that() -> None:
    kept = live(config_map("old"), annotations={"aks-action/prune": "false"})
    assert prune(kept).notes
    assert prune(kept, recent=False) == Pruning()


def test_an_object_that_only_a_cut_off_run_names_is_known_by_its_label() -> None:
    assert names(prune(live(config_map("old")), uid="")) == [["old"]]


def test_the_same_object_under_another_version_or_group_of_its_api_is_not_pruned() -> None:
    """Deleting one would delete the other."""
    old = live(item("Ingress", "web", "extensions/v1beta1"))
    new = live(item("Ingress", "web", "networking.k8s.io/v1"))
    assert not prune(old, manifests=(new,)).stages
    beta = live(item("CronJob", "nightly", "batch/v1beta1"), uid="1")
    assert not prune(beta, manifests=(item("CronJob", "nightly", "batch/v1"),)).stages


def version(name: str, of: str) -> Document:
    labels, annotations = {VERSIONED: "true", **OURS}, {VERSION_OF: of}
    return live(config_map(name), labels=labels, annotations=annotations)


def test_versions_of_configuration_are_left_to_the_history_while_there_is_a_newer_one() -> None:
    """Those that the release has no longer go once nothing names them, which is seen later."""
    old, gone = version("settings-1", "settings"), version("gone-1", "gone")
    found = prune(old, gone, manifests=(version("settings-2", "settings"),))
    assert (found.stages, found.notes) == ((), ())
    assert [each.name for each in found.versions] == ["gone-1"]
    assert prune(old, manifests=(config_map("settings"),)).versions == ()


def test_a_rollback_without_prune_names_what_the_newer_release_has_added() -> None:
    added, older = config_map("added"), config_map("older")
    had = [
        Former(ref=ref_of(added), uid="", of="v2 (record 2)", recent=True),
        Former(ref=ref_of(older), uid="", of="v0 (record 1)", recent=False),
        Former(ref=ref_of(HERE), uid="", of="v2 (record 2)", recent=True),
    ]
    there = {ref_of(each): each for each in (added, older, HERE)}
    found = left_in_place(had, manifests_of(HERE), (), there, "v1 (record 1)")
    (note,) = found.notes
    assert note.startswith("Left in place, though not in v1 (record 1): ConfigMap/shop/added. ")


TYPES = index(
    ResourceType(api_version=version, kind=kind, plural=kind.lower(), namespaced=True)
    for version, kind in (("v1", "ConfigMap"), ("batch/v1", "CronJob"))
)


def test_a_release_had_what_its_records_and_cut_off_runs_name() -> None:
    """By the newest that names it; the uid is the one that was recorded last."""
    first, _ = record(1, "v1", config_map("a"), config_map("b"))
    second, _ = record(2, "v2", config_map("b"))
    second = replace(second, members=(replace(second.members[0], uid="new"),))
    touched = ref_of(config_map("c")), ref_of(config_map("a"))
    known = history(first, second, begun=attempt(3), touched=touched)
    had = {each.ref.name: (each.uid, each.of, each.recent) for each in formers(known, TYPES)}
    assert had == {
        "a": ("uid-a", "a run that was not completed", True),
        "b": ("new", "v2 (record 2)", True),
        "c": ("", "a run that was not completed", True),
    }


def test_what_was_recorded_under_an_old_version_of_its_api_is_looked_for_under_a_new_one() -> None:
    refs = [
        ObjectRef(api_version=version, kind=kind, name="x", namespace=NAMESPACE)
        for version, kind in (("batch/v1beta1", "CronJob"), ("gone.test/v1", "Widget"))
    ]
    made, _ = record(1, members=tuple(Member(ref=each) for each in refs))
    (found,) = formers(history(made), TYPES)
    assert found.ref.api_version == "batch/v1"


def test_the_ids_and_marks_are_those_of_kep_3659() -> None:
    """The id is the one of kubectl's own tests for this parent."""
    parent = ObjectRef(api_version="v1", kind="Secret", name="my-set", namespace="test")
    assert apply_set_id(parent) == "applyset-0eFHV8ySqp7XoShsGvyWFQD3s96yqwHmzc4e0HR1dsY-v1"
    (manifest,) = manifests_of(config_map())
    assert part_of(manifest, PARENT).labels == OURS
    members = [
        ref_of(config_map()),
        ref_of(workload()),
        ObjectRef(api_version="v1", kind="ConfigMap", name="x", namespace="other"),
        ObjectRef(api_version="v1", kind="Namespace", name="other"),
    ]
    marks = parent_annotations(PARENT, members)
    assert marks["applyset.kubernetes.io/contains-group-kinds"] == (
        "ConfigMap,Deployment.apps,Namespace"
    )
    assert marks["applyset.kubernetes.io/additional-namespaces"] == "other"
    assert marks["applyset.kubernetes.io/tooling"].startswith("aks-action/v")


def test_a_claim_that_was_made_anew_is_kept_even_if_claims_are_pruned() -> None:
    """In the run that makes it anew nothing live says so yet; later the old claim does."""
    claims = replace(RULES, kinds=frozenset({"PersistentVolumeClaim"}))
    old = live(item("PersistentVolumeClaim", "data"))
    marked = live(
        item("PersistentVolumeClaim", "data"), annotations={"aks-action/replaced-by": "data-v2"}
    )
    new = item(
        "PersistentVolumeClaim", "data-v2", meta={"annotations": {"aks-action/claim-of": "data"}}
    )
    assert names(prune(old, rules=claims)) == [["data"]]
    for found in (prune(old, manifests=(HERE, new), rules=claims), prune(marked, rules=claims)):
        assert not found.stages
        assert "its data is kept" in found.notes[0]
