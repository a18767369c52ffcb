"""Which manifests are hooks, when they run, and the plan that follows."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from aks_action.errors import ManifestError
from aks_action.jobs.hooks import Hooks
from aks_action.model.documents import set_in
from aks_action.model.hooks import HELM_HOOK, HELM_POLICY, HELM_WEIGHT, PHASE, Phase, sorted_out
from aks_action.model.hooks.jobs import HookJob
from aks_action.model.hooks.pending import PENDING
from aks_action.model.manifests import Document, Manifest, ManifestSet, ref_of
from aks_action.model.plan import (
    Apply,
    Assessment,
    Change,
    Delete,
    FieldChange,
    Plan,
    Stage,
    Step,
    Wait,
)
from aks_action.model.strategy_settings import Strategy, StrategyAction, StrategySettings
from aks_action.model.traffic.steps import Patch
from aks_action.strategies import basic
from tests.unit.configuration.words import config_map, item, manifest, observed, pod_spec, workload

NOTHING = Wait(manifests=())
DONE = {"conditions": [{"type": "Complete", "status": "True"}]}
FAILED = {"conditions": [{"type": "Failed", "status": "True"}]}


def job(name: str = "migrate", *, image: str = "app:1", **annotations: str) -> dict[str, Any]:
    """A Job that reads the ConfigMap `settings`; annotations in short, see SHORT."""
    short = {"phase": PHASE, "helm": HELM_HOOK, "weight": HELM_WEIGHT, "policy": HELM_POLICY}
    marks = {short[key]: value for key, value in annotations.items()}
    spec = pod_spec(env_from="ConfigMap/settings", restartPolicy="Never", hostname=image)
    return item(
        "Job", name, "batch/v1", meta={"annotations": marks}, spec={"template": {"spec": spec}}
    )


def manifests(*documents: Document) -> ManifestSet:
    return tuple(manifest(each, file=f"{n}.yml") for n, each in enumerate(documents, 1))


def live_job(made_from: Document, **status: Any) -> Document:
    """The Job in the cluster as this action made it."""
    (hook,) = sorted_out(manifests(made_from)).hooks
    return {**HookJob(hook=hook).manifest.document, "status": status}


class Deploy:
    """A deploy of some manifests against what is live, without a server."""

    def __init__(self, *live: Document, force: bool = False, **settings: Any) -> None:
        self.observed = observed(*live)
        self.hooks = Hooks(StrategySettings(**settings), force=force, nowhere="")
        self.asked: list[Manifest] = []

    def __call__(
        self,
        *documents: Document,
        changed: Mapping[str, tuple[str, ...]] = {},
        last: Step = NOTHING,
    ) -> Plan:
        """changed: the names of live objects whose apply changes something, and which fields."""
        self.changed = changed
        applied = self.hooks.besides(self.hooks.applied(manifests(*documents)))
        plan = basic.plan(applied, self.observed)
        plan = replace(plan, stages=(*plan.stages, Stage(name="last", steps=(last,))))
        return self.hooks.planned(plan, self.observed, self.check, lambda plan: plan)

    def check(self, plan: Plan) -> Plan:
        stages = []
        for stage in plan.stages:
            steps = tuple(
                self.assessed(each) if isinstance(each, Apply) else each for each in stage.steps
            )
            stages.append(Stage(name=stage.name, steps=steps))
        return Plan(stages=tuple(stages), notes=plan.notes)

    def assessed(self, apply: Apply) -> Apply:
        self.asked.append(apply.manifest)
        paths = self.changed.get(apply.ref.name, ())
        fields = tuple(FieldChange(path=path, before="a") for path in paths)
        change = Change.CONFIGURED if fields else Change.UNCHANGED
        if apply.ref not in self.observed.live:
            change = Change.CREATED
        return Apply(manifest=apply.manifest, assessment=Assessment(change=change, fields=fields))


def words(plan: Plan) -> list[str]:
    """The plan's steps that write or run something, each in short, in order."""
    found = []
    for stage in plan.stages:
        for step in stage.steps:
            match step:
                case Apply(assessment=Assessment(change=change)) if change is not Change.UNCHANGED:
                    found.append(f"{change} {step.ref.name}")
                case Delete():
                    found.append(f"delete {step.ref.name}")
                case Wait(logs=True):
                    end = "end" if step.may_fail else "run"
                    found.append(f"{end} {' '.join(each.ref.name for each in step.manifests)}")
                case Patch():
                    found.append(f"patch {step.ref.name}")
                case _:
                    pass
    return found


APP = (workload(), config_map(), config_map("other"))
PRE, POST = job(phase="pre-deploy"), job("smoke", phase="post-deploy")


def test_manifests_without_hooks_stay_the_very_same() -> None:
    given = manifests(*APP)
    assert sorted_out(given).manifests is given


@pytest.mark.parametrize(
    ("annotations", "phase"),
    [
        ({"phase": "pre-deploy"}, Phase.PRE_DEPLOY),
        ({"phase": "post-deploy", "helm": "pre-install"}, Phase.POST_DEPLOY),
        ({"helm": "pre-install,pre-upgrade"}, Phase.PRE_DEPLOY),
        ({"helm": "post-upgrade, test"}, Phase.POST_DEPLOY),
    ],
)
def test_helms_hooks_of_install_and_upgrade_are_ours(
    annotations: dict[str, str], phase: Phase
) -> None:
    (hook,) = sorted_out(manifests(job(**annotations))).hooks
    assert hook.phase is phase


@pytest.mark.parametrize("other", ["test", "pre-delete", "post-rollback", "pre-rollback,test"])
def test_hooks_for_another_occasion_are_told_and_not_applied(other: str) -> None:
    deploy = Deploy()
    plan = deploy(job("check", helm=other), config_map())
    assert words(plan) == ["created settings"]
    assert f"Job/shop/check is a hook for {', '.join(other.split(','))}" in plan.notes[0]


def test_what_a_hook_of_helm_only_needs_is_applied() -> None:
    marked = set_in(config_map(), ("metadata", "annotations"), {HELM_HOOK: "pre-install"})
    assert sorted_out(manifests(marked, job(helm="crd-install"))).hooks == ()
    assert len(sorted_out(manifests(marked, job(helm="crd-install"))).manifests) == 2


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (job(phase="before"), "is 'before', and not one of pre-deploy, post-deploy"),
        (job(helm="pre-install,post-upgrade"), "before and after the workloads change"),
        (job(phase="pre-deploy", weight="first"), "'first', and not a whole number"),
        (job(phase="pre-deploy", policy="never"), "'never', and not one of before-hook-creation"),
        (set_in(PRE, ("metadata", "name"), ""), "a hook needs a name"),
        (set_in(workload(), ("metadata", "annotations"), {PHASE: "pre-deploy"}), "only a Job"),
        ({**set_in(PRE, ("apiVersion",), "v1"), "kind": "Pod"}, "only a Job can be a hook"),
    ],
)
def test_a_hook_that_cannot_be_run_is_an_error_of_the_manifest(
    document: Document, told: str
) -> None:
    with pytest.raises(ManifestError, match=told) as caught:
        sorted_out(manifests(document, job("other", phase="wrong too")))
    assert [str(each.source) for each in caught.value.problems] == ["1.yml:1", "2.yml:1"]


def test_hooks_run_around_the_change_after_what_they_read() -> None:
    """Only what the first ones read comes before them."""
    assert words(Deploy()(*APP, PRE, POST)) == [
        "created settings", "created migrate", "run migrate", "created other", "created web",
        "created smoke", "run smoke", "patch web",
    ]  # fmt: skip


def test_lower_weights_run_first_and_equal_ones_at_the_same_time() -> None:
    hooks = (
        job("last", phase="pre-deploy", weight="5"),
        job("one", phase="pre-deploy"),
        job("two", helm="pre-upgrade", weight="0"),
        job("first", phase="pre-deploy", weight="-10"),
    )
    runs = [each for each in words(Deploy()(*hooks)) if each.startswith("run")]
    assert runs == ["run first", "run one two", "run last"]


def test_an_unchanged_deploy_runs_none_and_says_so() -> None:
    """Also where a hook's Job goes when it has succeeded, so that none is there."""
    gone = job("smoke", phase="post-deploy", policy="hook-succeeded")
    plan = Deploy(*APP, live_job(PRE, **DONE))(*APP, PRE, gone)
    assert words(plan) == []
    assert [each.partition(" ")[0] for each in plan.notes] == ["Job/shop/migrate", "Job/shop/smoke"]


def test_any_other_change_runs_all_again_from_the_beginning() -> None:
    live = (*APP, live_job(PRE, **DONE), live_job(POST, **DONE))
    plan = Deploy(*live)(*APP, PRE, POST, changed={"web": ("spec.replicas",)})
    assert words(plan) == [
        "recreated migrate", "run migrate", "configured web", "recreated smoke", "run smoke",
        "patch web",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "live",
    [
        (),
        (live_job(PRE, **FAILED),),
        (live_job(job(image="app:0", phase="pre-deploy"), **DONE),),
    ],
    ids=["never ran", "failed", "another content"],
)
def test_a_hook_that_has_not_succeeded_as_it_is_runs_though_nothing_else_changes(
    live: tuple[Document, ...],
) -> None:
    done = (live_job(POST, **DONE),)
    assert words(Deploy(*APP, *live, *done)(*APP, PRE, POST))[-1] == "run migrate"


def test_post_deploy_hooks_stay_pending_until_they_have_succeeded() -> None:
    """The last object that is written says so, and what comes before the change is not repeated."""
    gone = job("smoke", phase="post-deploy", policy="hook-succeeded,hook-failed")
    plan = Deploy()(*APP, PRE, gone)
    (web,) = (each.manifest for each in plan.applies if each.ref.name == "web")
    assert web.annotations == {PENDING: "post-deploy"}
    live = (web.document, *APP[1:], live_job(PRE, **DONE))
    for path in (f"metadata.annotations[{PENDING}]", "metadata.annotations"):
        again = Deploy(*live)(*APP, PRE, gone, changed={"web": (path,)})
        assert words(again) == [
            "configured web", "created smoke", "run smoke", "delete smoke", "patch web",
        ]  # fmt: skip


@pytest.mark.parametrize("hooks", [(PRE,), (PRE, POST)])
def test_where_only_what_hooks_read_changes_they_are_pending_from_there_on(
    hooks: tuple[Document, ...],
) -> None:
    """The change is made before the first hook, and a run that is cut off then finds none."""
    policy = ("metadata", "annotations", HELM_POLICY)
    going = [set_in(each, policy, "hook-succeeded") for each in hooks]
    plan = Deploy(*APP)(*APP, *going, changed={"settings": ("data.a",)})
    (settings,) = (each.manifest for each in plan.applies if each.ref.name == "settings")
    phases = ["post-deploy", "pre-deploy"] if POST in hooks else ["pre-deploy"]
    assert settings.annotations[PENDING].split(",") == phases
    live = (APP[0], settings.document, APP[2])
    changed = {"settings": (f"metadata.annotations[{PENDING}]",)}
    again = Deploy(*live)(*APP, *going, changed=changed)
    assert {each.ref.name for each in again.hooks} == {each["metadata"]["name"] for each in hooks}
    assert words(again)[-1] == "patch settings"


def test_an_object_that_the_plan_deletes_later_cannot_say_so() -> None:
    changed = {"settings": ("data.a",), "web": ("spec.replicas",)}
    web = Delete(ref=ref_of(APP[0]), why="test")
    plan = Deploy(*APP)(*APP, POST, changed=changed, last=web)
    assert words(plan)[-1] == "patch settings"


def test_a_hook_that_still_runs_counts_if_it_is_the_same() -> None:
    running = live_job(PRE, active=1)
    plan = Deploy(*APP, running)(*APP, PRE)
    assert words(plan) == ["run migrate"]
    assert "still runs, since a run was cut off" in plan.notes[0]
    assert words(Deploy(*APP, running, force=True)(*APP, PRE)) == [
        "recreated migrate",
        "run migrate",
    ]


def test_another_one_that_still_runs_is_waited_for_or_stopped_by_force() -> None:
    running = live_job(job(image="app:0", phase="pre-deploy"), active=1)
    expected = ["recreated migrate", "run migrate"]
    assert words(Deploy(*APP, running)(*APP, PRE)) == ["end migrate", *expected]
    assert words(Deploy(*APP, running, force=True)(*APP, PRE)) == expected


def test_the_server_checks_a_hook_beside_the_job_that_is_there() -> None:
    """Its own name would have the server compare it with a Job that cannot change."""
    deploy = Deploy(*APP, live_job(PRE, **FAILED))
    plan = deploy(*APP, PRE)
    asked = deploy.asked[0].document["metadata"]
    assert (asked.get("name"), asked.get("generateName")) == (None, "migrate-")
    made = next(each.manifest for each in plan.applies if each.ref.name == "migrate")
    assert ref_of(made.document) == ref_of(PRE)
    assert "generateName" not in made.document["metadata"]


def test_jobs_go_by_helms_delete_policies() -> None:
    going = job("going", phase="pre-deploy", policy="hook-succeeded,hook-failed")
    staying = job("staying", phase="pre-deploy", policy="before-hook-creation")
    _, run, gone, *_ = Deploy()(*APP, going, staying).stages
    assert run.undo is not None
    assert run.undo.steps == (Delete(ref=ref_of(going), why="hook-failed", if_failed=True),)
    assert gone.steps == (Delete(ref=ref_of(going), why="hook-succeeded"),)


@pytest.mark.parametrize(
    ("strategy", "action", "runs"),
    [
        (Strategy.BASIC, StrategyAction.DEPLOY, {"migrate", "smoke"}),
        (Strategy.CANARY, StrategyAction.DEPLOY, {"migrate"}),
        (Strategy.BLUE_GREEN, StrategyAction.PROMOTE, {"smoke"}),
        (Strategy.CANARY, StrategyAction.REJECT, set()),
    ],
)
def test_what_may_end_the_old_version_for_good_runs_when_it_is_gone(
    strategy: Strategy, action: StrategyAction, runs: set[str]
) -> None:
    plan = Deploy(strategy=strategy, action=action)(*APP, PRE, POST)
    assert {each.ref.name for each in plan.hooks} == runs
    told = any("smoke (post-deploy hook) runs with promote" in each for each in plan.notes)
    assert told == (action is StrategyAction.DEPLOY and strategy is not Strategy.BASIC)


def test_where_no_pod_can_be_looked_at_a_hook_is_refused() -> None:
    hooks = Hooks(StrategySettings(), force=False, nowhere="private clusters")
    assert len(hooks.applied(manifests(*APP))) == len(APP)
    with pytest.raises(ManifestError, match="not there for private clusters yet") as caught:
        hooks.applied(manifests(*APP, PRE))
    assert str(caught.value.problems[0].source) == "4.yml:1"


def test_a_new_namespace_is_there_before_the_hooks_in_it() -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    plan = Deploy()(*APP, PRE, namespace)
    first, wait = plan.stages[:2]
    assert [each.ref.name for each in first.steps if isinstance(each, Apply)] == ["shop"]
    assert isinstance(wait.steps[0], Wait)
    assert words(plan)[:4] == [
        "created shop", "created settings", "created migrate", "run migrate",
    ]  # fmt: skip
