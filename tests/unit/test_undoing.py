"""The way back of a run: what goes back, in which order, and what stays on purpose."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from aks_action.model.configuration.restart_search import RESTARTED_AT_PATH
from aks_action.model.documents import set_in
from aks_action.model.manifests import Document, ref_of
from aks_action.model.outcomes import Outcome
from aks_action.model.plan import (
    Apply,
    Change,
    Delete,
    HookRun,
    Plan,
    Restart,
    Restore,
    Stage,
    Wait,
)
from aks_action.model.traffic.steps import Patch
from aks_action.model.undoing.merge_patches import reverse
from aks_action.model.undoing.plan import undone
from aks_action.model.undoing.rejects import beside, is_of_strategy
from aks_action.model.undoing.restoring import as_before, made_again, owners_again
from aks_action.model.undoing.runs import Run
from aks_action.model.volumes.steps import Renew, Sizes
from tests.unit.configuration.words import applied, config_map, item, plan_of, workload
from tests.unit.volumes.words import stateful_set

NOW = "2026-05-01T12:00:00Z"
WEB, SETTINGS = workload(), config_map(LEVEL="info")


def live(document: Document, uid: str = "1") -> Document:
    return set_in(document, ("metadata", "uid"), uid)


def run(
    plan: Plan,
    done: Mapping[str, Change],
    *,
    before: tuple[Document, ...] = (),
    now: tuple[Document, ...] = (),
) -> Run:
    """A run that failed. done: what became of objects, by name, in order."""
    refs = {each.ref.name: each.ref for each in plan.steps if isinstance(each, Apply | Patch)}
    return Run(
        plan=plan,
        before={ref_of(each): each for each in map(live, before)},
        outcomes=tuple(
            Outcome(ref=refs[name], source=None, change=change) for name, change in done.items()
        ),
        now={ref_of(each): each for each in map(live, now)},
        at=NOW,
    )


def words(plan: Plan) -> list[str]:
    found = []
    for stage in plan.stages:
        for step in stage.steps:
            match step:
                case Restore():
                    found.append(f"restore {step.ref.name}")
                case Delete():
                    found.append(f"delete {step.ref.name}")
                case Apply():
                    found.append(f"apply {step.ref.name}")
                case Patch():
                    found.append(f"patch {step.ref.name}")
                case Wait():
                    found.append(f"wait {' '.join(each.ref.name for each in step.manifests)}")
                case _:
                    pass
    return found


def owned(document: Document, manager: str, *, version: str, time: str = NOW) -> Document:
    """As the server has it: with a resourceVersion, and who wrote it when."""
    entry = {"manager": manager, "operation": "Apply", "time": time, "fieldsV1": {"f:data": {}}}
    document = set_in(document, ("metadata", "managedFields"), [entry])
    return set_in(document, ("metadata", "resourceVersion"), version)


OURS = owned(SETTINGS, "aks-action", version="1")


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (OURS, OURS, []),
        (OURS, owned(SETTINGS, "aks-action", version="2"), []),  # somebody else's change
        (
            OURS,
            owned(SETTINGS, "aks-action", version="2", time="2026-05-01T12:00:01Z"),
            ["restore settings"],
        ),
        (OURS, owned(config_map(LEVEL="debug"), "aks-action", version="2"), ["restore settings"]),
        (None, OURS, ["delete settings"]),
        (None, owned(SETTINGS, "another", version="1"), []),
        (None, None, []),
    ],
)
def test_a_write_that_failed_is_undone_only_where_the_object_shows_it(
    before: Document | None, now: Document | None, expected: list[str]
) -> None:
    """A refused one has changed nothing, and may be refused again."""
    change = Change.CONFIGURED if before else Change.CREATED
    failed = run(
        plan_of(applied(SETTINGS)),
        {"settings": change},
        before=(before,) if before else (),
        now=(now,) if now else (),
    )
    outcome = replace(failed.outcomes[0], error="it was refused")
    assert words(undone(replace_outcomes(failed, outcome))) == expected


def replace_outcomes(of: Run, outcome: Outcome) -> Run:
    return Run(plan=of.plan, before=of.before, outcomes=(outcome,), now=of.now, at=of.at)


def test_configuration_goes_back_before_its_readers_and_what_is_new_goes_last() -> None:
    """In the reverse of its order; what acts on others goes first of all."""
    new = config_map("feature")
    policy = item("NetworkPolicy", "deny", "networking.k8s.io/v1")
    plan = plan_of(*(applied(each) for each in (WEB, SETTINGS, policy)))
    plan = Plan(stages=(Stage(name="Apply 0", steps=(applied(new),)), *plan.stages))
    late = workload(name="late")
    plan = Plan(stages=(*plan.stages, Stage(name="Apply 9", steps=(applied(late),))))
    changes = {
        "feature": Change.CREATED, "deny": Change.CREATED, "web": Change.CONFIGURED,
        "settings": Change.CONFIGURED, "late": Change.CREATED,
    }  # fmt: skip
    now = (WEB, SETTINGS, policy, new, late)
    back = undone(run(plan, changes, before=(WEB, SETTINGS), now=now))
    assert words(back) == [
        "delete deny", "restore settings", "restore web", "wait web", "delete late",
        "delete feature",
    ]  # fmt: skip


def test_what_was_not_written_is_left_alone() -> None:
    plan = plan_of(applied(WEB), applied(SETTINGS))
    done = {"web": Change.UNCHANGED}
    assert words(undone(run(plan, done, before=(WEB, SETTINGS), now=(WEB, SETTINGS)))) == []


def test_only_the_very_object_that_was_created_is_deleted() -> None:
    (delete,) = undone(
        run(plan_of(applied(SETTINGS)), {"settings": Change.CREATED}, now=(SETTINGS,))
    ).steps
    assert isinstance(delete, Delete)
    assert delete.uid == "1"
    gone = run(plan_of(applied(SETTINGS)), {"settings": Change.CREATED})
    assert words(undone(gone)) == []


@pytest.mark.parametrize("kind", ["Namespace", "PersistentVolumeClaim", "CustomResourceDefinition"])
def test_what_holds_other_things_or_data_is_never_deleted(kind: str) -> None:
    made = item(kind, "data")
    back = undone(run(plan_of(applied(made)), {"data": Change.CREATED}, now=(made,)))
    assert words(back) == []
    (note,) = back.notes
    assert note == f"{kind}/shop/data was created by this run and stays, with all that is in it by now."  # noqa: E501  # fmt: skip


def test_a_workload_that_was_not_healthy_before_is_not_waited_for() -> None:
    sick = set_in(WEB, ("status", "availableReplicas"), 0)
    back = undone(
        run(plan_of(applied(WEB)), {"web": Change.CONFIGURED}, before=(sick,), now=(WEB,))
    )
    assert words(back) == ["restore web"]
    assert "was not healthy before this run" in back.notes[0]


def test_what_is_gone_or_another_by_now_is_made_again() -> None:
    other = set_in(WEB, ("spec", "selector"), {"matchLabels": {"a": "b"}})
    gone = run(plan_of(applied(WEB)), {"web": Change.RECREATED}, before=(WEB,))
    (made, *_) = undone(gone).steps
    assert isinstance(made, Apply)
    assert made.assessment is not None
    assert made.assessment.change is Change.CREATED
    anew = Run(
        plan=gone.plan, before=gone.before, outcomes=gone.outcomes,
        now={ref_of(WEB): live(other, "2")}, at=NOW,
    )  # fmt: skip
    (made, *_) = undone(anew).steps
    assert isinstance(made, Apply)
    assert made.assessment is not None
    assert made.assessment.change is Change.RECREATED


def test_what_a_job_has_done_is_not_pretended_to_be_undone() -> None:
    """One that was run anew stays, and so does a hook, whatever became of it."""
    job = item("Job", "import", "batch/v1")
    anew = run(plan_of(applied(job)), {"import": Change.RECREATED}, before=(job,))
    assert words(undone(anew)) == []
    assert "was run anew and stays" in undone(anew).notes[0]
    hooked = plan_of(applied(job))
    hooked = Plan(stages=hooked.stages, hooks=(HookRun(ref=ref_of(job), phase="pre-deploy"),))
    back = undone(run(hooked, {"import": Change.CREATED}, now=(job,)))
    assert words(back) == []
    assert "what a hook has done cannot be taken back" in back.notes[0]


def test_a_claim_that_has_grown_stays_as_large_and_that_is_told() -> None:
    def claim(size: str) -> Document:
        entry = {
            "manager": "aks-action", "operation": "Apply", "apiVersion": "v1",
            "fieldsV1": {"f:spec": {"f:resources": {"f:requests": {"f:storage": {}}}}},
        }  # fmt: skip
        spec = {"resources": {"requests": {"storage": size}}}
        return item("PersistentVolumeClaim", "data", meta={"managedFields": [entry]}, spec=spec)

    plan = plan_of(applied(claim("2Gi")))
    back = undone(
        run(plan, {"data": Change.CONFIGURED}, before=(claim("1Gi"),), now=(claim("2Gi"),))
    )
    (restore,) = back.steps
    assert isinstance(restore, Restore)
    assert restore.manifest.document["spec"]["resources"]["requests"] == {"storage": "2Gi"}
    assert "stays as large as it is" in back.notes[0]


@pytest.mark.parametrize("known", [True, False])
def test_who_was_restarted_is_restarted_once_more_or_is_as_it_was(*, known: bool) -> None:
    """Where the pod template before is known it comes back, and with it the pods of that time."""
    body = set_in({}, RESTARTED_AT_PATH, "2026-05-01T11:00:00Z")
    patch = Patch(ref=ref_of(WEB), body=body, why="restart")
    plan = Plan(
        stages=(Stage(name="Restart readers", steps=(patch,)),),
        restarts=(Restart(ref=ref_of(WEB), because=()),),
    )
    before = (WEB,) if known else ()
    back = undone(run(plan, {"web": Change.CONFIGURED}, before=before, now=(WEB,)))
    (again, *wait) = back.steps
    assert isinstance(again, Patch)
    value: Any = again.body
    for key in RESTARTED_AT_PATH:
        value = value[key]
    assert value == (None if known else NOW)
    assert len(wait) == known


def test_a_patch_is_taken_back_by_what_was_there() -> None:
    before = {"spec": {"replicas": 3, "a": {"b": 1}}}
    body = {"spec": {"replicas": 0, "new": 1, "a": {"b": 2, "c": 3}}}
    assert reverse(body, before) == {"spec": {"replicas": 3, "new": None, "a": {"b": 1, "c": None}}}


def test_what_a_reject_takes_care_of_is_left_out() -> None:
    plan = plan_of(applied(WEB), applied(SETTINGS))
    back = undone(
        run(
            plan,
            {"web": Change.CONFIGURED, "settings": Change.CONFIGURED},
            before=(WEB, SETTINGS),
            now=(WEB, SETTINGS),
        )
    )
    handled = filter(is_of_strategy, (ref_of(WEB), ref_of(SETTINGS)))
    assert words(beside(back, handled)) == ["restore settings"]


def entry(manager: str, fields: dict[str, Any], operation: str = "Apply") -> dict[str, Any]:
    return {
        "manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": fields,
    }  # fmt: skip


def owned(document: Document, *entries: dict[str, Any]) -> Document:
    return set_in(document, ("metadata", "managedFields"), list(entries))


def test_applied_is_what_was_ours_without_what_others_have_set_since() -> None:
    mine = {"f:data": {".": {}, "f:a": {}, "f:b": {}}}
    before = owned(config_map(a="1", b="2", c="3"), entry("aks-action", mine))
    now = owned(
        config_map(a="9", b="8", c="3"),
        entry("aks-action", {"f:data": {"f:a": {}}}),
        entry("editor", {"f:data": {"f:b": {}}}, "Update"),
    )
    assert as_before(before, config_map(a="9"), now)["data"] == {"a": "1"}


def test_what_was_taken_from_others_is_applied_and_theirs_again() -> None:
    theirs = entry("editor", {"f:data": {"f:a": {}}}, "Update")
    before = owned(config_map(a="theirs"), theirs)
    now = owned(config_map(a="ours"), entry("aks-action", {"f:data": {"f:a": {}}}))
    assert as_before(before, config_map(a="ours"), now)["data"] == {"a": "theirs"}
    assert owners_again(before, now) == (theirs,)
    assert owners_again(before, before) is None


def test_a_list_goes_back_item_by_item() -> None:
    """Only ours, each with the keys that name it; a whole list where it is owned as one."""
    spec = {
        "containers": [
            {"name": "web", "image": "web:1", "tty": True, "args": ["a", "b"]},
            {"name": "sidecar", "image": "proxy:1"},
        ],
        "finalizers": ["keep", "other"],
    }
    mine = {
        "f:spec": {
            "f:containers": {'k:{"name":"web"}': {".": {}, "f:image": {}, "f:args": {}}},
            "f:finalizers": {'v:"keep"': {}},
        }
    }
    before = owned(item("Pod", "web", spec=spec), entry("aks-action", mine))
    assert as_before(before, item("Pod", "web"), before)["spec"] == {
        "containers": [{"name": "web", "image": "web:1", "args": ["a", "b"]}],
        "finalizers": ["keep"],
    }


def test_what_is_made_again_is_what_its_manifest_said_with_todays_number_of_pods() -> None:
    mine = {"f:spec": {"f:template": {}}}
    before = owned(workload(replicas=7, paused=True), entry("aks-action", mine))
    made = made_again(before)
    assert made["spec"] == {"template": before["spec"]["template"], "replicas": 7}
    nobodys = made_again(live(workload(replicas=7)))
    assert "status" not in nobodys
    assert set(nobodys["metadata"]) == {"name", "namespace"}


def test_a_stateful_set_that_was_made_anew_around_its_pods_is_not_deleted_for_the_way_back() -> (
    None
):
    """Another uid would mean another object; here its pods would go with it."""
    fields = {"f:spec": {"f:volumeClaimTemplates": {}}}
    ours = {"manager": "aks-action", "operation": "Apply", "fieldsV1": fields}
    meta = {"managedFields": [ours]}
    before, wanted = (stateful_set(meta=meta, data=size) for size in ("1Gi", "2Gi"))
    apply = applied(wanted, Change.UNCHANGED)
    sizes = {"data": Sizes(old="1Gi", new="2Gi")}
    renew = Renew(ref=apply.ref, source=apply.manifest.source, sizes=sizes)
    plan = Plan(stages=(Stage(name="Anew", steps=(renew,)), *plan_of(apply).stages))
    made = Run(
        plan=plan,
        before={apply.ref: live(before)},
        outcomes=(Outcome(ref=apply.ref, source=None, change=Change.RECREATED),),
        now={apply.ref: live(wanted, uid="2")},
        at=NOW,
    )
    back = undone(made)
    (restore,) = (each for each in back.steps if isinstance(each, Restore))
    template = restore.manifest.document["spec"]["volumeClaimTemplates"][0]
    assert template["spec"]["resources"]["requests"]["storage"] == "2Gi"
    assert "volumes do not shrink" in back.notes[0]
