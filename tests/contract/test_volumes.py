"""Volumes, on the fake and on a real server: what is refused, what grows, and what is left when a
run is cut off. Nothing waits for pods here; that is the scenarios' subject.
"""

import io
import time
from dataclasses import replace
from typing import Any

import pytest

from aks_action import inputs
from aks_action.clients.clock import SystemClock, TimeLimit
from aks_action.clients.ports import Cluster
from aks_action.errors import ActionError, ManifestError, Source
from aks_action.jobs.decision import decide
from aks_action.jobs.execution import Execution
from aks_action.jobs.records import open_release
from aks_action.model.documents import get_in, set_in
from aks_action.model.manifests import Document, Manifest, ObjectRef, ref_of
from aks_action.model.plan import Plan, Wait
from aks_action.model.provenance import RunContext
from aks_action.model.settings import Action
from aks_action.model.volumes.marks import is_growing, is_journal
from aks_action.model.volumes.renewal import journal_of
from aks_action.workflow import Workflow
from tests.contract.clusters import World
from tests.contract.test_deploying import Counted, config_map

RESTARTED_AT = ("spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt")


class CutOff(BaseException):
    """What ends a run between two writes, as a kill would."""


class Limited(Counted):
    """A `Cluster` behind which a run ends right after a write.

    limit: its number; 0: the run does not end.    last: or its method.
    """

    def __init__(self, cluster: Cluster, limit: int, last: str) -> None:
        super().__init__(cluster)
        self._limit = limit
        self._last = last

    def __getattr__(self, name: str) -> Any:
        counted = super().__getattr__(name)

        def limited(*args: Any, **kwargs: Any) -> Any:
            self._go_on()
            answer = counted(*args, **kwargs)
            self._go_on()
            return answer

        return limited if callable(counted) else counted

    def _go_on(self) -> None:
        if (self._limit and len(self.writes) >= self._limit) or self._last in self.writes:
            raise CutOff


class Deploys:
    """Deploys as the job does them, and what the last of them said, planned and asked."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.counted = Counted(cluster)
        self.plan = Plan(stages=())
        self.said = ""
        self.unfinished: tuple[str, ...] = ()

    def __call__(
        self,
        *documents: dict[str, Any],
        limit: int = 0,
        last: str = "",
        only_plan: bool = False,
        **given: str,
    ) -> Plan:
        """limit, last: the write after which the run is killed; raises CutOff then."""
        self._cluster.types(refresh=True)
        self.counted = Limited(self._cluster, limit, last)
        action = Action.PLAN if only_plan else Action.DEPLOY
        values = {"manifests": "k8s", "annotate-resources": "false", **given}
        settings = inputs.parse({"action": str(action), **values}, RunContext())
        output = io.StringIO()
        workflow = Workflow({}, output)
        manifests = tuple(
            Manifest(document=each, source=Source(file="app.yml", line=n))
            for n, each in enumerate(documents, start=1)
        )
        try:
            release = open_release(action, settings, self.counted, {}, workflow.write)
            manifests = release.manifests(manifests)
            decision = decide(
                action,
                manifests,
                self.counted,
                settings,
                {},
                workflow,
                release=release,
                finish=not action.only_plans,
            )
            self.plan, self.unfinished = decision.plan, decision.unfinished
            if not only_plan:
                decision = replace(decision, plan=without_waits(decision.plan))
                Execution(decision, self.counted, TimeLimit(SystemClock(), 30), workflow).run()
        finally:
            self.said = output.getvalue()
        return self.plan

    @property
    def lines(self) -> list[str]:
        return [str(step.ref) for step in self.plan.applies]


def without_waits(plan: Plan) -> Plan:
    return replace(
        plan,
        stages=tuple(
            replace(each, steps=tuple(step for step in each.steps if not isinstance(step, Wait)))
            for each in plan.stages
        ),
    )


@pytest.fixture
def deploy(cluster: Cluster) -> Deploys:
    return Deploys(cluster)


def claim(namespace: str, name: str = "data", *, size: str = "1Gi", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "expandable",
            "volumeMode": "Filesystem",
            "resources": {"requests": {"storage": size}},
            **spec,
        },
    }


def database(
    namespace: str, *, size: str = "1Gi", image: str = "registry.invalid/db:1", **labels: str
) -> dict[str, Any]:
    """A StatefulSet of one pod with a claim, whose image nobody serves."""
    container = {
        "name": "db",
        "image": image,
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    template = claim(namespace, size=size)
    del template["metadata"]["namespace"]
    pod = {"terminationGracePeriodSeconds": 0, "containers": [container]}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {
            "name": "db",
            "namespace": namespace,
            **({"labels": labels} if labels else {}),
        },
        "spec": {
            "replicas": 1,
            "serviceName": "db",
            "selector": {"matchLabels": {"app": "db"}},
            "template": {"metadata": {"labels": {"app": "db"}}, "spec": pod},
            "volumeClaimTemplates": [template],
        },
    }


def live(cluster: Cluster, document: Document) -> Document:
    found = cluster.get(ref_of(document))
    assert found is not None
    return found


def size_of(cluster: Cluster, name: str, namespace: str) -> str:
    found = live(cluster, claim(namespace, name))
    return str(get_in(found, ("spec", "resources", "requests", "storage")))


def template_size(stateful_set: Document) -> str:
    (template,) = stateful_set["spec"]["volumeClaimTemplates"]
    return str(get_in(template, ("spec", "resources", "requests", "storage")))


def pod_uid(cluster: Cluster, namespace: str) -> str:
    ref = ObjectRef(api_version="v1", kind="Pod", name="db-0", namespace=namespace)
    found = cluster.get(ref)
    assert found is not None
    return str(found["metadata"]["uid"])


def journals(cluster: Cluster, namespace: str) -> list[Document]:
    return [
        each for each in cluster.list("v1", "Secret", namespace=namespace).items if is_journal(each)
    ]


def has_grown(cluster: Cluster, namespace: str, size: str) -> None:
    """Claim and template have the size, and nothing of the way there is left."""
    now = live(cluster, database(namespace))
    assert size_of(cluster, "data-db-0", namespace) == template_size(now) == size
    assert not journals(cluster, namespace)
    assert not is_growing(now)


def test_what_cannot_change_of_claims_is_told_together_before_the_first_write(
    deploy: Deploys, cluster: Cluster, namespace: str, world: World
) -> None:
    names = ("small", "class", "modes", "stiff")
    classes = {"stiff": {"storageClassName": "not-expandable"}}
    before = [claim(namespace, each, **classes.get(each, {})) for each in names]
    deploy(*before)
    world.bound(*map(ref_of, before))
    wrong = (
        claim(namespace, "small", size="512Mi"),
        claim(namespace, "class", storageClassName="not-expandable"),
        claim(namespace, "modes", accessModes=["ReadWriteMany"], volumeMode="Block"),
        claim(namespace, "stiff", size="2Gi", storageClassName="not-expandable"),
        config_map(namespace, LEVEL="info"),
    )
    with pytest.raises(ManifestError) as caught:
        deploy(*wrong)
    told = [str(each) for each in caught.value.problems]
    expected = (
        ("small: a volume cannot shrink (1Gi → 512Mi).", "Keep 1Gi"),
        ("class: spec.storageClassName cannot change (expandable → not-expandable).", "`recreate"),
        ("modes: spec.accessModes cannot change (ReadWriteOnce → ReadWriteMany); spec.volumeMode",),
        ("stiff: its StorageClass not-expandable does not let volumes grow (1Gi → 2Gi).", "Set"),
    )
    for line, (parts, text) in enumerate(zip(expected, told, strict=True), start=1):
        assert text.startswith(f"app.yml:{line}: PersistentVolumeClaim/{namespace}/{parts[0]}")
        assert all(part in text for part in parts)
    assert not deploy.counted.writes
    assert cluster.get(ref_of(wrong[-1])) is None


def test_a_claim_grows_in_place(
    deploy: Deploys, cluster: Cluster, namespace: str, world: World
) -> None:
    deploy(claim(namespace))
    world.bound(ref_of(claim(namespace)))
    deploy(claim(namespace, size="2Gi"))
    assert deploy.counted.writes == ["apply"]
    assert size_of(cluster, "data", namespace) == "2Gi"
    deploy(claim(namespace, size="2Gi"))
    assert not deploy.counted.writes


def test_an_unbound_claim_is_not_grown(deploy: Deploys, namespace: str) -> None:
    """A claim without a class never gets a volume."""
    spec = {"storageClassName": ""}
    deploy(claim(namespace, **spec))
    with pytest.raises(ManifestError, match="only a bound claim can grow"):
        deploy(claim(namespace, size="2Gi", **spec))


@pytest.fixture
def running(deploy: Deploys, namespace: str, world: World) -> str:
    """The uid of a database's pod."""
    deploy(database(namespace, tier="data"))
    world.started(database(namespace))
    return pod_uid(world.cluster, namespace)


def test_the_volumes_of_a_stateful_set_grow_and_its_pods_stay(
    deploy: Deploys, cluster: Cluster, namespace: str, running: str, world: World
) -> None:
    """What others have set of it stays, and what is ours can still be dropped."""
    by_hand = set_in({"spec": {}}, RESTARTED_AT, "2026-01-01T00:00:00Z")
    cluster.patch(ref_of(database(namespace)), by_hand)
    before = live(cluster, database(namespace))
    deploy(database(namespace, size="2Gi", tier="data"))
    has_grown(cluster, namespace, "2Gi")
    now = live(cluster, database(namespace))
    assert now["metadata"]["uid"] != before["metadata"]["uid"]
    assert get_in(now, RESTARTED_AT) == "2026-01-01T00:00:00Z"
    assert pod_uid(cluster, namespace) == running
    deploy(database(namespace, size="2Gi", tier="data"))
    assert not deploy.counted.writes
    deploy(database(namespace, size="2Gi"))
    assert "tier" not in (live(cluster, database(namespace))["metadata"].get("labels") or {})


def test_a_plan_of_a_growth_writes_nothing(
    deploy: Deploys, cluster: Cluster, namespace: str, running: str
) -> None:
    deploy(database(namespace, size="2Gi"), only_plan=True)
    assert not deploy.counted.writes
    refs = [f"PersistentVolumeClaim/{namespace}/data-db-0", f"StatefulSet/{namespace}/db"]
    assert deploy.lines == refs
    assert template_size(live(cluster, database(namespace))) == "1Gi"


def test_what_else_is_wrong_with_a_growing_stateful_set_is_told_before_the_first_write(
    deploy: Deploys, namespace: str, running: str
) -> None:
    wrong = set_in(database(namespace, size="2Gi"), ("spec", "serviceName"), "other")
    with pytest.raises(ManifestError, match=r"spec\.serviceName cannot be changed"):
        deploy(wrong)
    assert not deploy.counted.writes


def test_templates_that_cannot_be_had_are_refused_with_the_reason_alone(
    deploy: Deploys, namespace: str, running: str
) -> None:
    with pytest.raises(ManifestError) as caught:
        deploy(database(namespace, size="512Mi"))
    ref, name = f"StatefulSet/{namespace}/db", "spec.volumeClaimTemplates[data]"
    start = (
        f"app.yml:1: {ref}: {name}: a volume cannot shrink (1Gi → 512Mi). Keep what the live one"
    )
    assert str(caught.value).startswith(start)
    assert not deploy.counted.writes


def test_a_growth_that_was_cut_off_anywhere_is_finished_by_the_next_run(
    deploy: Deploys, cluster: Cluster, namespace: str, running: str
) -> None:
    """Killed after its first write, its second, …: nothing is lost, doubled or left over."""
    cut = 0
    for limit in range(1, 20):
        size = f"{limit + 1}Gi"
        try:
            deploy(database(namespace, size=size), limit=limit)
        except CutOff:
            cut += 1
            deploy(database(namespace, size=size))
        else:
            break
        has_grown(cluster, namespace, size)
        assert pod_uid(cluster, namespace) == running
        deploy(database(namespace, size=size))
        assert not deploy.counted.writes, deploy.said
    assert cut > 5


def until_gone(deploy: Deploys, cluster: Cluster, namespace: str) -> None:
    """Cut a growth to 2Gi off between the deletion and the creation."""
    with pytest.raises(CutOff):
        deploy(database(namespace, size="2Gi"), last="delete")
    until = time.monotonic() + 10
    while cluster.get(ref_of(database(namespace))) is not None:
        assert time.monotonic() < until
    assert journals(cluster, namespace)


def test_a_plan_tells_of_a_stateful_set_that_is_missing_and_makes_none(
    deploy: Deploys, cluster: Cluster, namespace: str, running: str
) -> None:
    until_gone(deploy, cluster, namespace)
    deploy(database(namespace, size="2Gi"), only_plan=True)
    assert "a deploy does that first" in deploy.said
    assert not deploy.counted.writes
    assert deploy.unfinished == (namespace,)


@pytest.mark.parametrize("change", ["reverted", "renamed", "dropped", "wrong"])
def test_a_stateful_set_comes_back_whatever_the_next_manifests_say(
    deploy: Deploys, cluster: Cluster, namespace: str, running: str, change: str
) -> None:
    """It is made from the journal; then the manifests are compared with it as always.

    dropped: a Secret among the manifests is reason enough to see the journal.
    """
    until_gone(deploy, cluster, namespace)
    secret = {**config_map(namespace, "login"), "kind": "Secret", "data": {}}
    nothing = set_in(database(namespace, size="2Gi"), ("spec", "replicas"), 0)
    documents = {
        "reverted": database(namespace),
        "renamed": set_in(nothing, ("metadata", "name"), "other"),
        "dropped": secret,
        "wrong": set_in(database(namespace, size="2Gi"), ("spec", "serviceName"), "other"),
    }
    refused = {"reverted": "cannot shrink", "wrong": "serviceName"}
    if change in refused:
        with pytest.raises(ManifestError, match=refused[change]):
            deploy(documents[change])
    else:
        deploy(documents[change])
    assert "it is there again" in deploy.said
    assert template_size(live(cluster, database(namespace))) == "2Gi"
    assert pod_uid(cluster, namespace) == running
    assert not journals(cluster, namespace)
    deploy(database(namespace, size="2Gi"))
    has_grown(cluster, namespace, "2Gi")


KEY = "k" * 32


def forged(namespace: str, *keys: str, name: str = "db", **pod: Any) -> Document:
    """A journal that somebody writes who may write Secrets in the namespace, and nothing else."""
    wanted = set_in(database(namespace), ("metadata", "name"), name)
    spec = wanted["spec"]["template"]["spec"]
    return journal_of(set_in(wanted, ("spec", "template", "spec"), {**spec, **pod}), {}).secret(
        keys
    )


def test_a_forged_journal_makes_no_stateful_set(
    deploy: Deploys, cluster: Cluster, namespace: str
) -> None:
    """Neither one that the manifests name nor another; what is there is not touched."""
    cluster.apply(forged(namespace, name="evil", hostNetwork=True))
    cluster.apply(forged(namespace, serviceAccountName="admin"))
    login = {**config_map(namespace, "login"), "kind": "Secret", "data": {}}
    deploy(login)
    assert "no journal that can be believed: there is neither StatefulSet" in deploy.said
    assert cluster.get(ref_of(database(namespace))) is None
    deploy(login, database(namespace, size="2Gi"))
    spec = live(cluster, database(namespace))["spec"]["template"]["spec"]
    assert spec.get("serviceAccountName") is None
    evil = ref_of(set_in(database(namespace), ("metadata", "name"), "evil"))
    assert cluster.get(evil) is None


def test_with_a_key_a_journal_has_to_be_signed(
    deploy: Deploys, cluster: Cluster, namespace: str, running: str
) -> None:
    given = {"record-key": KEY}
    with pytest.raises(CutOff):
        deploy(database(namespace, size="2Gi"), last="delete", **given)
    (real,) = journals(cluster, namespace)
    while cluster.get(ref_of(database(namespace))) is not None:
        time.sleep(0.05)
    cluster.apply(forged(namespace))
    deploy(database(namespace, size="2Gi"), only_plan=True, **given)
    assert "no journal that can be believed: it has no HMAC" in deploy.said
    cluster.apply({**real, "metadata": {**forged(namespace)["metadata"]}})
    deploy(database(namespace, size="2Gi"), **given)
    assert "it is there again" in deploy.said
    has_grown(cluster, namespace, "2Gi")
    assert pod_uid(cluster, namespace) == running


def test_who_may_not_keep_a_journal_deletes_nothing(
    deploy: Deploys, cluster: Cluster, namespace: str, running: str, world: World
) -> None:
    fake = getattr(world, "fake", None)
    if fake is None:
        pytest.skip("what a role lacks is injected; the answer itself is the client's contract")
    fake.forbid("apply", "Secret")
    with pytest.raises(ActionError, match="secrets"):
        deploy(database(namespace, size="2Gi"))
    assert template_size(live(cluster, database(namespace))) == "1Gi"


def app(namespace: str, *, replicas: int | None = 1) -> dict[str, Any]:
    """A Deployment that mounts the claim `data`; no controller of the fake runs it."""
    container = {"name": "app", "image": "registry.invalid/app:1"}
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    spec: dict[str, Any] = {
        "selector": {"matchLabels": {"app": "app"}},
        "template": {
            "metadata": {"labels": {"app": "app"}},
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": [container],
                "volumes": [volume],
            },
        },
    }
    if replicas is not None:
        spec["replicas"] = replicas
    metadata = {"name": "app", "namespace": namespace}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def mounted(cluster: Cluster, namespace: str) -> tuple[str, int]:
    """The claim that the app names, and how many replicas it has."""
    spec = live(cluster, app(namespace))["spec"]
    (volume,) = spec["template"]["spec"]["volumes"]
    return volume["persistentVolumeClaim"]["claimName"], spec["replicas"]


def claim_names(cluster: Cluster, namespace: str) -> list[str]:
    listing = cluster.list("v1", "PersistentVolumeClaim", namespace=namespace)
    return [each["metadata"]["name"] for each in listing.items]


OTHER = {"storageClassName": "not-expandable"}


@pytest.fixture
def bound(deploy: Deploys, namespace: str, world: World) -> None:
    """An app with a bound claim, scaled to two by hand."""
    deploy(claim(namespace), app(namespace, replicas=None))
    world.scale(app(namespace), 2)
    world.bound(ref_of(claim(namespace)))


@pytest.mark.usefixtures("bound")
def test_a_claim_that_cannot_change_is_made_anew_and_the_old_one_kept(
    deploy: Deploys, cluster: Cluster, namespace: str
) -> None:
    """With the input or, from then on, without it: the second run finds the new name."""
    before = live(cluster, claim(namespace))
    wanted = (claim(namespace, **OTHER), app(namespace, replicas=None))
    plan = deploy(*wanted, **{"recreate-claims": "data"})
    assert mounted(cluster, namespace) == ("data-v2", 2)
    after = live(cluster, claim(namespace))
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["spec"] == before["spec"]
    assert claim_names(cluster, namespace) == ["data", "data-v2"]
    (note,) = (each for each in plan.notes if "takes the place of" in each)
    assert "storageClassName cannot change (expandable → not-expandable)" in note
    assert f"PersistentVolumeClaim/{namespace}/data" in note
    assert "are kept" in note
    for given in ({"recreate-claims": "data"}, {}):
        deploy(*wanted, **given)
        assert not deploy.counted.writes, deploy.said
    assert mounted(cluster, namespace) == ("data-v2", 2)


@pytest.mark.usefixtures("bound")
def test_a_claim_that_can_change_is_not_made_anew(
    deploy: Deploys, cluster: Cluster, namespace: str
) -> None:
    deploy(claim(namespace, size="2Gi"), app(namespace), **{"recreate-claims": "data"})
    assert claim_names(cluster, namespace) == ["data"]
    assert size_of(cluster, "data", namespace) == "2Gi"


@pytest.mark.usefixtures("bound")
def test_a_name_that_somebody_else_uses_is_left_alone(
    deploy: Deploys, cluster: Cluster, namespace: str
) -> None:
    deploy(claim(namespace, "data-v2"))
    wanted = (claim(namespace, **OTHER), app(namespace))
    deploy(*wanted, **{"recreate-claims": "data"})
    assert mounted(cluster, namespace) == ("data-v3", 1)


def test_a_name_that_no_manifest_has_is_refused(deploy: Deploys, namespace: str) -> None:
    with pytest.raises(ActionError, match="have no PersistentVolumeClaim dat; they have data"):
        deploy(claim(namespace), **{"recreate-claims": "dat"})
    assert not deploy.counted.writes


@pytest.mark.usefixtures("bound")
def test_a_recreation_that_was_cut_off_anywhere_is_finished_by_the_next_run(
    deploy: Deploys, cluster: Cluster, namespace: str
) -> None:
    """Also by one whose manifests want the old claim: nothing stays stopped."""
    given = {"recreate-claims": "data"}
    last = ("data", 2)
    for limit in range(1, 20):
        # Every round asks for another class than the last one, so that a claim is made anew.
        spec = OTHER if limit % 2 else {}
        wanted = (claim(namespace, **spec), app(namespace, replicas=None))
        back = (claim(namespace, **({} if limit % 2 else OTHER)), app(namespace, replicas=None))
        try:
            deploy(*wanted, limit=limit, **given)
        except CutOff:
            if mounted(cluster, namespace)[0] == last[0] and limit == 3:
                deploy(*back, **given)
                assert mounted(cluster, namespace)[1] == 2
            deploy(*wanted, **given)
        else:
            break
        name, replicas = mounted(cluster, namespace)
        assert (name != last[0], replicas) == (True, 2)
        last = name, replicas
        deploy(*wanted, **given)
        assert not deploy.counted.writes, deploy.said
    assert limit > 4


@pytest.mark.usefixtures("bound", "running")
def test_a_release_that_prunes_claims_keeps_old_ones_and_those_of_stateful_sets(
    deploy: Deploys, cluster: Cluster, namespace: str
) -> None:
    given = {
        "release-name": "shop",
        "namespace": namespace,
        "prune": "true",
        "prune-kinds": "PersistentVolumeClaim",
    }
    settings = config_map(namespace, LEVEL="info")
    deploy(settings, claim(namespace), app(namespace), database(namespace), **given)
    changed = (settings, claim(namespace, **OTHER), app(namespace), database(namespace, size="2Gi"))
    for more in ({"recreate-claims": "data"}, {}):
        deploy(*changed, **given, **more)
        assert claim_names(cluster, namespace) == ["data", "data-db-0", "data-v2"]
        assert not any("data-db-0" in each for each in deploy.plan.notes)
    deploy(settings, **given)
    assert cluster.get(ref_of(database(namespace))) is None
    assert {"data", "data-db-0"} <= set(claim_names(cluster, namespace))
