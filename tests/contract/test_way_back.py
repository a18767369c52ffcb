"""Rolling back a deploy that has failed: every object is what it was, and owned as it was."""

import io
from dataclasses import replace
from typing import Any

import pytest

from aks_action import inputs
from aks_action.clients.clock import SystemClock, TimeLimit
from aks_action.clients.ports import Cluster
from aks_action.errors import ActionError, ApplyError, Cancelled, LockLost, Source
from aks_action.jobs.decision import Decision, decide
from aks_action.jobs.execution import Execution
from aks_action.jobs.way_back import WayBack
from aks_action.model.applying.field_ownership import identity, paths
from aks_action.model.documents import set_in, without
from aks_action.model.manifests import Document, Manifest, ref_of
from aks_action.model.provenance import RunContext
from aks_action.model.settings import Action
from aks_action.workflow import Workflow
from tests.contract.clusters import World
from tests.contract.test_deploying import Counted, config_map, deployment, service, value
from tests.contract.test_volumes import without_waits

WEB = {"replicas": 0}


class Failing(Counted):
    """A cluster that refuses to apply one object, by `kind/name`, until that is taken back."""

    refused = ""

    def apply(self, document: Document, *, dry_run: bool = False) -> Document:
        if not dry_run and f"{document['kind']}/{document['metadata']['name']}" == self.refused:
            raise ApplyError("refused by the test")
        self.calls.append("dry apply" if dry_run else "apply")
        return self._cluster.apply(document, dry_run=dry_run)


class Deploys:
    """Deploys of one application, of which some fail and are rolled back."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self.failing = Failing(cluster)
        self.told: tuple[str, ...] = ()
        self.seconds = 30.0

    def __call__(self, *documents: Document, **given: str) -> list[str]:
        """A deploy to its end; returns its writes."""
        self._decided(documents, given)
        self.execution.run()
        return self.failing.writes

    def fails(
        self,
        *documents: Document,
        at: str = "",
        meanwhile: Any = None,
        ended: ActionError | None = None,
        **given: str,
    ) -> tuple[str, ...]:
        """A deploy that fails with the apply of one object, and what was told of the way back."""
        decision = self._decided(documents, given)
        self.failing.refused = at
        failure = self._failure()
        self.failing.refused = ""
        if meanwhile:
            meanwhile()
        back = WayBack(decision, self.execution, self.failing, self.workflow, lambda: decision)
        self.told = back.after(ended or failure)
        return self.told

    def _failure(self) -> ActionError:
        try:
            self.execution.run()
        except ActionError as error:
            return error
        return ApplyError("nothing was refused")

    def _decided(self, documents: tuple[Document, ...], given: dict[str, str]) -> Decision:
        self._cluster.types(refresh=True)
        self.failing = Failing(self._cluster)
        values = {"manifests": "k8s", "namespace": self._namespace, "annotate-namespace": "false"}
        settings = inputs.parse(
            {"action": "deploy", **values, **{k.replace("_", "-"): v for k, v in given.items()}},
            RunContext(run_id="1"),
        )
        self.log = io.StringIO()
        self.workflow = Workflow({}, self.log)
        manifests = tuple(
            Manifest(document=each, source=Source(file="app.yml", line=n))
            for n, each in enumerate(documents, start=1)
        )
        decision = decide(Action.DEPLOY, manifests, self.failing, settings, {}, self.workflow)
        decision = replace(decision, plan=without_waits(decision.plan))
        self.execution = Execution(
            decision, self.failing, TimeLimit(SystemClock(), self.seconds), self.workflow
        )
        return decision


@pytest.fixture
def deploys(cluster: Cluster, namespace: str) -> Deploys:
    return Deploys(cluster, namespace)


def state(cluster: Cluster, *documents: Document) -> list[Any]:
    """Content and owners of objects, without what the server counts."""
    return [_essence(cluster.get(ref_of(each))) for each in documents]


def _essence(live: Document | None) -> Any:
    if live is None:
        return None
    owners = {
        identity(each): sorted(paths(each))
        for each in live["metadata"].get("managedFields") or ()
        if each.get("subresource") != "status"
    }
    for name in ("managedFields", "resourceVersion", "generation", "creationTimestamp", "uid"):
        live = without(live, ("metadata", name))
    live = without(live, ("metadata", "annotations", "deployment.kubernetes.io/revision"))
    return without(live, ("status",)), owners


def reading(namespace: str, document: Document, name: str = "last") -> Document:
    """A Deployment that reads a ConfigMap, so that it is applied after it."""
    metadata = document["metadata"]
    env = [{"configMapRef": {"name": metadata["name"]}}]
    made = set_in(deployment(namespace, replicas=0), ("metadata", "name"), name)
    container = {**made["spec"]["template"]["spec"]["containers"][0], "envFrom": env}
    return set_in(made, ("spec", "template", "spec", "containers"), [container])


def test_all_is_as_it_was_and_the_old_manifests_change_nothing(
    deploys: Deploys, cluster: Cluster, namespace: str
) -> None:
    """Changed, added and dropped fields; a new object is gone; nobody owns anything else."""
    old = (config_map(namespace, a="1", b="2"), deployment(namespace, **WEB), service(namespace))
    deploys(*old)
    before = state(cluster, *old)
    changed = config_map(namespace, a="9", c="3")
    new = config_map(namespace, "new", x="y")
    web = deployment(namespace, replicas=0, minReadySeconds=5, paused=True)
    told = deploys.fails(changed, new, web, service(namespace), reading(namespace, new),
                         at="Deployment/last")  # fmt: skip
    assert state(cluster, *old) == before
    assert cluster.get(ref_of(new)) is None
    assert "2 objects are as before, 1 object is gone that this run had created." in told[0]
    assert deploys(*old) == []


def test_what_others_own_stays_theirs_and_what_was_taken_is_given_back(
    deploys: Deploys, world: World, cluster: Cluster, namespace: str
) -> None:
    """A value that somebody set before, and one that is set while the deploy fails."""
    old = config_map(namespace, a="1")
    deploys(old)
    world.apply_as("somebody", config_map(namespace, theirs="before"))
    before = state(cluster, old)
    new = config_map(namespace, a="9", theirs="taken")
    deploys.fails(new, reading(namespace, new), at="Deployment/last")
    assert state(cluster, old) == before
    deploys.fails(
        new,
        reading(namespace, new),
        at="Deployment/last",
        meanwhile=lambda: world.apply_as("other", config_map(namespace, more="since")),
    )
    assert value(cluster, old, "data") == {"a": "1", "theirs": "before", "more": "since"}
    assert deploys(old) == []


def test_replicas_that_were_set_meanwhile_stay(
    deploys: Deploys, world: World, cluster: Cluster, namespace: str
) -> None:
    old = deployment(namespace, **WEB)
    deploys(old)
    deploys.seconds = 1  # these pods have no image
    new = config_map(namespace, a="1")
    deploys.fails(
        deployment(namespace, replicas=0, minReadySeconds=5),
        new,
        reading(namespace, new),
        at="Deployment/last",
        meanwhile=lambda: world.scale(old, 2),
    )
    assert value(cluster, old, "spec", "replicas") == 2
    assert value(cluster, old, "spec", "minReadySeconds") in (None, 0)


def test_what_kubectl_had_applied_is_kubectls_again(
    deploys: Deploys, world: World, cluster: Cluster, namespace: str
) -> None:
    """With its annotation, by which it knows what to remove."""
    old = config_map(namespace, a="1", old="x")
    world.kubectl_apply(old)
    before = state(cluster, old)
    new = config_map(namespace, a="9")
    deploys.fails(new, reading(namespace, new), at="Deployment/last")
    assert state(cluster, old) == before


def test_an_object_that_was_made_anew_is_made_anew_again(
    deploys: Deploys, cluster: Cluster, namespace: str
) -> None:
    old = deployment(namespace, **WEB)
    deploys(old)
    config = config_map(namespace, a="1")
    other = deployment(namespace, app="other", replicas=0)
    told = deploys.fails(
        other, config, reading(namespace, config), at="Deployment/last", force="true"
    )
    assert value(cluster, old, "spec", "selector", "matchLabels", "app") == "web"
    assert told[0].startswith("Rolled back in ")


def test_one_that_cannot_go_back_is_told_and_holds_up_no_other(
    deploys: Deploys, cluster: Cluster, namespace: str
) -> None:
    old = (config_map(namespace, "one", a="1"), config_map(namespace, "two", a="1"))
    deploys(*old)
    new = (config_map(namespace, "one", a="9"), config_map(namespace, "two", a="9"))

    def refuse() -> None:
        deploys.failing.refused = "ConfigMap/one"

    told = deploys.fails(*new, reading(namespace, new[0]), at="Deployment/last", meanwhile=refuse)
    assert told[0] == "The rollback did not get to its end: 1 object is as before, but not all."
    assert "refused by the test" in told[1]
    assert [value(cluster, each, "data", "a") for each in old] == ["9", "1"]


@pytest.mark.parametrize(
    ("ended", "why"),
    [(Cancelled(2), "has no time for it"), (LockLost("lost"), "another run has the lock")],
    ids=["cancelled", "lock lost"],
)
def test_a_run_that_has_no_time_or_no_right_any_more_says_so(
    deploys: Deploys, cluster: Cluster, namespace: str, ended: ActionError, why: str
) -> None:
    new = config_map(namespace, a="1")
    told = deploys.fails(new, reading(namespace, new), at="Deployment/last", ended=ended)
    assert why in told[0]
    assert "What was written stays." in told[0]
    assert cluster.get(ref_of(new)) is not None


def test_where_nothing_was_written_there_is_nothing_to_say_but_that(
    deploys: Deploys, namespace: str
) -> None:
    old = config_map(namespace, a="1")
    deploys(old)
    assert deploys.fails(old) == ("Nothing had been written, so there was nothing to roll back.",)


def test_the_way_back_is_shown_before_it_is_gone(deploys: Deploys, namespace: str) -> None:
    deploys(config_map(namespace, a="1"))
    new = config_map(namespace, a="9")
    deploys.fails(new, reading(namespace, new), at="Deployment/last")
    log = deploys.log.getvalue()
    shown = log.index("(as it was before this run)")
    assert log.rindex("configured") > shown > log.index("Roll back")
