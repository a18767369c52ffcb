"""Deploying, from observed to written: the same behaviour on the fake and on a real server.

Every test has a namespace of its own. `Counted` stands between the deploy and the server.
"""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from aks_action import strategies
from aks_action.clients.clock import SystemClock, TimeLimit
from aks_action.clients.ports import Cluster
from aks_action.errors import AuthError, ManifestError, Source
from aks_action.model.documents import get_in, set_in
from aks_action.model.manifests import Manifest, ref_of
from aks_action.model.observed import Observed
from aks_action.model.plan import Apply, Assessment, Change, Delete, Due, Plan, Stage, Step
from aks_action.model.provenance import live_run_annotation
from aks_action.model.strategy_settings import StrategySettings
from aks_action.model.traffic.steps import Patch
from aks_action.runtime.checking import ApplyRules, check
from aks_action.runtime.executing.executor import Surroundings, execute
from aks_action.runtime.executing.journal import Journal
from aks_action.runtime.observing import observe
from tests.contract.clusters import RealWorld, World, unique_name


class Counted:
    """A `Cluster` that counts what it is asked, by method; `dry` counts the dry-runs."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._cluster, name)
        if not callable(found):
            return found

        def counted(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(f"dry {name}" if kwargs.get("dry_run") else name)
            return found(*args, **kwargs)

        return counted

    @property
    def writes(self) -> list[str]:
        reads = ("types", "get", "list", "watch", "logs", "dry apply", "dry create")
        return [each for each in self.calls if each not in reads]


class Deploys:
    """Deploys of one application, and what each of them asked of the server."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.runs = 0
        self.counted = Counted(cluster)
        self.assessments: dict[str, Assessment] = {}
        self.outcomes: dict[str, Change] = {}
        self.notes: tuple[str, ...] = ()

    def __call__(
        self,
        *documents: dict[str, Any],
        force: bool = False,
        wait: bool = False,
        cluster: Cluster | None = None,
    ) -> dict[str, Change]:
        """What became of each `kind/name`."""
        self.runs += 1
        (cluster or self._cluster).types(refresh=True)  # each run is a process of its own
        self.counted = Counted(cluster or self._cluster)
        clock = SystemClock()
        manifests = tuple(
            Manifest(document=each, source=Source(file="app.yml", line=n))
            for n, each in enumerate(documents, start=1)
        )
        placed, observed = observe(self.counted, manifests, "")
        rules = ApplyRules(force=force, run_annotation=f"run {self.runs}")
        plan = strategies.plan(StrategySettings(), placed, observed)
        self.notes = plan.notes
        plan = check(plan if wait else without_last_wait(plan), self.counted, observed, rules)
        self.assessments = {
            f"{each.ref.kind}/{each.ref.name}": each.assessment
            for each in plan.applies
            if each.assessment
        }
        journal = Journal(clock.now)
        surroundings = Surroundings(
            cluster=self.counted,
            limit=TimeLimit(clock, 30),
            since=datetime.now(UTC),
            tell=lambda line: None,
            warn=lambda manifest, trouble: None,
        )
        try:
            execute(plan, observed, rules, journal, surroundings)
        finally:
            self.outcomes = {
                f"{each.ref.kind}/{each.ref.name}": each.change for each in journal.outcomes
            }
        return self.outcomes


def without_last_wait(plan: Plan) -> Plan:
    """The wait for health has tests of its own; here only the writing is looked at."""
    return replace(plan, stages=plan.stages[:-1])


@pytest.fixture
def deploy(cluster: Cluster) -> Deploys:
    return Deploys(cluster)


def config_map(namespace: str, name: str = "app", **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def deployment(namespace: str, app: str = "web", **spec: Any) -> dict[str, Any]:
    container = {"name": "web", "image": "example.test/web:1", "ports": [{"containerPort": 80}]}
    template = {"metadata": {"labels": {"app": app}}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {"selector": {"matchLabels": {"app": app}}, "template": template, **spec},
    }


def service(namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "name": "http"}]},
    }


def autoscaler(namespace: str) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 9},
    }


def job(namespace: str, command: str, **spec: Any) -> dict[str, Any]:
    container = {"name": "job", "image": "example.test/job:1", "command": [command]}
    pod = {"containers": [container], "restartPolicy": "Never"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "migrate", "namespace": namespace},
        "spec": {"template": {"spec": pod}, "suspend": True, **spec},
    }


def value(cluster: Cluster, document: dict[str, Any], *path: str) -> Any:
    return get_in(cluster.get(ref_of(document)), path)


def test_the_first_deploy_creates_everything(deploy: Deploys, namespace: str) -> None:
    changes = deploy(config_map(namespace, a="1"), deployment(namespace, replicas=0))
    assert set(changes.values()) == {Change.CREATED}


def test_an_unchanged_deploy_writes_nothing_and_asks_for_no_object(
    deploy: Deploys, world: World, namespace: str
) -> None:
    """One LIST per kind tells all; with the wait for health, where there are controllers."""
    documents = [
        *(config_map(namespace, f"c{n}", a="1") for n in range(5)),
        deployment(namespace, replicas=0),
        service(namespace),
        {**config_map(namespace, "s"), "kind": "Secret", "data": {"a": "MQ=="}},
        job(namespace, "true"),
    ]
    has_controllers = isinstance(world, RealWorld)
    deploy(*documents, wait=has_controllers)
    changes = deploy(*documents, wait=has_controllers)
    assert set(changes.values()) == {Change.UNCHANGED}
    assert deploy.counted.writes == []
    asked = [each for each in deploy.counted.calls if each not in ("list", "types")]
    assert asked == []


def test_every_common_kind_is_unchanged_the_second_time(real_world: World) -> None:
    """Whatever a server defaults and normalises is no change."""
    deploy, name = Deploys(real_world.cluster), unique_name()
    text = (Path(__file__).parent / "common_kinds.yml").read_text().replace("NAMESPACE", name)
    documents = list(yaml.safe_load_all(text))
    with real_world.removed_afterwards(documents[0]):
        assert set(deploy(*documents).values()) == {Change.CREATED}
        changed = {
            what: deploy.assessments[what].fields
            for what, change in deploy(*documents).items()
            if change is not Change.UNCHANGED
        }
        assert changed == {}
        assert deploy.counted.writes == []


def test_only_what_changed_is_written_and_gets_the_new_run_annotation(
    deploy: Deploys, cluster: Cluster, namespace: str
) -> None:
    same, other = config_map(namespace, "same", a="1"), config_map(namespace, "other", a="1")
    deploy(same, other)
    changes = deploy(same, set_in(other, ("data", "a"), "2"))
    assert changes == {"ConfigMap/same": Change.UNCHANGED, "ConfigMap/other": Change.CONFIGURED}
    assert deploy.counted.writes == ["apply"]
    assert [field.path for field in deploy.assessments["ConfigMap/other"].fields] == ["data.a"]
    assert live_run_annotation(cluster.get(ref_of(same))) == "run 1"
    assert live_run_annotation(cluster.get(ref_of(other))) == "run 2"


def test_a_field_that_left_the_manifest_goes_away(
    deploy: Deploys, cluster: Cluster, namespace: str
) -> None:
    deploy(config_map(namespace, a="1", b="2"))
    deploy(config_map(namespace, a="1"))
    assert value(cluster, config_map(namespace), "data") == {"a": "1"}


def test_what_kubectl_applied_is_taken_over_so_that_removed_fields_go(
    deploy: Deploys, world: World, cluster: Cluster, namespace: str
) -> None:
    first = set_in(deployment(namespace, replicas=0), ("metadata", "labels"), {"old": "x"})
    world.kubectl_apply(set_in(first, ("spec", "minReadySeconds"), 3))
    world.seen(ref_of(first))
    second = set_in(first, ("metadata", "labels"), {"new": "y"})
    deploy(second)
    shown = {field.path for field in deploy.assessments["Deployment/web"].fields}
    assert shown == {"metadata.labels.new", "metadata.labels.old", "spec.minReadySeconds"}
    live = cluster.get(ref_of(first))
    assert get_in(live, ("metadata", "labels")) == {"new": "y"}
    assert not get_in(live, ("spec", "minReadySeconds"))
    annotations = get_in(live, ("metadata", "annotations"))
    assert "kubectl.kubernetes.io/last-applied-configuration" not in annotations
    assert deploy(second) == {"Deployment/web": Change.UNCHANGED}
    assert deploy.counted.writes == []


def test_what_kubectl_applied_on_the_server_is_taken_over_too(
    deploy: Deploys, world: World, cluster: Cluster, namespace: str
) -> None:
    world.kubectl_apply(config_map(namespace, a="1", old="x"))
    world.kubectl_apply(config_map(namespace, a="1", old="x"), "--server-side")
    deploy(config_map(namespace, a="1"))
    paths = [field.path for field in deploy.assessments["ConfigMap/app"].fields]
    assert paths == ["data.old"]
    assert value(cluster, config_map(namespace), "data") == {"a": "1"}
    assert deploy(config_map(namespace, a="1")) == {"ConfigMap/app": Change.UNCHANGED}


def test_a_secret_that_kubectl_applied_shows_keys_alone(
    deploy: Deploys, world: World, namespace: str
) -> None:
    first = {**config_map(namespace, "s"), "kind": "Secret", "stringData": {"a": "x1", "b": "x2"}}
    del first["data"]
    world.kubectl_apply(first)
    deploy({**first, "stringData": {"a": "x3"}})
    fields = deploy.assessments["Secret/s"].fields
    assert {field.path for field in fields} == {"data.a", "data.b"}
    assert {value for field in fields for value in (field.before, field.after)} == {"***", None}


def test_a_key_that_left_the_string_data_of_a_secret_goes_away(
    deploy: Deploys, cluster: Cluster, namespace: str
) -> None:
    first = {**config_map(namespace, "s"), "kind": "Secret", "stringData": {"a": "1", "b": "2"}}
    del first["data"]
    deploy(first)
    assert deploy(first) == {"Secret/s": Change.UNCHANGED}
    deploy({**first, "stringData": {"a": "1"}})
    assert value(cluster, first, "data") == {"a": "MQ=="}


def test_a_field_of_another_manager_is_taken_and_told(
    deploy: Deploys, world: World, namespace: str
) -> None:
    world.apply_as("helm", config_map(namespace, a="1", b="1"))
    deploy(config_map(namespace, a="2"))
    (taken,) = deploy.assessments["ConfigMap/app"].taken
    assert (taken.path, taken.manager) == ("data.a", "helm")


def test_replicas_are_left_to_an_autoscaler(
    deploy: Deploys, world: World, cluster: Cluster, namespace: str
) -> None:
    """Created with the manifest's number, scaled by another, deployed again: not scaled back."""
    app = [deployment(namespace, replicas=0), autoscaler(namespace)]
    deploy(*app)
    assert value(cluster, app[0], "spec", "replicas") == 0
    world.scale(app[0], 2)
    changes = deploy(*app)
    assert changes["Deployment/web"] is not Change.CREATED
    assert value(cluster, app[0], "spec", "replicas") == 2
    (note,) = deploy.notes
    assert "left to HorizontalPodAutoscaler web" in note
    deploy(*app)
    assert value(cluster, app[0], "spec", "replicas") == 2
    assert deploy.counted.writes == []


def test_replicas_that_kubectl_applied_are_not_reset_for_an_autoscaler(
    deploy: Deploys, world: World, cluster: Cluster, namespace: str
) -> None:
    world.kubectl_apply(deployment(namespace, replicas=2))
    deploy(deployment(namespace), autoscaler(namespace))
    assert value(cluster, deployment(namespace), "spec", "replicas") == 2


def test_replicas_that_leave_the_manifest_for_an_autoscaler_are_not_reset(
    deploy: Deploys, cluster: Cluster, namespace: str
) -> None:
    deploy(deployment(namespace, replicas=0))
    deploy(deployment(namespace), autoscaler(namespace))
    assert value(cluster, deployment(namespace), "spec", "replicas") == 0


def test_an_immutable_field_is_an_error_and_with_force_a_recreation(
    deploy: Deploys, cluster: Cluster, namespace: str
) -> None:
    first, second = (deployment(namespace, app=app, replicas=0) for app in ("web", "other"))
    deploy(first)
    uid = value(cluster, first, "metadata", "uid")
    with pytest.raises(ManifestError, match=r"spec\.selector\.matchLabels\.app cannot be changed"):
        deploy(second)
    assert deploy.counted.writes == []
    assert deploy(second, force=True) == {"Deployment/web": Change.RECREATED}
    assert value(cluster, first, "metadata", "uid") != uid
    assert value(cluster, first, "spec", "selector", "matchLabels") == {"app": "other"}


def test_a_changed_job_is_an_error_while_it_runs_and_recreated_when_it_has_ended(
    deploy: Deploys, world: World, cluster: Cluster, namespace: str
) -> None:
    deploy(job(namespace, "one"))
    uid = value(cluster, job(namespace, "one"), "metadata", "uid")
    with pytest.raises(ManifestError, match="still running"):
        deploy(job(namespace, "two"))
    world.end_job(ref_of(job(namespace, "one")))
    assert deploy(job(namespace, "two")) == {"Job/migrate": Change.RECREATED}
    assert value(cluster, job(namespace, "one"), "metadata", "uid") != uid
    assert deploy(job(namespace, "three"), force=True) == {"Job/migrate": Change.RECREATED}


def test_a_generated_name_makes_a_new_object_each_time(
    deploy: Deploys, cluster: Cluster, namespace: str
) -> None:
    document = config_map(namespace, a="1")
    document["metadata"] = {"generateName": "app-", "namespace": namespace}
    deploy(document)
    (first,) = deploy.outcomes
    deploy(document)
    (second,) = deploy.outcomes
    assert first != second
    assert first.startswith("ConfigMap/app-")


def in_turn(cluster: Cluster, *steps: Step) -> list[Assessment]:
    """A plan whose steps come one after the other, carried out; what was said of its applies."""
    clock = SystemClock()
    stages = tuple(Stage(name=str(n), steps=(step,)) for n, step in enumerate(steps))
    found = {step.ref: cluster.get(step.ref) for step in steps if isinstance(step, Apply | Delete)}
    live = {ref: document for ref, document in found.items() if document is not None}
    observed = Observed(live=live, types=cluster.types())
    plan = check(Plan(stages=stages), cluster, observed, ApplyRules())
    surroundings = Surroundings(
        cluster=cluster,
        limit=TimeLimit(clock, 30),
        since=datetime.now(UTC),
        tell=lambda line: None,
        warn=lambda manifest, trouble: None,
    )
    execute(plan, observed, ApplyRules(), Journal(clock.now), surroundings)
    return [each.assessment for each in plan.applies if each.assessment]


def applied(document: dict[str, Any]) -> Apply:
    return Apply(manifest=Manifest(document=document, source=Source(file="app.yml")))


def test_what_a_plan_deletes_first_can_be_made_again_with_what_cannot_change(
    cluster: Cluster, namespace: str
) -> None:
    first, second = (deployment(namespace, app=app, replicas=0) for app in ("web", "other"))
    cluster.apply(first)
    uid = value(cluster, first, "metadata", "uid")
    gone = Delete(ref=ref_of(first), why="its selector changes")
    (found,) = in_turn(cluster, gone, applied(second))
    assert (found.change, found.due) == (Change.CREATED, Due.DELETED)
    assert value(cluster, first, "metadata", "uid") != uid
    assert value(cluster, first, "spec", "selector", "matchLabels") == {"app": "other"}


def test_what_is_live_now_is_written_again_after_the_plan_has_changed_it(
    cluster: Cluster, namespace: str
) -> None:
    """By an apply, or by a patch, whose field manager is ours as well."""
    web = service(namespace)
    green = set_in(web, ("spec", "selector"), {"app": "web", "color": "green"})
    cluster.apply(web)
    to_green, to_blue = in_turn(cluster, applied(green), applied(web))
    assert to_green.checked
    assert to_blue.checked
    assert [field.path for field in to_blue.fields] == ["spec.selector.color"]
    assert value(cluster, web, "spec", "selector") == {"app": "web"}
    patch = Patch(ref=ref_of(web), body={"spec": {"selector": {"color": "green"}}}, why="test")
    in_turn(cluster, patch, applied(web))
    assert value(cluster, web, "spec", "selector") == {"app": "web"}
    (blue,) = in_turn(cluster, applied(web))
    assert blue.taken == ()


def test_a_field_that_our_own_patch_set_is_not_told_as_taken(
    cluster: Cluster, namespace: str
) -> None:
    web = service(namespace)
    cluster.apply(web)
    cluster.patch(ref_of(web), {"spec": {"selector": {"color": "green"}}})
    (found,) = in_turn(cluster, applied(web))
    assert (found.change, found.taken) == (Change.CONFIGURED, ())


def definition(group: str, **versions: dict[str, Any]) -> dict[str, Any]:
    """A definition of toys; of each version the properties of its spec; the last one is stored."""
    served = [
        {
            "name": name,
            "served": True,
            "storage": name == list(versions)[-1],
            "schema": {
                "openAPIV3Schema": {
                    "type": "object",
                    "properties": {"spec": {"type": "object", "properties": properties}},
                }
            },
        }
        for name, properties in versions.items()
    ]
    names = {"kind": "Toy", "plural": "toys", "singular": "toy", "listKind": "ToyList"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"toys.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": served},
    }


def toy(group: str, namespace: str, version: str = "v1", **spec: Any) -> dict[str, Any]:
    metadata = {"name": "bear", "namespace": namespace}
    return {"apiVersion": f"{group}/{version}", "kind": "Toy", "metadata": metadata, "spec": spec}


def test_a_definition_its_object_and_a_namespace_come_in_one_run(
    deploy: Deploys, cluster: Cluster, world: World
) -> None:
    group, inside = f"{unique_name()}.example.com", unique_name()
    crd = definition(group, v1={"size": {"type": "integer"}})
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": inside}}
    bear = toy(group, inside, size=3)
    with world.removed_afterwards(crd, space):
        assert set(deploy(bear, crd, space).values()) == {Change.CREATED}
        assert value(cluster, bear, "spec", "size") == 3
        assert set(deploy(bear, crd, space).values()) == {Change.UNCHANGED}
        assert deploy.counted.writes == []
        wider = definition(group, v1={"size": {"type": "integer"}, "ears": {"type": "integer"}})
        changes = deploy(toy(group, inside, size=3, ears=2), wider, space)
        assert set(changes.values()) == {Change.CONFIGURED, Change.UNCHANGED}
        assert value(cluster, bear, "spec", "ears") == 2


def test_owners_of_an_old_api_version_do_not_stand_in_the_way(
    real_world: World,
) -> None:
    """A field that a new version defaults and an old one lacks makes every apply fail."""
    group, cluster = f"{unique_name()}.example.com", real_world.cluster
    deploy = Deploys(cluster)
    size = {"size": {"type": "integer"}}
    colour = {"colour": {"type": "string", "default": "red"}}
    old, new = (definition(group, v1beta1=size, v1=size | more) for more in ({}, colour))
    with real_world.namespace() as namespace, real_world.removed_afterwards(new):
        deploy(old)
        real_world.apply_as("other", toy(group, namespace, "v1beta1", size=1))
        deploy(new)
        for size_now in (2, 3):
            changes = deploy(toy(group, namespace, size=size_now))
            assert changes == {"Toy/bear": Change.CONFIGURED}
            assert value(cluster, toy(group, namespace), "spec", "size") == size_now
        with pytest.raises(ManifestError, match=r"spec\.bad is a field"):
            deploy(toy(group, namespace, bad=1))


def test_a_pod_and_the_service_account_that_it_needs_come_in_one_run(
    deploy: Deploys, namespace: str
) -> None:
    """The server refuses the dry-run of a pod whose service account does not exist yet."""
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "robot", "namespace": namespace},
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": namespace},
        "spec": {
            "serviceAccountName": "robot",
            "containers": [{"name": "c", "image": "example.test/pod:1"}],
        },
    }
    assert set(deploy(pod, account).values()) == {Change.CREATED}


def test_every_error_is_told_with_its_place_and_nothing_is_written(
    deploy: Deploys, namespace: str
) -> None:
    typo = deployment(namespace, replica=1)
    unknown = {**config_map(namespace, "bad"), "dataa": {}}
    with pytest.raises(ManifestError) as caught:
        deploy(config_map(namespace, "good"), typo, unknown)
    told = [(str(each.source), each.message) for each in caught.value.problems]
    assert [place for place, _ in told] == ["app.yml:2", "app.yml:3"]
    assert "spec.replica is a field that apps/v1 Deployment does not have" in told[0][1]
    assert "dataa is a field that v1 ConfigMap does not have" in told[1][1]
    assert deploy.counted.writes == []


def test_a_user_without_the_permission_is_told_the_verb_and_the_resource(
    deploy: Deploys, world: World, namespace: str
) -> None:
    with (
        world.reader(namespace) as reader,
        pytest.raises(AuthError, match=rf"may not patch configmaps in namespace {namespace}"),
    ):
        deploy(config_map(namespace, a="1"), cluster=reader)
    assert deploy.counted.writes == []


def test_a_user_who_may_not_list_is_served_by_reading_each_object(
    deploy: Deploys, world: World, namespace: str
) -> None:
    deploy(config_map(namespace, a="1"))
    with world.writer_who_may_not_list(namespace) as writer:
        assert deploy(config_map(namespace, a="1"), cluster=writer) == {
            "ConfigMap/app": Change.UNCHANGED
        }
