"""A claim that is made anew: its name, and what stops and starts around it."""

from typing import Any

import pytest

from aks_action.model.documents import get_in, set_in
from aks_action.model.manifests import Document, ref_of
from aks_action.model.plan import Apply, Plan, Stage, Wait
from aks_action.model.traffic.steps import Patch
from aks_action.model.volumes import claim_versions as versions
from aks_action.model.volumes.marks import CLAIM_OF, REPLACED_BY, REPLICAS_BEFORE
from aks_action.model.volumes.mounts import claim_ref
from aks_action.model.volumes.recreation import Recreation, with_recreations
from aks_action.model.volumes.steps import WaitUnused
from tests.unit.volumes.words import NAMESPACE, claim, manifest

DATA = claim_ref("data", NAMESPACE)
SECOND = claim_ref("data-v2", NAMESPACE)
ANEW = Recreation(plain=DATA, old=DATA, new=SECOND, volume="pv-1", reasons=("it cannot shrink",))


def annotated(document: Document, **annotations: str) -> dict[str, Any]:
    named = {"of": CLAIM_OF, "by": REPLACED_BY, "before": REPLICAS_BEFORE}
    for key, value in annotations.items():
        document = set_in(document, ("metadata", "annotations", named[key]), value)
    return dict(document)


def workload(kind: str = "Deployment", *, uses: str = "data", replicas: int | None = 3) -> Document:
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": uses}}
    spec: dict[str, Any] = {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"spec": {"containers": [], "volumes": [volume]}},
    }
    if replicas is not None:
        spec["replicas"] = replicas
    metadata = {"name": "web", "namespace": NAMESPACE}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}


def arranged(live: Document, wanted: Document, *found: Recreation) -> Plan:
    apply = Apply(manifest=manifest(wanted))
    wait = Stage(name="Wait", steps=(Wait(manifests=(apply.manifest,)),))
    plan = Plan(stages=(Stage(name="Apply 1", steps=(apply,)), wait))
    return with_recreations(plan, found, (apply.manifest,), {ref_of(live): live})


def patches(plan: Plan) -> dict[str, list[Any]]:
    """The bodies by what they are written to."""
    found: dict[str, list[Any]] = {}
    for step in plan.steps:
        if isinstance(step, Patch):
            found.setdefault(step.ref.kind, []).append(step.body)
    return found


def test_the_newest_version_that_is_there_stands_for_the_claim() -> None:
    """Not one that is going, one of another claim, or a claim that only looks like a version."""
    going = annotated(claim("data-v5"), of="data")
    going["metadata"]["deletionTimestamp"] = "now"
    documents = [
        claim(),
        annotated(claim("data-v2"), of="data"),
        annotated(claim("data-v10"), of="data"),
        annotated(claim("data-v11"), of="other"),
        claim("data-v12"),
        going,
    ]
    live = {ref_of(each): each for each in documents}
    assert versions.current(DATA, live).name == "data-v10"
    assert versions.current(claim_ref("other", NAMESPACE), live).name == "other"


@pytest.mark.parametrize(
    ("taken", "name"),
    [([], "data-v2"), (["data"], "data-v2"), (["data", "data-v2", "data-vx"], "data-v3")],
)
def test_the_next_version_has_a_name_that_nobody_has(taken: list[str], name: str) -> None:
    elsewhere = claim_ref("data-v7", "other")
    refs = [elsewhere, *(claim_ref(each, NAMESPACE) for each in taken)]
    assert versions.following(DATA, refs).name == name


def test_a_claim_says_what_has_taken_its_place() -> None:
    live = {DATA: annotated(claim(), by="data-v2")}
    assert versions.replaced_by(DATA, live) == SECOND
    assert versions.replaced_by(SECOND, live) is None


@pytest.mark.parametrize(
    "name", ["", "data", "other", "data-v1", "data-v2/../../secrets/a", "..", 7]
)
def test_only_a_later_version_of_a_claim_can_have_taken_its_place(name: Any) -> None:
    """Whatever somebody writes there; from one to the next the numbers grow."""
    assert versions.replaced_by(DATA, {DATA: annotated(claim(), by=name)}) is None
    older = annotated(claim("data-v2"), of="data", by="data-v2")
    assert versions.replaced_by(SECOND, {SECOND: older}) is None


def test_claims_and_what_names_them_change_their_names_together() -> None:
    manifests = (manifest(claim()), manifest(workload()), manifest(workload(uses="other")))
    first, second, third = versions.named(manifests, {DATA: SECOND})
    assert first.ref == SECOND
    assert first.annotations[CLAIM_OF] == "data"
    path = ("spec", "template", "spec", "volumes")
    assert get_in(second.document, path)[0]["persistentVolumeClaim"]["claimName"] == "data-v2"
    assert third.document is manifests[2].document


def test_workloads_stop_before_and_start_after_the_claim_is_made_anew() -> None:
    plan = arranged(workload(), workload(uses="data-v2"), ANEW)
    assert [each.name for each in plan.stages] == [
        "Stop what uses old claims", "Wait until stopped", "Apply 1",
        "Start what was stopped", "Wait",
    ]  # fmt: skip
    (wait,) = (each for each in plan.steps if isinstance(each, WaitUnused))
    assert (wait.claim, wait.selectors) == (DATA, ({"matchLabels": {"app": "web"}},))
    stop, start = patches(plan)["Deployment"]
    assert stop == {
        "metadata": {"annotations": {REPLICAS_BEFORE: "3"}},
        "spec": {"replicas": 0},
    }
    assert start == {"metadata": {"annotations": {REPLICAS_BEFORE: None}}}
    assert patches(plan)["PersistentVolumeClaim"][0] == {
        "metadata": {"annotations": {REPLACED_BY: "data-v2"}}
    }
    assert "data and its volume pv-1 are kept" in plan.notes[0]


@pytest.mark.parametrize(
    ("live", "wanted", "replicas"),
    [
        (workload(), workload(replicas=None), 3),
        (annotated(workload(replicas=0), before="5"), workload(replicas=None), 5),
        (annotated(workload(replicas=0), before="5"), workload(replicas=2), None),
        (annotated(workload(replicas=1), before="many"), workload(replicas=None), 1),
        (annotated(workload(replicas=1), before="9" * 5000), workload(replicas=None), 1),
        (workload(), workload(replicas=0), None),
    ],
)
def test_what_the_manifest_leaves_open_starts_with_as_many_as_before(
    live: Document, wanted: Document, replicas: int | None
) -> None:
    """Also when a run that was cut off has stopped it, and even if it stays with its claim."""
    found = (ANEW,) if live["spec"]["replicas"] else ()
    start = patches(arranged(live, wanted, *found))["Deployment"][-1]
    assert get_in(start, ("spec", "replicas")) == replicas
    assert start["metadata"]["annotations"] == {REPLICAS_BEFORE: None}


@pytest.mark.parametrize("live", [workload(uses="other"), workload("DaemonSet")])
def test_what_does_not_use_the_claim_or_cannot_stop_is_not_stopped(live: Document) -> None:
    assert live["kind"] not in patches(arranged(live, live, ANEW))


def test_without_a_recreation_nothing_is_added() -> None:
    plan = arranged(workload(), workload())
    assert [each.name for each in plan.stages] == ["Apply 1", "Wait"]


def test_a_workload_that_somebody_marked_is_started_by_a_plan_without_stages() -> None:
    """A strategy may have nothing to do; the mark is an annotation that others can write."""
    live = annotated(workload(), before="2")
    plan = with_recreations(Plan(stages=()), (), (manifest(workload()),), {ref_of(live): live})
    assert [each.name for each in plan.stages] == ["Start what was stopped"]
