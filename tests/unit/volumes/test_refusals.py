"""Why a claim or a template cannot change, and what somebody can do about it."""

from typing import Any

import pytest

from aks_action.model.applying.refusals import Refusal, Sort
from aks_action.model.documents import set_in
from aks_action.model.manifests import Document, ref_of
from aks_action.model.plan import FieldChange
from aks_action.model.volumes.hindrances import hindrances
from aks_action.model.volumes.refusals import explained
from aks_action.model.volumes.templates import larger, obstacles
from tests.unit.volumes.words import claim, manifest, stateful_set

GROWS = {"disk": {"allowVolumeExpansion": True}}
STIFF = {"disk": {"allowVolumeExpansion": False}}


def refused(document: Document, sort: Sort = Sort.IMMUTABLE, *paths: str) -> Refusal:
    fields = tuple(FieldChange(path=each) for each in paths)
    return Refusal(
        manifest=manifest(document), sort=sort, sentence="the server said no", fields=fields
    )


@pytest.mark.parametrize(
    ("live", "wanted", "classes", "reason"),
    [
        (
            claim(),
            claim(storageClassName="ssd"),
            GROWS,
            "spec.storageClassName cannot change (disk",
        ),
        (claim(), claim(accessModes=["ReadWriteMany"]), GROWS, "spec.accessModes cannot change"),
        (claim(volumeName="a"), claim(volumeName="b"), GROWS, "spec.volumeName cannot change (a"),
        (claim(size="2Gi"), claim(), GROWS, "a volume cannot shrink (2Gi → 1Gi)"),
        (claim(), claim(size="2Gi"), STIFF, "StorageClass disk does not let volumes grow (1Gi"),
        (claim(), claim(size="2Gi"), None, "StorageClass disk does not let volumes grow"),
        (claim(), claim(size="2Gi"), {}, "StorageClass disk is gone"),
        (claim(storageClassName=""), claim(size="2Gi", storageClassName=""), GROWS, "no StorageCl"),
        (claim(phase="Pending"), claim(size="2Gi"), GROWS, "only a bound claim can grow"),
    ],
)
def test_each_rule_of_the_server_has_its_reason(
    live: Document, wanted: Document, classes: Any, reason: str
) -> None:
    (found,) = hindrances(live, wanted, classes)
    assert reason in found.reason


@pytest.mark.parametrize(
    ("live", "wanted"),
    [
        (claim(), claim(size="1024Mi")),
        (claim(), claim(size="2Gi")),
        (claim(accessModes=["A", "B"]), claim(accessModes=["B", "A"])),
        (claim(size="9Ti", has="1Gi"), claim(size="2Gi")),
        (claim(volumeMode="Filesystem"), claim()),
        (claim(phase="Pending", storageClassName=None), claim(storageClassName="disk")),
    ],
)
def test_what_the_server_lets_pass_is_no_hindrance(live: Document, wanted: Document) -> None:
    """A request that was too much may become smaller again, down to what the volume has."""
    assert hindrances(live, wanted, GROWS) == ()


def test_a_remedy_that_keeps_the_claim_is_named_if_it_helps_against_all() -> None:
    wanted = claim(size="2Gi")
    (only,) = explained([refused(wanted)], {ref_of(wanted): claim()}, STIFF)
    assert "Set `allowVolumeExpansion: true` there, if its driver can, or give the claim" in str(
        only.problem
    )
    assert "`recreate-claims`" in only.sentence
    both = claim(size="2Gi", volumeMode="Block")
    (found,) = explained([refused(both)], {ref_of(both): claim()}, STIFF)
    assert found.sentence.count("cannot change") == 1
    assert "allowVolumeExpansion" not in found.sentence


def test_a_growth_that_admission_forbids_is_an_error_of_the_manifest() -> None:
    """The server answers as to somebody who lacks a role."""
    wanted = claim(size="2Gi")
    (found,) = explained([refused(wanted, Sort.FORBIDDEN)], {ref_of(wanted): claim()}, STIFF)
    assert found.sort is Sort.IMMUTABLE


def test_claims_of_one_stateful_set_are_told_once() -> None:
    bare = [
        set_in(claim(f"data-db-{n}"), ("spec",), {"resources": {"requests": {"storage": "2Gi"}}})
        for n in range(3)
    ]
    live = {ref_of(each): claim(each["metadata"]["name"]) for each in bare}
    (found,) = explained([refused(each) for each in bare], live, STIFF)
    assert "PersistentVolumeClaim/shop/data-db-0 and 2 more: its StorageClass" in found.sentence
    assert "recreate-claims" not in found.sentence


def test_other_refusals_stay_as_they_are() -> None:
    """Also one of a claim for a reason that is none of these, such as a quota."""
    wanted = claim(size="2Gi")
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    refusals = [refused(config), refused(wanted, Sort.CLUSTER)]
    live = {ref_of(wanted): claim(), ref_of(config): config}
    assert explained(refusals, live, GROWS) == refusals


def test_templates_that_only_grow_are_found_by_their_names() -> None:
    sizes = larger(stateful_set(data="1Gi", log="1Gi"), stateful_set(data="2Gi", log="1024Mi"))
    assert {name: str(each) for name, each in sizes.items()} == {"data": "1Gi → 2Gi"}


@pytest.mark.parametrize(
    ("live", "wanted", "words"),
    [
        (stateful_set(data="2Gi"), stateful_set(data="1Gi"), "[data]: a volume cannot shrink"),
        (stateful_set(), stateful_set(data="2Gi", log="1Gi"), "[log] cannot come to"),
        (stateful_set(data="1Gi", log="1Gi"), stateful_set(data="2Gi"), "[log] cannot leave"),
    ],
)
def test_templates_that_change_otherwise_do_not_grow(
    live: Document, wanted: Document, words: str
) -> None:
    assert not larger(live, wanted)
    assert words in "; ".join(obstacles(live, wanted))
    path = "spec.serviceName"
    refusal = refused(wanted, Sort.IMMUTABLE, path, "spec.volumeClaimTemplates[0].metadata")
    (found,) = explained([refusal], {ref_of(wanted): live}, None)
    assert words in found.sentence
    assert f"{path} cannot change" in found.sentence
    assert "volumeClaimTemplates[0]" not in found.sentence


def test_a_growth_that_is_refused_says_where_it_is_possible() -> None:
    wanted = stateful_set(data="2Gi")
    (found,) = explained([refused(wanted)], {ref_of(wanted): stateful_set()}, None)
    assert "`strategy: basic`" in found.sentence
