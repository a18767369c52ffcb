"""What growing a StatefulSet's volumes adds to a plan, and what its journal holds."""

import base64
import json
from typing import Any

import pytest

from aks_action.model.bounded import Unpackable
from aks_action.model.documents import get_in, set_in
from aks_action.model.manifests import Document, ref_of
from aks_action.model.plan import Apply, Plan, Stage, Wait
from aks_action.model.traffic.steps import Patch
from aks_action.model.volumes import renewal
from aks_action.model.volumes.growth import completed, growths, possible, with_growths
from aks_action.model.volumes.marks import MARKED, is_journal
from aks_action.model.volumes.steps import Renew, Sizes
from aks_action.model.volumes.templates import templates_of
from tests.unit.configuration.words import config_map, pod_spec
from tests.unit.volumes.words import claim, manifest, stateful_set

SIZE = ("spec", "resources", "requests", "storage")


def arranged(live: Document, wanted: Document, *claims: Document) -> tuple[Plan, Plan]:
    """The plan as it is checked, and as it is carried out."""
    apply = Apply(manifest=manifest(wanted))
    wait = Wait(manifests=(apply.manifest,))
    plan = Plan(stages=(Stage(name="Apply 1", steps=(apply,)), Stage(name="Wait", steps=(wait,))))
    found = possible(growths(plan, {ref_of(live): live}), claims)
    checked = with_growths(plan, found, claims)
    return checked, completed(checked, found)


def asked(plan: Plan) -> dict[str, str]:
    """What the plan makes each claim ask for."""
    return {
        each.ref.name: str(get_in(each.manifest.document, SIZE))
        for each in plan.applies
        if each.ref.kind == "PersistentVolumeClaim"
    }


def test_claims_grow_before_the_stateful_set_is_made_anew() -> None:
    names = ("data-db-0", "data-db-1")
    _, plan = arranged(stateful_set(), stateful_set(data="2Gi"), *map(claim, names))
    assert [each.name for each in plan.stages] == [
        "Grow claims", "Make StatefulSets anew", "Apply 1", "Wait", "Volumes have grown",
    ]  # fmt: skip
    assert asked(plan) == dict.fromkeys(names, "2Gi")
    (renew,) = (each for each in plan.steps if isinstance(each, Renew))
    assert "data 1Gi → 2Gi; its pods run on" in str(renew)
    (wait,) = (each for each in plan.steps if isinstance(each, Wait))
    assert [each.ref.name for each in wait.manifests] == ["db", *names]


def test_the_server_is_asked_about_the_rest_with_the_present_templates() -> None:
    checked, plan = arranged(stateful_set(), stateful_set(data="2Gi"))
    sizes = []
    for each in (checked, plan):
        document = list(each.applies)[-1].manifest.document
        sizes.append(get_in(templates_of(document)["data"], SIZE))
    assert sizes == ["1Gi", "2Gi"]


def test_only_the_claims_of_this_very_stateful_set_grow() -> None:
    """Also of pods that are scaled away; not those of a StatefulSet with a longer name."""
    elsewhere = set_in(claim("data-db-0"), ("metadata", "namespace"), "other")
    others = [claim(each) for each in ("data", "data-db", "data-db-x-0", "log-db-0", "data-db-7")]
    _, plan = arranged(stateful_set(), stateful_set(data="2Gi"), elsewhere, *others)
    assert asked(plan) == {"data-db-7": "2Gi"}


def test_a_claim_that_is_larger_already_stays_and_one_that_grows_is_waited_for() -> None:
    large, growing = claim("data-db-0", size="4Gi"), claim("data-db-1", size="4Gi", has="1Gi")
    _, plan = arranged(stateful_set(), stateful_set(data="2Gi"), large, growing)
    assert asked(plan) == {"data-db-1": "4Gi"}


def test_after_a_cut_the_mark_is_reason_enough_to_follow_the_claims() -> None:
    """The templates are as wanted by then, so nothing is made anew."""
    live = stateful_set(data="2Gi", meta=dict(MARKED["metadata"]))
    _, plan = arranged(live, stateful_set(data="2Gi"), claim("data-db-0", size="2Gi", has="1Gi"))
    assert asked(plan) == {"data-db-0": "2Gi"}
    assert not any(isinstance(each, Renew) for each in plan.steps)
    assert isinstance(plan.stages[-1].steps[0], Patch)


def test_nothing_grows_without_a_larger_size() -> None:
    live = stateful_set()
    plan = Plan(stages=(Stage(name="Apply 1", steps=(Apply(manifest=manifest(live)),)),))
    assert growths(plan, {ref_of(live): live}) == ()
    assert growths(plan, {}) == ()


def entry(manager: str, operation: str, fields: dict[str, Any], **more: str) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "fieldsV1": fields, **more}


def test_a_journal_holds_what_is_needed_to_make_it_again() -> None:
    meta = {"resourceVersion": "7", "managedFields": [], "annotations": {"a": "b"}}
    live = {**stateful_set(meta=meta), "status": {"replicas": 1}}
    written = renewal.journal_of(live, {"data": Sizes(old="1Gi", new="2Gi")})
    assert is_journal(written.secret())
    journal = renewal.read(json.loads(json.dumps(written.secret())))
    assert (journal.ref, journal.is_about(live)) == (ref_of(live), True)
    assert "status" not in journal.anew
    assert journal.anew["metadata"] == {
        "name": "db", "namespace": "shop", "annotations": {"a": "b"},
    }  # fmt: skip
    assert get_in(templates_of(journal.anew)["data"], SIZE) == "2Gi"


def _holding(text: str) -> Document:
    """A Secret at the place of the journal of `db`."""
    data = {"statefulset.json": base64.b64encode(text.encode()).decode()}
    return {**renewal.journal_of(stateful_set(), {}).secret(), "data": data}


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ({**_holding(""), "data": {}}, "`statefulset.json` is missing"),
        ({**_holding(""), "data": {"statefulset.json": "!"}}, "not base64"),
        (_holding("[]"), "it holds no StatefulSet"),
        (_holding("[" * 100_000), "more than"),
        (_holding("[" * 900 + "]" * 900), "levels"),
        (_holding('{"apiVersion": "v1", "kind": "List", "items": []}'), "it holds no StatefulSet"),
        (_holding(json.dumps(config_map())), "it holds no StatefulSet"),
        (_holding(json.dumps(stateful_set(name="web"))), "where StatefulSet/shop/web would be"),
        (_holding(json.dumps(stateful_set()).replace("shop", "other")), "would be kept"),
    ],
)
def test_a_secret_that_holds_no_stateful_set_of_its_own_is_no_journal(
    secret: Document, why: str
) -> None:
    with pytest.raises(Unpackable, match=why):
        renewal.read(secret)


def test_a_journal_is_signed_as_records_are() -> None:
    secret = renewal.journal_of(stateful_set(), {}).secret(["k" * 32])
    assert renewal.read(secret, ["n" * 32, "k" * 32]).live == stateful_set()
    for keys, forged in ((["n" * 32], secret), (["k" * 32], _holding(json.dumps(stateful_set())))):
        with pytest.raises(Unpackable, match="HMAC"):
            renewal.read(forged, keys)


WITH_PODS = set_in(stateful_set(), ("spec", "template", "spec"), pod_spec())


@pytest.mark.parametrize(
    ("meta", "spec", "left"),
    [
        ({}, {}, True),
        ({}, {"nodeName": "n1", "volumes": [{"name": "token"}]}, True),
        ({"name": "db-x"}, {}, False),
        ({"name": "web-0"}, {}, False),
        ({"namespace": "other"}, {}, False),
        ({"deletionTimestamp": "now"}, {}, False),
        ({"ownerReferences": [{"kind": "StatefulSet", "controller": True}]}, {}, False),
        ({}, {"containers": [{"name": "web", "image": "another"}]}, False),
    ],
)
def test_only_pods_of_nobody_and_of_the_same_template_are_left_by_a_journal(
    meta: dict[str, Any], spec: dict[str, Any], *, left: bool
) -> None:
    metadata = {"name": "db-0", "namespace": "shop", **meta}
    pod = {"metadata": metadata, "spec": {**pod_spec(), **spec}}
    assert renewal.journal_of(WITH_PODS, {}).has_left(pod) is left


def test_owners_are_restored_once_and_the_status_keeps_its_own() -> None:
    fields = {"f:spec": {"f:selector": {}}}
    ours = entry("aks-action", "Apply", fields)
    old = entry("kube-controller-manager", "Update", {"f:status": {}}, subresource="status")
    new = {**old, "time": "now"}
    live = stateful_set(meta={"managedFields": [ours, old]})
    journal = renewal.journal_of(live, {})
    created = entry("aks-action", "Update", fields)
    assert journal.owners(stateful_set(meta={"managedFields": [created, new]})) == (ours, new)
    marked = entry("aks-action", "Update", {"f:metadata": {"f:annotations": {"f:x": {}}}})
    assert journal.owners(stateful_set(meta={"managedFields": [ours, marked, new]})) is None


@pytest.mark.parametrize(
    ("marked", "has", "sizes"),
    [(True, "1Gi", ["2Gi"]), (True, "4Gi", []), (False, "1Gi", [])],
)
def test_what_could_not_be_had_may_become_less_again(
    *, marked: bool, has: str, sizes: list[str]
) -> None:
    """As long as no volume has more: after that it would have to shrink."""
    live = stateful_set(data="9Ti", meta=dict(MARKED["metadata"]) if marked else None)
    claims = (claim("data-db-0", size="9Ti", has=has), claim("data-db-1", size="9Ti", has="1Gi"))
    _, plan = arranged(live, stateful_set(data="2Gi"), *claims)
    renewed = (each for each in plan.steps if isinstance(each, Renew))
    assert [each.new for step in renewed for each in step.sizes.values()] == sizes
    if sizes:
        assert asked(plan) == {"data-db-0": "2Gi", "data-db-1": "2Gi"}
