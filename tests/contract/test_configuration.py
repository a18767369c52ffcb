"""Changed configuration, on the fake and on a real server: what is asked, written and removed.

Nothing waits for pods here; that is the scenarios' subject.
"""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from aks_action import strategies
from aks_action.clients.clock import SystemClock, TimeLimit
from aks_action.clients.ports import Cluster
from aks_action.errors import Source
from aks_action.jobs.configuration import Configuration
from aks_action.model.configuration.changes import PENDING
from aks_action.model.configuration.restart_search import RESTARTED_AT
from aks_action.model.configuration.settings import ConfigChanges, ConfigSettings
from aks_action.model.documents import get_in, without
from aks_action.model.manifests import Document, Manifest, ObjectRef, ref_of
from aks_action.model.plan import Assessment, Change, Plan, Stage, Wait
from aks_action.model.strategy_settings import StrategySettings
from aks_action.runtime.checking import ApplyRules, check
from aks_action.runtime.executing.executor import Surroundings, execute
from aks_action.runtime.executing.journal import Journal
from aks_action.runtime.observing import observe
from tests.contract.clusters import World, unique_name
from tests.contract.test_deploying import Counted, config_map, definition

REMOVALS = ("Remove old versions", "Old versions are removed")


class Deploys:
    """Deploys with changed configuration, and what they asked of the server."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.counted = Counted(cluster)
        self.plan = Plan(stages=())
        self.told: list[str] = []
        self.changing: dict[str, Assessment] = {}

    def __call__(
        self,
        *documents: dict[str, Any],
        changes: ConfigChanges = ConfigChanges.RESTART,
        history: int = 5,
        until: str = "",
    ) -> list[str]:
        """The names of what was restarted. until: the stage before which the run is killed,
        or the one of the removals.
        """
        self._cluster.types(refresh=True)
        self.counted = Counted(self._cluster)
        settings = ConfigSettings(changes=changes, history=history)
        configuration = Configuration(settings, StrategySettings(), self.told.append)
        manifests = tuple(
            Manifest(document=each, source=Source(file="app.yml", line=n))
            for n, each in enumerate(documents, start=1)
        )
        placed, observed = observe(self.counted, manifests, "", rewrite=configuration.named)
        plan = strategies.plan(StrategySettings(), placed, observed)
        plan = check(plan, self.counted, observed, ApplyRules())
        self.plan = configuration.planned(plan, self.counted, observed)
        stages = tuple(without_waits(self.plan.stages))
        in_removal = until in REMOVALS
        if until and not in_removal:
            stages = stages[: [each.name for each in stages].index(until)]
        clock = SystemClock()
        journal = Journal(clock.now)
        around = Surroundings(
            cluster=self.counted,
            limit=TimeLimit(clock, 30),
            since=datetime.now(UTC),
            tell=lambda line: None,
            warn=lambda manifest, trouble: None,
        )
        self.changing = {
            str(each.ref): each.assessment
            for each in self.plan.applies
            if each.assessment and each.assessment.change is not Change.UNCHANGED
        }
        execute(Plan(stages=stages), observed, ApplyRules(), journal, around)
        if not until or in_removal:
            tidying = configuration.tidying(self.counted, has_written=journal.has_written)
            if in_removal:
                tidying = tidying[: [each.name for each in tidying].index(until)]
            execute(Plan(stages=tidying), observed, ApplyRules(), journal, around)
        return sorted(each.ref.name for each in self.plan.restarts)


def without_waits(stages: tuple[Stage, ...]) -> Iterator[Stage]:
    for stage in stages:
        steps = tuple(each for each in stage.steps if not isinstance(each, Wait))
        if steps:
            yield replace(stage, steps=steps)


@pytest.fixture
def deploy(cluster: Cluster) -> Deploys:
    return Deploys(cluster)


def web(namespace: str, name: str = "web", *, config: str = "app") -> dict[str, Any]:
    """A StatefulSet: unlike a Deployment's, its controller writes nothing but the status."""
    container = {
        "name": "web",
        "image": "registry.invalid/web:1",
        "envFrom": [{"configMapRef": {"name": config}}],
    }
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": 1,
            "serviceName": name,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def cron_job(namespace: str) -> dict[str, Any]:
    """A reader without a history of its own."""
    pod = {**web(namespace)["spec"]["template"]["spec"], "restartPolicy": "Never"}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "nightly", "namespace": namespace},
        "spec": {
            "schedule": "0 0 1 1 *",
            "suspend": True,
            "jobTemplate": {"spec": {"template": {"spec": pod}}},
        },
    }


def live(cluster: Cluster, document: Document) -> Document:
    found = cluster.get(ref_of(document))
    assert found is not None
    return found


def restarted_at(cluster: Cluster, document: Document) -> str:
    path = ("spec", "template", "metadata", "annotations", RESTARTED_AT)
    return str(get_in(live(cluster, document), path, ""))


def versions(cluster: Cluster, namespace: str) -> list[str]:
    found = cluster.list("v1", "ConfigMap", namespace=namespace).items
    names = (str(each["metadata"]["name"]) for each in found)
    return sorted(name for name in names if name.startswith("app-"))


def test_an_unchanged_deploy_looks_for_no_readers(deploy: Deploys, namespace: str) -> None:
    """By default it asks exactly what it asks with `none`."""
    documents = (config_map(namespace, LEVEL="info"), web(namespace))
    deploy(*documents)
    deploy(*documents, changes=ConfigChanges.NONE)
    without = sorted(deploy.counted.calls)
    deploy(*documents)
    assert sorted(deploy.counted.calls) == without
    assert not deploy.counted.writes, deploy.changing


def test_a_restart_is_kept_by_the_next_deploys(
    deploy: Deploys, cluster: Cluster, namespace: str
) -> None:
    """The annotation is nobody's mistake: applying the same manifests again changes nothing."""
    app = web(namespace)
    deploy(config_map(namespace, LEVEL="info"), app)
    assert deploy(config_map(namespace, LEVEL="debug"), app) == ["web"]
    at = restarted_at(cluster, app)
    assert at
    for _ in range(2):
        assert deploy(config_map(namespace, LEVEL="debug"), app) == []
        assert not deploy.counted.writes, deploy.changing
    assert restarted_at(cluster, app) == at


def test_readers_cost_one_list_for_each_kind(deploy: Deploys, namespace: str) -> None:
    """However many ConfigMaps change and workloads read them."""
    apps = [web(namespace, f"web-{n}", config=f"c{n}") for n in range(4)]
    for level in ("info", "debug"):
        configs = [config_map(namespace, f"c{n}", LEVEL=level) for n in range(4)]
        restarted = deploy(*configs, *apps)
    assert restarted == [f"web-{n}" for n in range(4)]
    own = {"ConfigMap", "StatefulSet", "HorizontalPodAutoscaler"}
    assert deploy.counted.calls.count("list") <= len(own) + 4


@pytest.mark.parametrize("stage", ["Restart readers", "Restarts are under way"])
def test_a_run_that_was_cut_off_is_finished_by_the_next_one(
    deploy: Deploys, cluster: Cluster, namespace: str, stage: str
) -> None:
    """Nobody is left with the old content, and nobody restarts twice."""
    app, config = web(namespace), config_map(namespace, LEVEL="debug")
    deploy(config_map(namespace, LEVEL="info"), app)
    deploy(config, app, until=stage)
    pending = get_in(live(cluster, config), ("metadata", "annotations", PENDING))
    assert pending
    at = restarted_at(cluster, app)
    deploy(config, app)
    assert restarted_at(cluster, app) == (at or pending)
    assert get_in(live(cluster, config), ("metadata", "annotations", PENDING)) is None
    assert deploy(config, app) == []
    assert not deploy.counted.writes, deploy.changing


def test_versions_are_kept_apart_used_again_and_not_edited(
    deploy: Deploys, cluster: Cluster, namespace: str
) -> None:
    """Going back to old content goes back to the old name, and makes no object."""
    app = web(namespace)
    for level in ("one", "two", "one"):
        config = config_map(namespace, LEVEL=level)
        assert deploy(config, app, changes=ConfigChanges.VERSION) == []
    assert len(versions(cluster, namespace)) == 2
    deploy(config, app, changes=ConfigChanges.VERSION)
    assert not deploy.counted.writes, deploy.changing
    ref = ObjectRef(
        api_version="v1",
        kind="ConfigMap",
        name=versions(cluster, namespace)[0],
        namespace=namespace,
    )
    found = cluster.get(ref)
    assert found is not None
    assert found["immutable"] is True


def users(namespace: str, config: str) -> dict[str, dict[str, Any]]:
    """Everything that keeps a version by naming it; none of them runs a pod."""
    app = web(namespace, "user", config=config)
    template = app["spec"]["template"]
    idle = {**template["spec"], "nodeSelector": {"nobody": "has-it"}, "restartPolicy": "Never"}
    spec = {key: value for key, value in app["spec"].items() if key != "serviceName"}
    job = {"suspend": True, "template": {"spec": idle}}
    rules = {"tls": [{"secretName": config}], "defaultBackend": backend()}
    return {
        "ReplicaSet": {**app, "kind": "ReplicaSet", "spec": {**spec, "replicas": 0}},
        "ControllerRevision": {
            **without(app, ("spec",)),
            "kind": "ControllerRevision",
            "revision": 1,
            "data": {"spec": {"template": template}},
        },
        "Job": {**app, "apiVersion": "batch/v1", "kind": "Job", "spec": job},
        "Pod": {**app, "apiVersion": "v1", "kind": "Pod", "spec": idle},
        "Ingress": {**app, "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "spec": rules},
    }


def backend() -> dict[str, Any]:
    return {"service": {"name": "web", "port": {"number": 80}}}


@pytest.mark.parametrize("kind", users("", ""))
def test_only_versions_that_nothing_names_are_removed(
    deploy: Deploys, cluster: Cluster, namespace: str, world: World, kind: str
) -> None:
    """Whoever it is, and whoever made it, keeps what it names for as long as it is there."""
    nightly = cron_job(namespace)
    keep: dict[str, Any] = {"changes": ConfigChanges.VERSION, "history": 2}
    deploy(config_map(namespace, LEVEL="one"), nightly, **keep)
    (first,) = versions(cluster, namespace)
    user = users(namespace, first)[kind]
    world.apply_as("somebody", user)
    for level in ("two", "three", "four"):
        deploy(config_map(namespace, LEVEL=level), nightly, **keep)
    assert first in versions(cluster, namespace)
    assert len(versions(cluster, namespace)) == 3
    cluster.delete(ref_of(user))
    while cluster.get(ref_of(user)) is not None:  # a finalizer of the garbage collector's
        time.sleep(0.1)
    deploy(config_map(namespace, LEVEL="five"), nightly, **keep)
    assert first not in versions(cluster, namespace)
    assert len(versions(cluster, namespace)) == 2


def test_whatever_names_a_version_is_pointed_to_it(
    deploy: Deploys, cluster: Cluster, namespace: str, world: World
) -> None:
    """A service account, an Ingress, a Gateway, a custom resource with a pod template; and back."""
    group = f"{unique_name()}.example.com"
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    crd = definition(group, v1={"template": anything})
    pod = {"containers": [{"image": "x", "envFrom": [{"secretRef": {"name": "app"}}]}]}
    listener = {"name": "web", "port": 443, "protocol": "HTTPS",
                "tls": {"certificateRefs": [{"name": "app"}]}}  # fmt: skip
    named: list[tuple[str, str, dict[str, Any]]] = [
        ("v1", "ServiceAccount", {"secrets": [{"name": "app"}]}),
        (
            "networking.k8s.io/v1",
            "Ingress",
            {"spec": {"tls": [{"secretName": "app"}], "defaultBackend": backend()}},
        ),
        (f"{group}/v1", "Toy", {"spec": {"template": {"spec": pod}}}),
    ]
    gateway = "gateway.networking.k8s.io/v1"
    if (gateway, "Gateway") in cluster.types():
        spec = {"gatewayClassName": "nobodys", "listeners": [listener]}
        named.append((gateway, "Gateway", {"spec": spec}))
    meta = {"name": "user", "namespace": namespace}
    readers = [
        {"apiVersion": version, "kind": kind, "metadata": meta, **fields}
        for version, kind, fields in named
    ]
    found = []
    with world.removed_afterwards(crd):
        for level in ("one", "two", "one"):
            secret = {**config_map(namespace, LEVEL="b25l" if level == "one" else "dHdv")}
            deploy(crd, {**secret, "kind": "Secret"}, *readers, changes=ConfigChanges.VERSION)
            names = {
                text
                for each in readers
                for text in re.findall(r"app-[a-z0-9]{10}", json.dumps(live(cluster, each)))
            }
            assert len(names) == 1, names
            found += names
            secrets = cluster.list("v1", "Secret", namespace=namespace).items
            assert names <= {each["metadata"]["name"] for each in secrets}
    assert found[0] == found[2] != found[1]


@pytest.mark.parametrize("stage", REMOVALS)
def test_a_removal_that_was_cut_off_is_finished_by_the_next_run(
    deploy: Deploys, cluster: Cluster, namespace: str, stage: str
) -> None:
    """Although that one has nothing to change; and the one after it does not even look."""
    nightly = cron_job(namespace)
    keep: dict[str, Any] = {"changes": ConfigChanges.VERSION}
    for level in ("one", "two", "three"):
        deploy(config_map(namespace, LEVEL=level), nightly, **keep)
    config = config_map(namespace, LEVEL="four")
    deploy(config, nightly, **keep, history=2, until=stage)
    assert len(versions(cluster, namespace)) > 2
    deploy(config, nightly, **keep, history=2)
    assert len(versions(cluster, namespace)) == 2
    deploy(config, nightly, **keep, history=2)
    assert not deploy.counted.writes, deploy.changing
    assert deploy.counted.calls.count("list") <= 3


def test_a_reminder_of_what_is_still_in_use_goes(
    deploy: Deploys, cluster: Cluster, namespace: str, world: World
) -> None:
    """Else every run would look for users again."""
    nightly = cron_job(namespace)
    keep: dict[str, Any] = {"changes": ConfigChanges.VERSION, "history": 1}
    deploy(config_map(namespace, LEVEL="one"), nightly, **keep)
    (first,) = versions(cluster, namespace)
    world.apply_as("somebody", web(namespace, "user", config=first))
    config = config_map(namespace, LEVEL="two")
    deploy(config, nightly, **keep)
    assert len(versions(cluster, namespace)) == 2
    deploy(config, nightly, **keep)
    assert not deploy.counted.writes, deploy.changing
    assert deploy.counted.calls.count("list") <= 3


def test_who_may_not_list_users_removes_nothing(
    deploy: Deploys, cluster: Cluster, namespace: str, world: World
) -> None:
    fake = getattr(world, "fake", None)
    if fake is None:
        pytest.skip("what a role lacks is injected; the answer itself is the client's contract")
    fake.forbid("list", "ReplicaSet")
    for level in ("one", "two", "three"):
        config = config_map(namespace, LEVEL=level)
        deploy(config, cron_job(namespace), changes=ConfigChanges.VERSION, history=1)
    assert len(versions(cluster, namespace)) == 3
    assert "No old version" in deploy.told[-1]
