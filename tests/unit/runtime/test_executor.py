"""Carrying out a plan: order, what is written, and a journal that is true whatever happens."""

import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from aks_action.clients.clock import TimeLimit
from aks_action.clients.ports import Listing, WatchEvent
from aks_action.errors import (
    ApplyError,
    AuthError,
    Cancelled,
    ManifestError,
    RolloutFailed,
    Source,
)
from aks_action.model.documents import get_in, set_in
from aks_action.model.manifests import Manifest, ObjectRef, ref_of
from aks_action.model.observed import Observed
from aks_action.model.plan import Apply, Change, Delete, Plan, Stage, Wait
from aks_action.runtime.checking import ApplyRules, check
from aks_action.runtime.executing.executor import Surroundings, execute
from aks_action.runtime.executing.journal import Journal
from tests.fakes.clock import FakeClock, HurriedClock
from tests.fakes.cluster import FakeCluster
from tests.unit.runtime.test_checking import CRD, NAMESPACE, TOY, config_map, deployment, job

FORCE = ApplyRules(force=True)


def stage(*documents: dict[str, Any], name: str = "stage") -> Stage:
    return Stage(
        name=name,
        steps=tuple(
            Apply(manifest=Manifest(document=each, source=Source(file=f"{name}.yml", line=n)))
            for n, each in enumerate(documents, start=1)
        ),
    )


def old() -> Delete:
    return Delete(ref=ref_of(config_map("old")), why="test")


class Run:
    """One deploy against the fake: check, then execute."""

    def __init__(self, cluster: FakeCluster) -> None:
        self.cluster = cluster
        self.clock: Any = FakeClock()
        self.journal = Journal(self.clock.now)
        self.told: list[str] = []
        self.after_check: Callable[[], None] = lambda: None

    def __call__(self, *stages: Stage, rules: ApplyRules = FORCE) -> None:
        refs = [step.ref for each in stages for step in each.steps if isinstance(step, Apply)]
        types = self.cluster.types()
        known = [ref for ref in refs if (ref.api_version, ref.kind) in types and ref.name]
        live = {ref: found for ref in known if (found := self.cluster.get(ref)) is not None}
        observed = Observed(live=live, types=types)
        plan = check(Plan(stages=stages), self.cluster, observed, rules)
        self.cluster.requests.clear()
        self.after_check()
        surroundings = Surroundings(
            cluster=self.cluster,
            limit=TimeLimit(self.clock, 60),
            since=datetime(2026, 1, 1, tzinfo=UTC),
            tell=self.told.append,
            warn=lambda manifest, trouble: None,
            grace=0.1,
        )
        execute(plan, observed, rules, self.journal, surroundings)

    @property
    def changes(self) -> dict[str, Change]:
        return {str(each.ref): each.change for each in self.journal.outcomes}

    @property
    def verbs(self) -> list[str]:
        return [each.verb for each in self.cluster.writes]


@pytest.fixture
def run() -> Run:
    return Run(FakeCluster("prod"))


def test_stages_are_carried_out_in_order(run: Run) -> None:
    run(stage(config_map("a"), name="one"), stage(config_map("b"), name="two"))
    assert [each.ref.name for each in run.cluster.writes] == ["a", "b"]
    assert run.changes == {"ConfigMap/prod/a": Change.CREATED, "ConfigMap/prod/b": Change.CREATED}
    assert run.told == ["ConfigMap/prod/a created", "ConfigMap/prod/b created"]


def test_what_is_unchanged_is_not_written(run: Run) -> None:
    run.cluster.apply(config_map(a="1"))
    run(stage(config_map(a="1")))
    assert run.cluster.requests == []
    assert run.changes == {"ConfigMap/prod/app": Change.UNCHANGED}
    assert not run.journal.has_written


def test_an_object_that_is_being_deleted_by_now_is_no_success(run: Run) -> None:
    """The server takes the apply, and the object goes when its finalizers are worked off."""
    leaving = {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["example.com/slow"]}

    def delete() -> None:
        document = config_map("a")
        run.cluster.put({**document, "metadata": {**document["metadata"], **leaving}})

    run.after_check = delete
    with pytest.raises(ApplyError, match=r"is being deleted\. Its finalizers .*: example.com/slow"):
        run(stage(config_map("a"), name="one"))


def test_a_failed_step_lets_its_stage_end_and_begins_no_other(run: Run) -> None:
    stages = (
        stage(config_map("a"), config_map("b"), name="one"),
        stage(config_map("c"), name="two"),
    )
    run.after_check = lambda: run.cluster.inject("apply", name="a", code=400, message="a is wrong")
    with pytest.raises(ApplyError, match="a is wrong"):
        run(*stages)
    outcomes = {each.ref.name: each.error for each in run.journal.outcomes}
    assert set(outcomes) == {"a", "b"}
    assert outcomes["b"] == ""
    assert "a is wrong" in outcomes["a"]


def test_every_failure_of_a_stage_is_named_with_its_place(run: Run) -> None:
    run.after_check = lambda: run.cluster.inject("apply", code=503, message="busy")
    with pytest.raises(ApplyError) as caught:
        run(stage(config_map("a"), config_map("b"), name="one"))
    assert [str(problem.source) for problem in caught.value.problems] == ["one.yml:1", "one.yml:2"]


def test_when_all_failures_are_permissions_access_was_refused(run: Run) -> None:
    run.after_check = lambda: run.cluster.forbid("apply", "ConfigMap")
    with pytest.raises(AuthError, match="ci may not patch configmaps"):
        run(stage(config_map("a")))


def test_weak_5_a_delete_that_is_refused_fails_the_step(run: Run) -> None:
    """k8s-deploy ignores it, and what was to go goes on serving."""
    run.cluster.apply(config_map("old"))
    run.cluster.forbid("delete", "ConfigMap")
    with pytest.raises(AuthError, match="ci may not delete configmaps"):
        run(Stage(name="clean", steps=(old(),)))


def test_a_delete_asks_for_nothing_else(run: Run) -> None:
    """What this run has observed is known, and the answer tells that it is gone."""
    run.cluster.apply(config_map("old"))
    run(stage(config_map("old")), Stage(name="clean", steps=(old(),)))
    assert [each.verb for each in run.cluster.requests] == ["delete"]


def test_what_was_made_again_since_this_run_looked_is_deleted_too(run: Run) -> None:
    run.cluster.apply(config_map("old"))

    def made_again() -> None:
        run.cluster.remove(ref_of(config_map("old")))
        run.cluster.put(config_map("old", by="somebody"))

    run.after_check = made_again
    run(stage(config_map("old")), Stage(name="clean", steps=(old(),)))
    assert run.cluster.get(ref_of(config_map("old"))) is None


def test_a_second_write_of_an_object_is_written_without_asking_again(run: Run) -> None:
    run.cluster.apply(config_map(a="1"))
    run(stage(config_map(a="2")), stage(config_map(a="1")))
    assert [each.verb for each in run.cluster.requests] == ["apply", "apply"]
    assert get_in(run.cluster.get(ref_of(config_map())), ("data",)) == {"a": "1"}


def test_a_wait_that_fails_says_what_to_do(run: Run) -> None:
    job_that_failed = {**job(), "status": {"conditions": [{"type": "Failed", "status": "True"}]}}
    made = Manifest(document=run.cluster.put(job_that_failed), source=Source(file="j.yml"))
    wait = Wait(manifests=(made,), advice="Run `action: reject`.")
    run.clock.step = 1.0
    with pytest.raises(RolloutFailed) as caught:
        run(Stage(name="wait", steps=(wait,)))
    assert [problem.message for problem in caught.value.problems][-1] == "Run `action: reject`."


def test_recreation_deletes_that_very_object_and_waits_until_it_is_gone(run: Run) -> None:
    run.cluster.apply(deployment())
    uid = run.cluster.get(ref_of(deployment()))["metadata"]["uid"]  # type: ignore[index]
    run(stage(deployment(app="other")))
    assert run.verbs == ["delete", "apply"]
    made = run.cluster.get(ref_of(deployment()))
    assert get_in(made, ("spec", "selector", "matchLabels", "app")) == "other"
    assert get_in(made, ("metadata", "uid")) != uid
    assert run.changes == {"Deployment/prod/web": Change.RECREATED}


def test_kubectls_fields_are_owned_first_and_then_go(run: Run) -> None:
    run.cluster.client_side_apply(config_map(a="1", old="x"))
    run(stage(config_map(a="1")))
    assert run.verbs == ["set_field_owners", "apply"]
    made = run.cluster.get(ref_of(config_map()))
    assert get_in(made, ("data",)) == {"a": "1"}
    assert not get_in(made, ("metadata", "annotations"))


def test_ownership_is_computed_anew_when_the_object_moved_on(run: Run) -> None:
    run.cluster.client_side_apply(config_map(a="1", old="x"))
    conflict = {"code": 409, "reason": "Conflict", "message": "modified"}
    run.cluster.inject("set_field_owners", times=1, **conflict)  # type: ignore[arg-type]
    run(stage(config_map(a="1")))
    assert run.verbs == ["set_field_owners", "set_field_owners", "apply"]
    assert get_in(run.cluster.get(ref_of(config_map())), ("data",)) == {"a": "1"}


def test_objects_of_a_new_namespace_are_checked_when_it_exists(run: Run) -> None:
    inside = config_map(namespace="new")
    run(stage(NAMESPACE, name="one"), stage(inside, name="two"))
    asked = [
        (each.verb, each.dry_run) for each in run.cluster.requests if each.ref == ref_of(inside)
    ]
    assert asked == [("apply", True), ("apply", False)]


def test_objects_of_a_new_kind_are_checked_when_it_is_served(run: Run) -> None:
    run(stage(CRD, name="one"), stage(TOY, name="two"))
    assert run.cluster.get(ref_of(TOY)) is not None


class Slow(FakeCluster):
    """A cluster whose Jobs end only after somebody has begun to wait for them."""

    def list(self, api_version: str, kind: str, **options: Any) -> Listing:
        if kind == "Job":
            self.set_status(ref_of(job()), {"conditions": [{"type": "Complete", "status": "True"}]})
        return super().list(api_version, kind, **options)


def test_what_a_wait_saw_is_known_to_the_next_one() -> None:
    """What was waited for is not asked for, and told to be ready, once more."""
    run = Run(Slow("prod"))
    (apply,) = stage(job()).steps
    assert isinstance(apply, Apply)
    waiting = Stage(name="wait", steps=(Wait(manifests=(apply.manifest,)),))
    run(stage(job()), waiting, waiting)
    assert sum("is ready" in line for line in run.told) == 1


def test_the_new_schema_of_a_changed_definition_gets_some_time(run: Run) -> None:
    run.cluster.apply(CRD)
    run.cluster.apply(TOY)
    wider = set_in(CRD, ("spec", "preserveUnknownFields"), value=False)
    message = "failed to create typed patch object (x): .spec: field not declared in schema"
    run.cluster.inject("apply", kind="Toy", code=500, reason="", message=message, times=3)
    run(stage(wider, name="one"), stage({**TOY, "spec": {"size": 1}}, name="two"))
    assert get_in(run.cluster.get(ref_of(TOY)), ("spec", "size")) == 1
    assert run.clock.slept == [0.2, 0.2]


def test_what_the_late_check_refuses_is_an_error_before_its_stage_is_written(run: Run) -> None:
    bad = {**config_map("bad", namespace="new"), "wrong": 1}
    good = config_map("good", namespace="new")
    with pytest.raises(ManifestError, match="wrong is a field that"):
        run(stage(NAMESPACE, name="one"), stage(good, bad, name="two"))
    namespace, refused = run.journal.outcomes
    assert (str(namespace.ref), namespace.error) == ("Namespace/new", "")
    assert str(refused.ref) == "ConfigMap/new/bad"
    assert "wrong is a field that" in refused.error


def test_a_generated_name_is_reported(run: Run) -> None:
    document = job()
    document["metadata"] = {"generateName": "migrate-", "namespace": "prod"}
    run(stage(document))
    (outcome,) = run.journal.outcomes
    assert outcome.ref.name.startswith("migrate-")


def test_a_deletion_is_waited_for_and_an_absent_object_is_fine(run: Run) -> None:
    run.cluster.apply(config_map("old"))
    steps = (
        Delete(ref=ref_of(config_map("old")), why="test"),
        Delete(ref=ref_of(config_map("absent")), why="test"),
    )
    run(Stage(name="clean", steps=steps))
    assert run.verbs == ["delete"]
    assert run.changes == {"ConfigMap/prod/old": Change.DELETED}


def test_a_job_that_has_not_failed_stays_where_only_failed_ones_go(run: Run) -> None:
    for name in ("running", "failed"):
        run.cluster.apply({**job(), "metadata": {"name": name, "namespace": "prod"}})
    failed = ObjectRef(api_version="batch/v1", kind="Job", name="failed", namespace="prod")
    run.cluster.set_status(failed, {"conditions": [{"type": "Failed", "status": "True"}]})
    refs = (failed, replace(failed, name="running"), replace(failed, name="absent"))
    steps = tuple(Delete(ref=each, why="hook-failed", if_failed=True) for each in refs)
    run(Stage(name="clean", steps=steps))
    assert run.changes == {"Job/prod/failed": Change.DELETED}


def test_what_may_fail_ends_its_wait_and_its_log_is_told(run: Run) -> None:
    """A Job of an earlier run: how it ended does not matter, only that it has."""
    run.clock = HurriedClock(100)
    made = run.cluster.apply(job())
    owner = {"kind": "Job", "name": "migrate", "uid": made["metadata"]["uid"], "controller": True}
    metadata = {
        "name": "migrate-1", "namespace": "prod", "ownerReferences": [owner],
        "labels": {"job-name": "migrate"},
    }  # fmt: skip
    ended = {"name": "job", "state": {"terminated": {"exitCode": 1}}}
    run.cluster.put(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata,
            "spec": {"containers": [{"name": "job"}]},
            "status": {"phase": "Failed", "containerStatuses": [ended]},
        }
    )
    run.cluster.pod_logs["prod", "migrate-1", "job", False] = "one\ntwo\n"
    run.cluster.set_status(ref_of(job()), {"conditions": [{"type": "Failed", "status": "True"}]})
    manifest = Manifest(document=job(), source=Source(file="all.yml"))
    wait = Wait(manifests=(manifest,), logs=True, may_fail=True)
    with pytest.raises(RolloutFailed):
        run(Stage(name="fails", steps=(replace(wait, may_fail=False),)))
    run(Stage(name="ends", steps=(wait,)))
    assert [each for each in run.told if "|" in each] == ["migrate | one", "migrate | two"] * 2


class Stuck(FakeCluster):
    """A cluster where a finalizer keeps every deleted object."""

    def delete(self, ref: ObjectRef, **preconditions: Any) -> None:
        self._note("delete", ref)
        live = self.get(ref)
        assert live is not None
        self.put(set_in(live, ("metadata", "finalizers"), ["example.com/keep"]))


def test_an_object_that_does_not_go_is_an_error_that_names_its_finalizers() -> None:
    run = Run(Stuck("prod"))
    run.cluster.apply(config_map("old"))
    gone = Stage(name="clean", steps=(old(),))
    with pytest.raises(ApplyError, match=r"not gone within the time limit.*example\.com/keep"):
        run(gone)
    (outcome,) = run.journal.outcomes
    assert "Its deletion was asked for." in outcome.error


def test_a_signal_ends_the_run_within_the_grace_of_requests_under_way(run: Run) -> None:
    """`Cancelled`, raised in the main thread as a signal handler does, is let through."""
    release = threading.Event()

    def hang(cluster: FakeCluster, event: WatchEvent) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        release.wait(10)

    def handler(number: int, frame: object) -> None:
        raise Cancelled(15)

    run.cluster.controllers.append(hang)
    before = signal.signal(signal.SIGALRM, handler)
    try:
        with pytest.raises(Cancelled):
            run(stage(config_map("a")), stage(config_map("b")))
    finally:
        release.set()
        signal.signal(signal.SIGALRM, before)
    (outcome,) = run.journal.outcomes
    assert (outcome.ref.name, outcome.change) == ("a", Change.CREATED)
    assert "under way" in outcome.error
