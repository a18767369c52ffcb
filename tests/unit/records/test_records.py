"""Records: what is written is read again, what is broken is refused, and what may go goes."""

import base64
import gzip
import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aks_action.model.bounded import Unpackable
from aks_action.model.documents import set_in, without
from aks_action.model.manifests import Document, ref_of
from aks_action.model.provenance import RunContext
from aks_action.model.records import naming, objects_of, open_objects
from aks_action.model.records.making import (
    attempt_of,
    is_news,
    members_of,
    record_of,
    stamp_of,
)
from aks_action.model.records.objects import INLINE_BYTES, PART_BYTES, pieces
from tests.unit.configuration.words import NAMESPACE, config_map, item, workload
from tests.unit.records.words import (
    attempt,
    found,
    history,
    manifests_of,
    named,
    own_secret,
    record,
    secrets_of,
    stamp,
)


def test_a_record_is_read_as_it_was_written() -> None:
    made, parts = record(3, "v1.2.0", config_map(LEVEL="info"), run="42", rollback_of=1)
    (secret,) = secrets_of((made, parts))
    (read,) = found(secret).records
    assert read == made
    assert secret["immutable"] is True
    assert secret["metadata"]["labels"] == {
        "aks-action/release": "shop",
        "aks-action/record": "3",
        "aks-action/version": "v1.2.0",
    }


def test_the_objects_say_which_record_and_which_line_they_come_from() -> None:
    made, _ = record(3, "v1", config_map("a"), config_map("b"))
    objects = open_objects(made, made.packed)
    assert [each.document for each in objects] == [config_map("a"), config_map("b")]
    assert str(objects[1].source) == "record 3 of shop, k8s/all.yml:2"


def test_a_person_can_unpack_the_objects_with_gunzip() -> None:
    made, parts = record(1, "v1", config_map("a"))
    (secret,) = secrets_of((made, parts))
    text = gzip.decompress(base64.b64decode(secret["data"]["objects"]))
    assert json.loads(text) == {"apiVersion": "v1", "kind": "List", "items": [config_map("a")]}


def test_many_objects_are_split_and_the_record_itself_is_written_last() -> None:
    made, _ = record(7, "v1", config_map(LEVEL="info"))
    parts = made.packed[:50], made.packed[50:]
    secrets = secrets_of((made, parts))
    assert named(secrets) == ["aks-action.shop.7.1", "aks-action.shop.7.2", "aks-action.shop.7"]
    assert not any("labels" in each["metadata"] for each in secrets[:-1]), "deploys would list them"
    (read,) = found(secrets[-1]).records
    assert (read.parts, read.packed) == (2, b"")
    assert open_objects(read, b"".join(parts))[0].document == config_map(LEVEL="info")
    with pytest.raises(Unpackable, match="cut off"):
        open_objects(read, parts[0])


def test_no_piece_is_larger_than_a_secret_may_be() -> None:
    data = bytes(PART_BYTES + 1)
    assert pieces(data[:INLINE_BYTES]) == ()
    assert [len(each) for each in pieces(data)] == [PART_BYTES, 1]
    assert PART_BYTES < 2**20


def test_a_secret_that_is_made_of_a_login_is_not_recorded() -> None:
    """By tomorrow the password may be another; a rollback must not bring the old one back."""
    pull = item("Secret", "registry", data={".dockerconfigjson": "e30="})
    objects = objects_of(manifests_of(pull, config_map()), {}, login="registry")
    assert list(objects.items) == [config_map()]


def test_images_are_recorded_with_the_digests_that_are_known() -> None:
    apps = [workload(name=name) for name in ("a", "b", "c")]
    pinned = f"web@sha256:{'1' * 64}"
    images = ["reg/web:1", pinned, "other"]
    apps = [_with_image(app, image) for app, image in zip(apps, images, strict=True)]
    known = {"reg/web:1": f"sha256:{'2' * 64}"}
    assert objects_of(manifests_of(*apps), known).images == {
        "other": "",
        "reg/web:1": known["reg/web:1"],
        pinned: f"sha256:{'1' * 64}",
    }


def _with_image(app: Document, image: str) -> Document:
    path = ("spec", "template", "spec", "containers")
    return set_in(app, path, [{"name": "server", "image": image}])


def _changed(secret: Document, **meta: Any) -> Document:
    data = json.loads(base64.b64decode(secret["data"]["record"]))
    text = json.dumps({**data, **meta}).encode()
    return set_in(secret, ("data", "record"), base64.b64encode(text).decode())


SECRET = secrets_of(record(2, "v2"))[0]


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        (_changed(SECRET, release="other"), "a record of release `other`, not of `shop`"),
        (_changed(SECRET, namespace="test"), "written for namespace `test` and copied to `shop`"),
        (_changed(SECRET, number=3), "it is record 3, under another number"),
        (_changed(SECRET, format=2), "format 2 of a newer version of this action"),
        (
            _changed(SECRET, stamp=1, version=None, digest=None, images=[]),
            "its `version` is missing",
        ),
        (set_in(SECRET, ("data", "record"), "e30="), "does not say in which format"),
        (set_in(SECRET, ("data", "record"), "bm8="), "it is not JSON"),
        (set_in(SECRET, ("data", "record"), "!"), "its key `record` is not base64"),
        (set_in(SECRET, ("data", "members"), "bm8="), "it is not gzip, or cut off"),
        (without(SECRET, ("data", "objects")), "its key `objects` is missing"),
        (without(SECRET, ("data",)), "its key `record` is missing"),
    ],
)
def test_what_is_no_record_of_this_release_is_kept_apart_with_the_reason(
    secret: Document, why: str
) -> None:
    """Whoever reads on takes no broken record for a good one, and no number twice."""
    history = found(secret, *secrets_of(record(1, "v1")))
    assert [each.number for each in history.records] == [1]
    assert why in str(history.unreadable[0])
    assert history.next_number == 3


def test_objects_that_somebody_has_exchanged_are_refused() -> None:
    made, _ = record(1, "v1")
    other, _ = record(1, "v2")
    with pytest.raises(Unpackable, match="not those that were written"):
        open_objects(made, other.packed)


def test_what_was_begun_is_unfinished_until_it_has_a_record() -> None:
    begun = attempt(2, strategy="canary", rollback_of=1, parts=3, error="It crashed.")
    ref = ref_of(config_map("new"))
    first = secrets_of(record(1, "v1"))
    before = found(own_secret(begun, ref), *first)
    assert before.unfinished == begun
    assert before.adrift == (ref,)
    assert [each.name for each in before.orphans()] == [f"aks-action.shop.2.{n}" for n in (1, 2, 3)]
    after = found(own_secret(begun, ref), *first, *secrets_of(record(2, "v2", pruned=True)))
    assert (after.unfinished, after.adrift, after.orphans()) == (None, (), ())
    assert after.next_number == 3
    taken_back = found(own_secret(None, ref), *first)
    assert (taken_back.unfinished, taken_back.adrift) == (None, (ref,))


def test_a_releases_own_secret_that_is_broken_tells_nothing_but_why() -> None:
    """The next number is left out: the attempt may have left parts under it, which never change."""
    broken = set_in(own_secret(attempt(2)), ("data", "attempt"), "bm8=")
    history = found(broken, *secrets_of(record(1, "v1")))
    assert (history.begun, history.touched) == (None, ())
    assert history.doubt == "Secret/shop/aks-action.shop: it is not JSON"
    assert history.next_number == 3


def test_the_last_ten_records_are_kept() -> None:
    """The oldest goes when a new one is there, its parts before what names them."""
    records = [record(number, f"v{number}")[0] for number in range(1, 11)]
    assert not list(history(*records[:9]).surplus(records[9]))
    records[0] = record(1, "v1", parts=2)[0]
    gone = history(*records).surplus(record(11, "v11")[0])
    assert [each.name for each in gone] == [
        "aks-action.shop.1.1",
        "aks-action.shop.1.2",
        "aks-action.shop.1",
    ]


def test_a_record_that_differs_in_nothing_but_the_commit_takes_the_place_of_the_newest() -> None:
    """Else pushes that change no object would push all older versions out."""
    old = [record(number, f"v{number}")[0] for number in range(1, 11)]
    again, _ = record(11, "v10", commit="abc")
    assert [each.name for each in history(*old).surplus(again)] == ["aks-action.shop.10"]


def test_a_broken_record_goes_when_it_is_old_and_only_if_its_name_is_ours() -> None:
    broken = set_in(secrets_of(record(1, "v1"))[0], ("data",), {})
    foreign = set_in(broken, ("metadata", "name"), "precious")
    young = set_in(secrets_of(record(30, "v30"))[0], ("data",), {})
    assert not list(found(broken, *secrets_of(record(2, "v2"))).surplus(record(3, "v3")[0]))
    records = secrets_of(*(record(number, f"v{number}") for number in range(2, 13)))
    gone = found(broken, foreign, young, *records).surplus(record(31, "v31")[0])
    assert [each.name for each in gone] == [
        "aks-action.shop.2",
        "aks-action.shop.3",
        "aks-action.shop.1",
    ]


def test_the_record_that_a_rollback_was_going_to_stays_until_that_is_through() -> None:
    records = [record(number, f"v{number}")[0] for number in range(1, 12)]
    going = attempt(12, "v2", rollback_of=2, target=2)
    gone = history(*records, begun=going).surplus(record(13, "v13")[0])
    assert [each.name for each in gone] == ["aks-action.shop.1"]


def numbered(number: int | str, **data: Any) -> Document:
    """What somebody has labelled as a record."""
    labels = {"aks-action/release": "shop", "aks-action/record": str(number)}
    metadata = {"name": f"aks-action.shop.{number}", "namespace": NAMESPACE, "labels": labels}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


def test_a_number_that_nothing_comes_after_stops_nobody() -> None:
    real = secrets_of(record(3, "v3"))
    assert found(*real, numbered(7)).next_number == 8
    assert found(*real, numbered(999_999_999), numbered(4)).next_number == 5
    assert found(*real, numbered("9" * 60)).next_number == 4


def test_no_more_than_fifty_records_are_read_and_those_are_the_newest() -> None:
    many = secrets_of(*(record(number, f"v{number}") for number in range(1, 61)))
    history = found(*many)
    assert [each.number for each in history.records] == list(range(11, 61))
    assert "not one of the newest 50" in str(history.unreadable[0])


def test_a_secret_of_another_name_is_no_record() -> None:
    secret = set_in(SECRET, ("metadata", "name"), "mine")
    assert "under another number or name" in str(found(secret).unreadable[0])


def _packed_as(value: Any) -> str:
    return base64.b64encode(gzip.compress(json.dumps(value).encode())).decode()


def _json_as(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


REF = ["v1", "ConfigMap", "shop", "a"]


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        (_changed(SECRET, parts=3_000_000), "its `parts` is missing, or no whole number up to 33"),
        (_changed(SECRET, parts=-1), "`parts`"),
        (_changed(SECRET, parts="1"), "`parts`"),
        (_changed(SECRET, parts=True), "`parts`"),
        (_changed(SECRET, number=10**30), "`number`"),
        (_changed(SECRET, number=10**100), "a number that is too long"),
        (_changed(SECRET, rollbackOf=1.5), "`rollbackOf`"),
        (_changed(SECRET, rollbackOf=float("nan")), "it is not JSON"),
        (_changed(SECRET, version=["v1"]), "`version`"),
        (_changed(SECRET, version="v" * 2000), "`version`"),
        (_changed(SECRET, version="v1\n::error::x"), "characters that cannot be shown"),
        (_changed(SECRET, actor="\ud800"), "it is not JSON"),
        (_changed(SECRET, images={"a": 1}), "`images`"),
        (_changed(SECRET, format=[1]), "does not say in which format"),
        (set_in(SECRET, ("data", "record"), _json_as("[" * 100_000)), "more than"),
        (set_in(SECRET, ("data", "record"), "ä"), "is not base64"),
        (set_in(SECRET, ("data", "members"), _packed_as({})), "does not name objects"),
        (set_in(SECRET, ("data", "members"), _packed_as([[*REF]])), "does not name objects"),
        (set_in(SECRET, ("data", "members"), _packed_as([[*REF, 1]])), "does not name objects"),
        (set_in(SECRET, ("data", "members"), _packed_as([[*REF[:3], "", ""]])), "no name"),
        (set_in(SECRET, ("data", "members"), _packed_as([[*REF[:3], "../b", ""]])), "no name"),
        (set_in(SECRET, ("data", "members"), _packed_as([[*REF[:2], "..", "a", ""]])), "no name"),
        (set_in(SECRET, ("data", "members"), _packed_as([["v1/../x", *REF[1:], ""]])), "no name"),
        (set_in(SECRET, ("data", "members"), _packed_as([[*REF, ""]] * 10_001)), "more than"),
        (set_in(SECRET, ("data", "members"), _packed_as("a" * 5_000_000)), "larger than"),
    ],
)
def test_a_record_that_nobody_wrote_is_unreadable_and_harms_nobody(
    secret: Document, why: str
) -> None:
    history = found(secret, *secrets_of(record(1, "v1")))
    assert [each.number for each in history.records] == [1]
    assert why in str(history.unreadable[0])


@pytest.mark.parametrize(
    "item", [1, None, [], {}, {"kind": "ConfigMap"}, {"apiVersion": "v1", "kind": "List"}]
)
def test_a_record_whose_objects_are_none_is_refused(item: Any) -> None:
    objects = replace(objects_of(manifests_of(config_map()), {}), items=(item,))
    made, _ = record(1, "v1", digest=objects.digest)
    with pytest.raises(Unpackable, match="its object 1 is no Kubernetes object"):
        open_objects(made, objects.packed)


def test_a_list_within_a_list_hides_no_object() -> None:
    """What is in it is known before it is asked what a record may hold."""
    inner = {"apiVersion": "v1", "kind": "List", "items": [config_map("a")]}
    outer = {"apiVersion": "v1", "kind": "List", "items": [inner, config_map("b")]}
    objects = replace(objects_of(manifests_of(config_map()), {}), items=(outer,))
    made, _ = record(1, "v1", digest=objects.digest)
    assert [each.ref.name for each in open_objects(made, objects.packed)] == ["a", "b"]


@pytest.mark.parametrize("sources", [b"{}", b"[[1]]", b'[["\\n", 1]]', b"[[1, [1]]]"])
def test_not_knowing_the_places_is_no_reason_to_refuse_the_objects(sources: bytes) -> None:
    made, _ = record(1, "v1", sources=gzip.compress(sources))
    (found,) = open_objects(made, made.packed)
    assert str(found.source) == "record 1 of shop:1"


def test_objects_that_could_not_be_read_again_are_known_before_they_are_written() -> None:
    assert not objects_of(manifests_of(config_map(A="a")), {}).too_large
    large = config_map(A="\N{PILE OF POO}" + "a" * 2**23)
    assert "larger than 8388608 bytes" in objects_of(manifests_of(large), {}).too_large


OTHERS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


@given(st.data())
def test_whatever_stands_in_the_secrets_of_a_release_it_is_read_or_unreadable(
    data: st.DataObject,
) -> None:
    """Somebody changes a field, a key, or all of it."""
    base = {"record": SECRET, "attempt": own_secret(attempt(3), ref_of(config_map()))}
    key = data.draw(st.sampled_from(("record", "attempt")))
    meta = json.loads(base64.b64decode(base[key]["data"][key]))
    field = data.draw(st.sampled_from((*meta, "another")))
    meta[field] = data.draw(OTHERS)
    changed = set_in(base[key], ("data", key), _json_as(json.dumps(meta)))
    other = data.draw(st.sampled_from((*changed["data"], "labels")))
    value = data.draw(st.binary() | OTHERS.map(lambda each: json.dumps(each).encode()))
    packed = data.draw(st.booleans())
    coded = base64.b64encode(gzip.compress(value) if packed else value).decode()
    if other != key:
        changed = set_in(changed, ("data", other), coded)
    history = found(changed, *secrets_of(record(1, "v1")))
    assert history.next_number > 1
    list(history.surplus(record(9, "v9")[0]))
    list(history.orphans())
    for each in history.records:
        with suppress(Unpackable):
            open_objects(each, each.packed)


@pytest.mark.parametrize(
    ("version", "commit", "level"), [("v2", "abc", "v1"), ("v1", "def", "v1"), ("v1", "abc", "v2")]
)
def test_an_unchanged_deploy_is_recorded_if_it_tells_something_new(
    version: str, commit: str, level: str
) -> None:
    known = history(record(1, "v1", commit="abc")[0])
    objects = objects_of(manifests_of(config_map(LEVEL=level)), {})
    assert is_news(known, stamp(version, commit=commit), objects)


def test_an_unchanged_deploy_of_what_is_recorded_tells_nothing_new() -> None:
    """Unless what was begun last is complete only now."""
    last, _ = record(1, "v1", commit="abc")
    objects = objects_of(open_objects(last, last.packed), {})
    assert not is_news(history(last), stamp("v1", commit="abc"), objects)
    assert is_news(history(last, begun=attempt(2)), stamp("v1", commit="abc"), objects)


def test_the_first_deploy_of_a_release_is_always_recorded() -> None:
    assert is_news(history(), stamp(), objects_of((), {}))


RUN = RunContext(repository="o/r", run_id="42", actor="octocat", sha="abc")


def test_a_rollback_is_recorded_under_the_version_that_it_went_back_to() -> None:
    """By today's run, with the places of that record, and for ever in that record's place."""
    target, _ = record(3, "v1", commit="old", rollback_of=1)
    known = history(target, record(4, "v2")[0])
    when = stamp_of(RUN, "latest", "2026-02-01T00:00:00Z", target)
    objects = objects_of(open_objects(target, target.packed), {})
    made = record_of(known, when, objects, (), target=target, pruned=False)
    assert (made.stamp.version, made.stamp.commit, made.stamp.run) == ("v1", "old", "42")
    assert made.stamp.url == "https://github.com/o/r/actions/runs/42"
    assert (made.number, made.rollback_of, made.digest) == (5, 1, target.digest)
    assert made.sources == target.sources
    begun = attempt_of(known, when, "basic", target=target, parts=0)
    assert (begun.number, begun.rollback_of, begun.target) == (5, 1, 3)
    again = record_of(history(made), stamp("v1"), objects, (), target=None, pruned=False)
    assert again.rollback_of == 1, "the same content deployed again stands where it stood"


def test_members_are_what_is_there_with_its_uid() -> None:
    there = config_map("there", meta={"uid": "1"})
    refs = [ref_of(there), ref_of(config_map("gone"))]
    (member,) = members_of(refs, {refs[0]: there})
    assert (member.ref, member.uid) == (refs[0], "1")


def test_a_version_that_no_label_can_say_is_left_out_of_the_labels() -> None:
    assert naming.VERSION not in naming.labels_of("shop", 1, "_odd")
    assert NAMESPACE == "shop"
