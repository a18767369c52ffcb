"""Records, rollback and prune, as the jobs carry them out: the same on the fake and on a server.

`Releases` runs the jobs' own steps. A run can be cut off right after any of its writes.
"""

import base64
import gzip
import io
import json
import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import pytest

from aks_action import inputs
from aks_action.clients.clock import SystemClock, TimeLimit
from aks_action.clients.ports import Cluster
from aks_action.errors import ActionError, Conflict, Source
from aks_action.jobs.decision import decide
from aks_action.jobs.execution import Execution
from aks_action.jobs.records import open_release
from aks_action.model.documents import get_in
from aks_action.model.manifests import Document, Manifest, ObjectRef, ref_of
from aks_action.model.plan import Delete, Plan
from aks_action.model.provenance import RunContext
from aks_action.model.records import History, Member, Record, Stamp, naming, objects_of
from aks_action.model.records.apply_sets import PART_OF, apply_set_id
from aks_action.model.records.secrets import record_secrets
from aks_action.model.settings import Action
from aks_action.runtime.records import store as record_store
from aks_action.workflow import Workflow
from tests.contract.clusters import World
from tests.contract.test_deploying import Counted
from tests.contract.test_volumes import claim

WRITES = ("apply", "create", "patch", "delete", "set_field_owners")
MOST_WRITES = 20


class Killed(BaseException):
    """The run is over, at once."""


class Killing(Counted):
    """A cluster whose user is gone after so many writes; none means never."""

    def __init__(self, cluster: Cluster, after: int | None = None) -> None:
        super().__init__(cluster)
        self._after = after

    def __getattr__(self, name: str) -> Any:
        found = super().__getattr__(name)
        if name not in WRITES:
            return found

        def killing(*args: Any, **kwargs: Any) -> Any:
            if kwargs.get("dry_run"):
                return found(*args, **kwargs)
            if self._is_spent:
                raise Killed
            answer = found(*args, **kwargs)
            if self._is_spent:
                raise Killed
            return answer

        return killing

    @property
    def _is_spent(self) -> bool:
        return self._after is not None and len(self.writes) >= self._after


class Releases:
    """Runs of the action on one release of one namespace."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self.namespace = namespace
        self.counted = Killing(cluster)
        self.plan = Plan(stages=())
        self.log = ""
        self.runs = 0

    def __call__(
        self,
        *documents: Document,
        action: str = "deploy",
        run: str = "",
        killed_after: int | None = None,
        **given: str,
    ) -> "Releases":
        """One run. given: inputs; `release-name` is `shop` unless they say otherwise."""
        self.runs += 1
        self._cluster.types(refresh=True)
        self.counted = Killing(self._cluster, killed_after)
        values = {"release-name": "shop", "timeout": "30s", "annotate-namespace": "false"}
        values |= {key.replace("_", "-"): text for key, text in given.items()}
        settings = inputs.parse(
            {"action": action, "manifests": "k8s", "namespace": self.namespace, **values},
            RunContext(run_id=run or f"run-{self.runs}"),
        )
        manifests = tuple(
            Manifest(document=each, source=Source(file="k8s/all.yml", line=line))
            for line, each in enumerate(documents, start=1)
        )
        log = io.StringIO()
        workflow = Workflow({}, log)
        try:
            chosen, cluster = Action(action), self.counted
            release = open_release(chosen, settings, cluster, {}, workflow.write)
            manifests = release.manifests(manifests)
            decision = decide(chosen, manifests, cluster, settings, {}, workflow, release=release)
            self.plan = decision.plan
            if not chosen.only_plans:
                limit = TimeLimit(SystemClock(), settings.deploy.timeout_seconds)
                Execution(decision, cluster, limit, workflow).run()
        finally:
            self.log = log.getvalue()
        return self

    def insist(self, *documents: Document, **given: str) -> int:
        """Run again and again, each time killed one write later; returns how often it was."""
        for after in range(1, MOST_WRITES):
            try:
                self(*documents, killed_after=after, **given)
            except Killed:
                continue
            return after - 1
        raise AssertionError("it never came to its end")

    @property
    def history(self) -> History:
        return record_store.read(self._cluster, "shop", self.namespace)

    @property
    def versions(self) -> list[str]:
        return [each.stamp.version for each in self.history.records]

    @property
    def secrets(self) -> set[str]:
        """The names of all Secrets that were made for records."""
        found = self._cluster.list("v1", "Secret", namespace=self.namespace).items
        names = {each["metadata"]["name"] for each in found}
        return {name for name in names if name.startswith("aks-action.")}

    @property
    def pruned(self) -> list[str]:
        return [each.ref.name for each in self.plan.steps if isinstance(each, Delete)]

    @property
    def set_id(self) -> str:
        """The id of the release as an ApplySet."""
        return apply_set_id(naming.release_ref("shop", self.namespace))

    def data(self, name: str) -> Any:
        """The data of a ConfigMap; None where there is none."""
        ref = ObjectRef(api_version="v1", kind="ConfigMap", name=name, namespace=self.namespace)
        return get_in(self._cluster.get(ref), ("data",))

    def state(self) -> dict[str, Any]:
        """What is there, in words that tell nothing of how many runs it took."""
        found = self._cluster.list("v1", "ConfigMap", namespace=self.namespace).items
        settings = {
            each["metadata"]["name"]: (each.get("data"), each["metadata"].get("labels"))
            for each in found
            if each["metadata"]["name"] != "kube-root-ca.crt"
        }
        history = self.history
        contents = list(dict.fromkeys(each.digest for each in history.records))
        records = [
            (each.stamp.version, contents.index(each.digest), [m.ref.name for m in each.members])
            for each in history.records
        ]
        own = (history.secret or {}).get("metadata", {})
        return {
            "settings": settings,
            "records": records,
            "unfinished": history.unfinished,
            "secrets": len(self.secrets),
            "labels": own.get("labels"),
            "annotations": own.get("annotations"),
        }


@pytest.fixture
def run(cluster: Cluster, namespace: str) -> Releases:
    return Releases(cluster, namespace)


def settings(name: str = "settings", **data: str) -> Document:
    metadata = {"name": name}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": data or {"A": "0"},
    }


def test_without_a_name_nothing_is_asked_and_nothing_remembered(run: Releases) -> None:
    run(settings(LEVEL="one"), release_name="")
    calls = run(settings(LEVEL="one"), release_name="").counted.calls
    assert [each for each in calls if each != "types"] == ["list"]
    assert not run.secrets


def test_a_deploy_is_remembered_once_and_an_unchanged_one_writes_nothing(run: Releases) -> None:
    """One LIST more is what it costs."""
    run(settings(LEVEL="one"), tag="v1")
    assert run.versions == ["v1"]
    calls = run(settings(LEVEL="one"), tag="v1").counted.calls
    assert [each for each in calls if each != "types"] == ["list", "list"]
    run(settings(LEVEL="one"), tag="v2")
    assert run.versions == ["v1", "v2"], "another version of the same objects is remembered, too"


def test_a_rollback_goes_back_and_is_remembered(run: Releases) -> None:
    run(settings(LEVEL="one"), tag="v1")
    run(settings(LEVEL="two"), settings("added", A="1"), tag="v2")
    run(action="plan:rollback")
    assert run.counted.writes == []
    run(action="rollback")
    assert run.data("settings") == {"LEVEL": "one"}
    assert run.versions == ["v1", "v2", "v1"]
    assert "Left in place, though not in v1 (record 1): ConfigMap/" in run.plan.notes[-1]
    assert run.data("added") == {"A": "1"}
    with pytest.raises(Conflict, match="no good record of release `shop` before v1"):
        run(action="rollback")
    assert run.counted.writes == []
    run(action="rollback", to="v2")
    assert run.data("settings") == {"LEVEL": "two"}


def reader(config: str = "settings") -> Document:
    """What names a ConfigMap and makes no pods."""
    container = {
        "name": "web",
        "image": "web",
        "envFrom": [{"configMapRef": {"name": config}}],
    }
    return {
        "apiVersion": "v1",
        "kind": "PodTemplate",
        "metadata": {"name": "reader"},
        "template": {"spec": {"containers": [container]}},
    }


def test_versions_of_configuration_go_back_with_what_names_them(run: Releases) -> None:
    """Also a version that was removed meanwhile; nothing is versioned twice."""
    names = []
    for level in ("one", "two"):
        run(
            settings(LEVEL=level), reader(), config_changes="version", config_history="1", tag=level
        )
        (name,) = (each.ref.name for each in run.plan.applies if each.ref.kind == "ConfigMap")
        names.append(name)
    assert run.data(names[0]) is None
    run(action="rollback", config_changes="version")
    assert run.data(names[0]) == {"LEVEL": "one"}
    assert [each.ref.name for each in run.plan.applies] == [names[0], "reader"]


def test_what_failed_is_remembered_as_no_good(run: Releases) -> None:
    run(settings(LEVEL="one"), tag="v1")
    with pytest.raises(ActionError):
        run(settings(LEVEL="two"), stuck(run.namespace), tag="v2", timeout="1s")
    assert run.versions == ["v1"]
    assert run.history.unfinished
    assert "did not finish in time" in run.history.unfinished.error
    run(action="rollback")
    assert run.data("settings") == {"LEVEL": "one"}
    assert run.versions == ["v1"], "it takes the place of the record of the same content"
    assert run.history.unfinished is None


def stuck(namespace: str) -> Document:
    """What never becomes healthy, and never fails: nobody makes pods for it."""
    labels = {"app": "stuck"}
    pod = {"containers": [{"name": "web", "image": "registry.invalid/web:1"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "stuck"},
        "spec": {
            "paused": False,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {**pod, "schedulerName": "nobody"},
            },
        },
    }


def test_a_large_release_is_split_and_put_together_again(run: Releases, cluster: Cluster) -> None:
    """Parts are not read by a deploy; the record without one of them is refused."""
    noise = random.Random(5).randbytes(100_000).hex()  # noqa: S311 - only has to be incompressible
    large = settings("large", NOISE=noise)
    run(large, settings(LEVEL="one"), tag="v1")
    assert {"aks-action.shop.1", "aks-action.shop.1.1"} <= run.secrets
    (one,) = run.history.records
    assert one.parts == 1
    run(large, settings(LEVEL="two"), tag="v2")
    assert run.counted.calls.count("get") == 0
    run(action="rollback")
    assert run.data("settings") == {"LEVEL": "one"}
    cluster.delete(naming.part_refs("shop", run.namespace, 2, 1)[0])
    with pytest.raises(Conflict, match=r"record 2\) is not readable: its part .* is missing"):
        run(action="rollback", to="v2")


def test_a_record_of_another_namespace_is_refused(
    run: Releases, cluster: Cluster, world: World
) -> None:
    run(settings(LEVEL="one"), tag="v1")
    run(settings(LEVEL="two"), tag="v2")
    with world.namespace() as other:
        for each in cluster.list("v1", "Secret", namespace=run.namespace).items:
            if each["metadata"]["name"].startswith("aks-action."):
                metadata = {key: each["metadata"].get(key) for key in ("name", "labels")}
                cluster.apply(
                    {
                        "apiVersion": "v1",
                        "kind": "Secret",
                        "metadata": {**metadata, "namespace": other},
                        "type": each["type"],
                        "data": each["data"],
                    }
                )
        elsewhere = Releases(cluster, other)
        with pytest.raises(Conflict, match=f"written for namespace `{run.namespace}`"):
            elsewhere(action="rollback", to="1")
        assert elsewhere.counted.writes == []


def forge(run: Releases, cluster: Cluster, number: int, *objects: Document) -> None:
    """A record that somebody writes who may write Secrets in the namespace, and nothing else."""
    made = objects_of(
        tuple(Manifest(document=each, source=Source(file="x")) for each in objects), {}
    )
    record = Record(
        release="shop",
        namespace=run.namespace,
        number=number,
        stamp=Stamp(version="v0", at="2026-01-01T00:00:00Z"),
        digest=made.digest,
        members=tuple(Member(ref=ref_of(each)) for each in objects if ref_of(each).name),
        packed=made.packed,
        sources=made.packed_sources,
    )
    for secret in record_secrets(record, ()):
        cluster.apply(secret)


def role(namespace: str) -> Document:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "reader", "namespace": namespace},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}],
    }


def test_a_forged_record_brings_nothing_beyond_the_namespace(
    run: Releases, cluster: Cluster, world: World
) -> None:
    """What it holds within it is applied, as whatever a record holds is."""
    run(settings(LEVEL="one"), tag="v1")
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{run.namespace}-x"}}
    with world.namespace() as other:
        elsewhere = {**settings("planted"), "metadata": {"name": "planted", "namespace": other}}
        inside = {**settings("a"), "metadata": {"name": "a", "namespace": run.namespace}}
        hidden = {"apiVersion": "v1", "kind": "List", "items": [space]}
        for number, each in enumerate((elsewhere, space, hidden, role(run.namespace)), start=2):
            forge(run, cluster, number, inside, each)
            with pytest.raises(Conflict, match="holds more than a record may bring") as caught:
                run(action="rollback", to=str(number))
            assert run.counted.writes == []
            assert "`rollback-scope: " in str(caught.value)
        forge(run, cluster, 9, inside, elsewhere)
        run(action="rollback", to="9", rollback_scope=other)
        assert run.data("a") == {"A": "0"}


def test_what_a_release_legitimately_has_goes_back_once_it_is_allowed(run: Releases) -> None:
    run(settings(LEVEL="one"), role(run.namespace), tag="v1")
    run(settings(LEVEL="two"), role(run.namespace), tag="v2")
    with pytest.raises(Conflict, match=r"rollback-scope: Role\.rbac\.authorization"):
        run(action="rollback")
    run(action="rollback", rollback_scope="Role")
    assert run.data("settings") == {"LEVEL": "one"}


KEY = "k" * 32


def test_with_a_key_only_what_it_has_signed_is_gone_back_to(
    run: Releases, cluster: Cluster
) -> None:
    """Which then may hold rights, too."""
    run(settings(LEVEL="one"), tag="v1")
    with pytest.raises(Conflict, match="no HMAC, which `record-key` demands"):
        run(action="rollback", to="1", record_key=KEY)
    run(settings(LEVEL="two"), role(run.namespace), tag="v2", record_key=KEY)
    run(settings(LEVEL="three"), tag="v3", record_key=f"{'n' * 32}\n{KEY}")
    inside = {**settings("a"), "metadata": {"name": "a", "namespace": run.namespace}}
    forge(run, cluster, 7, inside)
    with pytest.raises(Conflict, match="no HMAC"):
        run(action="rollback", to="7", record_key=f"{'n' * 32}\n{KEY}")
    with pytest.raises(Conflict, match="the newest one is not readable"):
        run(action="rollback", record_key=f"{'n' * 32}\n{KEY}")
    run(action="rollback", to="v2", record_key=f"{'n' * 32}\n{KEY}")
    assert run.data("settings") == {"LEVEL": "two"}
    assert {"aks-action.shop.1", "aks-action.shop.7"} <= run.secrets, "what is not believed stays"
    with pytest.raises(Conflict, match="none of the keys"):
        run(action="rollback", to="3", record_key="o" * 32)


@pytest.mark.parametrize(
    ("release", "number"), [("shop", 8), ("other", 1)], ids=["another-number", "another-release"]
)
def test_a_signed_record_is_worth_nothing_under_another_name(
    run: Releases, cluster: Cluster, release: str, number: int
) -> None:
    run(settings(LEVEL="one"), tag="v1", record_key=KEY)
    run(settings(LEVEL="two"), tag="v2", record_key=KEY)
    signed = cluster.get(naming.record_ref("shop", run.namespace, 1))
    assert signed
    data = {key: base64.b64decode(text) for key, text in signed["data"].items()}
    ref = naming.record_ref(release, run.namespace, number)
    labels = naming.labels_of(release, number, "v9")
    cluster.apply(naming.secret(ref, data, type_=naming.RECORD_TYPE, labels=labels))
    with pytest.raises(Conflict, match="none of the keys"):
        run(action="rollback", to=str(number), release_name=release, record_key=KEY)
    assert run.counted.writes == []


def test_what_was_begun_last_cannot_be_put_back_to_what_it_said_before(
    run: Releases, cluster: Cluster
) -> None:
    """Though it was signed then: a rollback would go where an older one was going."""
    own = naming.release_ref("shop", run.namespace)
    run(settings(LEVEL="one"), tag="v1", record_key=KEY)
    run(settings(LEVEL="two"), tag="v2", record_key=KEY)
    with pytest.raises(Killed):
        run(action="rollback", record_key=KEY, killed_after=1)
    former = cluster.get(own)
    assert former
    for version in ("v3", "v4"):
        run(settings(LEVEL=version), tag=version, record_key=KEY)
    data = {key: base64.b64decode(text) for key, text in former["data"].items()}
    labels = {naming.RELEASE: "shop"}
    cluster.delete(own)
    put = naming.secret(own, data, type_=naming.RELEASE_TYPE, labels=labels, immutable=False)
    cluster.apply(put)
    with pytest.raises(Conflict, match="record 3 as begun last, and record 5 is there"):
        run(action="rollback", record_key=KEY)
    assert run.counted.writes == []
    run(action="rollback", to="v2", record_key=KEY)
    assert run.data("settings") == {"LEVEL": "two"}


def test_a_rollback_to_the_oldest_record_arrives_there_wherever_it_is_cut_off(
    run: Releases,
) -> None:
    """And however often: what it says first is where it goes, and that record stays."""
    for number in range(1, 11):
        run(settings(LEVEL=str(number)), settings("b", A=str(number)), tag=f"v{number}")
    with pytest.raises(Killed):
        run(action="rollback", to="v1", killed_after=1)
    assert run.insist(action="rollback", run="again") > 2
    assert (run.data("settings"), run.data("b")) == ({"LEVEL": "1"}, {"A": "1"})
    assert run.history.newest
    assert run.history.newest.stamp.version == "v1"
    run(settings(LEVEL="11"), tag="v11")
    assert len(run.history.records) == 10, "also those that a cut off run has left over"


def test_with_a_key_nothing_is_pruned_that_only_an_unsigned_record_names(run: Releases) -> None:
    run(settings(LEVEL="one"), settings("old"), tag="v1", prune="true")
    run(settings(LEVEL="one"), tag="v2", prune="true", record_key=KEY)
    assert run.pruned == []
    run(settings(LEVEL="one"), settings("new"), tag="v3", prune="true", record_key=KEY)
    run(settings(LEVEL="one"), tag="v4", prune="true", record_key=KEY)
    assert run.pruned == ["new"]


def test_a_rollback_that_was_cut_off_goes_on_to_the_record_that_it_had_chosen(
    run: Releases, cluster: Cluster
) -> None:
    """Also when the first record of that version is dropped meanwhile."""
    run(settings(LEVEL="1"), settings("b", A="1"), tag="v1")
    run(settings(LEVEL="2"), settings("b", A="2"), tag="v2")
    run(action="rollback")
    for number in range(4, 12):
        run(settings(LEVEL=str(number)), settings("b", A=str(number)), tag=f"v{number}")
    assert "aks-action.shop.1" not in run.secrets
    with pytest.raises(Killed):
        run(action="rollback", to="v1", killed_after=2)
    run(action="rollback")
    assert (run.data("settings"), run.data("b")) == ({"LEVEL": "1"}, {"A": "1"})
    with pytest.raises(Killed):
        run(action="rollback", to="v11", killed_after=2)
    cluster.delete(naming.record_ref("shop", run.namespace, 11))
    with pytest.raises(Conflict, match=r"the rollback to v11 \(record 11\) was not"):
        run(action="rollback")
    assert run.counted.writes == []


def test_secrets_that_somebody_calls_records_hold_up_no_deploy(
    run: Releases, cluster: Cluster
) -> None:
    for number, text in enumerate((b"[" * 100_000, gzip.compress(bytes(10**8)), b""), start=5):
        ref = naming.record_ref("shop", run.namespace, number)
        labels = naming.labels_of("shop", number, "v0")
        data = dict.fromkeys(("record", "members", "objects"), text)
        cluster.apply(naming.secret(ref, data, type_=naming.RECORD_TYPE, labels=labels))
    run(settings(LEVEL="one"), tag="v1", prune="true")
    assert run.versions == ["v1"]
    assert [each.number for each in run.history.records] == [8]


def test_only_the_last_ten_are_kept(run: Releases) -> None:
    for number in range(1, 13):
        run(settings(LEVEL=str(number)), tag=f"v{number}")
    assert run.versions == [f"v{number}" for number in range(3, 13)]
    assert len(run.secrets) == 11


def test_a_first_deploy_can_bring_the_namespace_of_its_records(
    run: Releases, cluster: Cluster, world: World
) -> None:
    name = f"{run.namespace}-new"
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    fresh = Releases(cluster, name)
    with world.removed_afterwards(space):
        fresh(space, settings(LEVEL="one"), tag="v1")
        assert fresh.versions == ["v1"]


def test_under_a_strategy_a_version_is_recorded_when_it_is_promoted(run: Releases) -> None:
    """Until then the stable's record is the last good one; a reject takes what was begun back."""
    canary = {"strategy": "canary", "percentage": "50"}
    run(settings(LEVEL="one"), tag="v1")
    run(settings(LEVEL="two"), tag="v2", **canary)
    assert run.versions == ["v1"]
    with pytest.raises(Conflict, match="begun with strategy canary, and neither promoted nor"):
        run(action="rollback")
    run(action="plan:rollback", **canary)
    assert "Going back to v1 (record 1)" in run.plan.notes[0]
    run(settings(LEVEL="two"), action="promote", tag="v2", **canary)
    assert run.versions == ["v1", "v2"]
    run(settings(LEVEL="three"), tag="v3", **canary)
    run(settings(LEVEL="three"), action="reject", tag="v3", **canary)
    assert run.history.unfinished is None
    run(action="rollback", **canary)
    assert run.versions == ["v1", "v2", "v1"]
    assert run.data("settings") == {"LEVEL": "one"}


def test_a_volume_that_has_grown_since_keeps_its_size(real_world: World) -> None:
    """With what really makes volumes and lets them grow."""
    with real_world.namespace() as namespace:
        run = Releases(real_world.cluster, namespace)
        run(claim(namespace), tag="v1")
        run(claim(namespace, size="2Gi"), settings(), tag="v2")
        run(action="rollback")
        live = real_world.cluster.get(ref_of(claim(namespace)))
        assert get_in(live, ("spec", "resources", "requests", "storage")) == "2Gi"
        assert any("keeps its size: volumes do not shrink" in note for note in run.plan.notes)
        assert run.versions == ["v1", "v2", "v1"]


# Prune


def test_what_the_manifests_have_no_longer_goes_when_all_is_healthy(run: Releases) -> None:
    run(settings(LEVEL="one"), settings("old"), tag="v1", prune="true")
    assert run.pruned == []
    run(settings(LEVEL="one"), action="plan", tag="v2", prune="true")
    assert run.pruned == ["old"]
    assert run.counted.writes == []
    run(settings(LEVEL="one"), tag="v2", prune="true")
    assert (run.pruned, run.data("old")) == (["old"], None)
    run(settings(LEVEL="one"), tag="v2", prune="true")
    assert (run.pruned, run.counted.writes) == ([], [])
    run(action="rollback", prune="true")
    assert run.data("old") == {"A": "0"}


def test_a_record_alone_prunes_nothing_in_another_namespace(
    run: Releases, cluster: Cluster, world: World
) -> None:
    """Even where the object has the label: the workflow's author says where a release may be."""
    with world.namespace() as other:
        metadata = {"name": "old", "namespace": other}
        far = {**settings("old"), "metadata": metadata}
        run(settings(LEVEL="one"), far, tag="v1", namespace="", prune="true")
        run(settings(LEVEL="one"), tag="v2", namespace="", prune="true")
        assert run.pruned == []
        assert f"`rollback-scope: {other}` lets it go" in run.plan.notes[-1]
        assert cluster.get(ref_of(far))
        run(settings(LEVEL="one"), tag="v3", namespace="", prune="true", rollback_scope=other)
        assert run.pruned == ["old"]


def test_the_first_deploy_with_prune_deletes_nothing(run: Releases) -> None:
    """What was deployed before without it may have been left on purpose; it is told."""
    run(settings(LEVEL="one"), settings("old"), tag="v1")
    run(settings(LEVEL="one"), tag="v2", prune="true")
    assert run.pruned == []
    assert run.data("old") == {"A": "0"}
    assert "it was deployed without `prune: true`" in run.plan.notes[-1]


def test_what_was_dropped_while_prune_was_off_goes_when_it_is_on_again(run: Releases) -> None:
    run(settings(LEVEL="one"), settings("old"), tag="v1", prune="true")
    run(settings(LEVEL="one"), tag="v2")
    assert run.data("old") == {"A": "0"}
    run(settings(LEVEL="one"), tag="v3", prune="true")
    assert run.data("old") is None


def test_what_nobody_recorded_is_never_touched(run: Releases, cluster: Cluster) -> None:
    """Whatever labels it has."""
    run(settings(LEVEL="one"), tag="v1", prune="true")
    labels = {PART_OF: run.set_id}
    metadata = {"name": "foreign", "namespace": run.namespace, "labels": labels}
    cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    run(settings(LEVEL="two"), tag="v2", prune="true")
    assert run.pruned == []


def test_what_was_made_anew_by_somebody_stays(run: Releases, cluster: Cluster) -> None:
    """A backup that was restored has the labels, and another uid."""
    run(settings(LEVEL="one"), settings("old"), tag="v1", prune="true")
    labels = {PART_OF: run.set_id}
    metadata = {"name": "old", "namespace": run.namespace, "labels": labels}
    ref = ObjectRef(api_version="v1", kind="ConfigMap", name="old", namespace=run.namespace)
    cluster.delete(ref)
    cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    run(settings(LEVEL="two"), tag="v2", prune="true")
    assert run.pruned == []
    assert "somebody has made it anew" in run.plan.notes[-1]


def test_a_release_that_prunes_is_an_apply_set(run: Releases) -> None:
    """The kinds that it names grow before the first write, and shrink after the last delete."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    }
    run(settings(LEVEL="one"), tag="v1", prune="true")
    for killed, kinds in ((1, "ConfigMap,Service"), (None, "ConfigMap,Service")):
        with suppress(Killed):
            run(settings(LEVEL="one"), service, tag="v2", prune="true", killed_after=killed)
        own = run.history.secret
        assert own is not None
        assert own["metadata"]["labels"]["applyset.kubernetes.io/id"] == run.set_id
        found = own["metadata"]["annotations"]["applyset.kubernetes.io/contains-group-kinds"]
        assert found == kinds
    run(settings(LEVEL="one"), tag="v3", prune="true")
    own = run.history.secret
    assert own is not None
    annotations = own["metadata"]["annotations"]
    assert annotations["applyset.kubernetes.io/contains-group-kinds"] == "ConfigMap"


def test_what_only_a_run_that_was_cut_off_has_made_is_pruned_too(run: Releases) -> None:
    run(settings(LEVEL="one"), tag="v1", prune="true")
    for after in range(2, MOST_WRITES):
        with pytest.raises(Killed):
            run(
                settings("stray"), settings(LEVEL="one"), tag="v2", prune="true", killed_after=after
            )
        if run.data("stray") is not None:
            break
    run(settings(LEVEL="one"), tag="v3", prune="true")
    assert run.data("stray") is None


def test_versions_of_former_configuration_go_when_nothing_names_them(run: Releases) -> None:
    given = {"prune": "true", "config_changes": "version"}
    run(settings(), reader(), tag="v1", **given)
    (name,) = (each.ref.name for each in run.plan.applies if each.ref.kind == "ConfigMap")
    run(settings("other"), reader("other"), tag="v2", **given)
    assert name != "settings"
    assert run.data(name) is None


# Cut off anywhere


Life = Sequence[tuple[Sequence[Document], Mapping[str, str]]]

ROLLBACK: Life = (
    ((settings(LEVEL="one"), settings("first")), {"tag": "v1", "prune": "true"}),
    ((settings(LEVEL="two"), settings("second")), {"tag": "v2", "prune": "true"}),
    ((), {"action": "rollback", "prune": "true"}),
)
PRUNE: Life = (
    ((settings("b"), settings("a"), settings("keep")), {"tag": "v1", "prune": "true"}),
    ((settings("keep"), settings("new")), {"tag": "v2", "prune": "true"}),
    ((settings("keep", A="1"),), {"tag": "v2", "prune": "true"}),
)


@pytest.mark.parametrize("life", [ROLLBACK, PRUNE], ids=["rollback", "prune"])
def test_a_run_that_was_cut_off_after_any_write_ends_as_an_undisturbed_one(
    life: Life, run: Releases, cluster: Cluster, world: World
) -> None:
    """Nothing is doubled, nothing forgotten, no record is half there."""
    with world.namespace() as other:
        calm = Releases(cluster, other)
        for step, (documents, given) in enumerate(life):
            calm(*documents, run=f"step-{step}", **given)
            assert run.insist(*documents, run=f"step-{step}", **given) > 1
            assert _anonymous(run) == _anonymous(calm), f"after step {step}"


def _anonymous(run: Releases) -> Any:
    """The state without the namespace's name and what is made of it."""
    text = json.dumps(run.state(), default=str, sort_keys=True)
    text = text.replace(run.set_id, "ID").replace(run.namespace, "NAMESPACE")
    return json.loads(text)
