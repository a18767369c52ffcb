"""Changed fields: what counts, how they are named, and what is never shown."""

from typing import Any

import pytest

from aks_action.model.applying.diff import LAST_APPLIED, changes
from aks_action.model.plan import FieldChange


def deployment(**container: Any) -> dict[str, Any]:
    containers = [{"name": "web", "image": "web:1", **container}, {"name": "log", "image": "l:1"}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "prod"},
        "spec": {"replicas": 2, "template": {"spec": {"containers": containers}}},
    }


def config_map(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data}


def test_a_list_item_is_named_by_its_name() -> None:
    assert changes(deployment(), deployment(image="web:2")) == (
        FieldChange(path="spec.template.spec.containers[web].image", before="web:1", after="web:2"),
    )


def test_items_without_a_name_are_told_apart_by_the_key_that_all_of_them_have() -> None:
    before = deployment(ports=[{"containerPort": 80}, {"containerPort": 81}])
    after = deployment(ports=[{"containerPort": 80}, {"containerPort": 81, "protocol": "UDP"}])
    assert [change.path for change in changes(before, after)] == [
        "spec.template.spec.containers[web].ports[81].protocol"
    ]


def test_a_volume_mounted_twice_is_told_apart_by_its_mount_path() -> None:
    mounts = [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/b"}]
    after = [mounts[0], {**mounts[1], "readOnly": True}]
    found = changes(deployment(volumeMounts=mounts), deployment(volumeMounts=after))
    assert [change.path for change in found] == [
        "spec.template.spec.containers[web].volumeMounts[/b].readOnly"
    ]


def test_plain_items_of_lists_of_one_length_are_compared_by_index() -> None:
    found = changes(deployment(args=["a", "b"]), deployment(args=["a", "c"]))
    assert found == (
        FieldChange(path="spec.template.spec.containers[web].args[1]", before="b", after="c"),
    )


def test_plain_lists_of_different_length_are_one_change() -> None:
    (found,) = changes(deployment(args=["a"]), deployment(args=["a", "b"]))
    assert (found.before, found.after) == ('["a"]', '["a","b"]')


def test_another_order_of_the_same_items_is_a_change_of_the_list() -> None:
    before, after = deployment(), deployment()
    after["spec"]["template"]["spec"]["containers"].reverse()
    assert [change.path for change in changes(before, after)] == ["spec.template.spec.containers"]


def test_a_key_that_has_a_dot_stands_in_brackets() -> None:
    (found,) = changes(config_map(**{"app.conf": "a"}), config_map(**{"app.conf": "b"}))
    assert found.path == "data[app.conf]"


def test_an_added_field_has_no_before_and_a_removed_one_no_after() -> None:
    found = changes(config_map(old="1"), config_map(new="2"))
    assert found == (
        FieldChange(path="data.new", before=None, after="2"),
        FieldChange(path="data.old", before="1", after=None),
    )


def test_what_only_the_server_moves_is_no_change() -> None:
    server = {
        "managedFields": [{}],
        "resourceVersion": "7",
        "generation": 2,
        "uid": "u",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "selfLink": "/x",
        "annotations": {LAST_APPLIED: "{}"},
    }
    before = deployment()
    after = {**before, "metadata": {**before["metadata"], **server}, "status": {"replicas": 1}}
    assert changes(before, after) == ()


@pytest.mark.parametrize("part", ["data", "stringData"])
def test_a_secret_shows_which_key_changed_and_no_value(part: str) -> None:
    before = {"kind": "Secret", "metadata": {"name": "s"}, part: {"a": "b2xk", "same": "eA=="}}
    after = {"kind": "Secret", "metadata": {"name": "s"}, part: {"a": "bmV3", "same": "eA=="}}
    assert changes(before, after) == (FieldChange(path=f"{part}.a", before="***", after="***"),)


def test_a_secret_that_gets_its_first_data_shows_keys_alone() -> None:
    before = {"kind": "Secret", "metadata": {"name": "s"}}
    after = {**before, "data": {"tls.key": "c2VjcmV0", "user": "YQ=="}}
    assert changes(before, after) == (
        FieldChange(path="data.user", before=None, after="***"),
        FieldChange(path="data[tls.key]", before=None, after="***"),
    )


def test_a_secrets_other_fields_are_shown() -> None:
    before = {"kind": "Secret", "metadata": {"labels": {"data": "x"}}, "type": "Opaque"}
    after = {"kind": "Secret", "metadata": {"labels": {"data": "y"}}, "type": "Opaque"}
    assert changes(before, after) == (
        FieldChange(path="metadata.labels.data", before="x", after="y"),
    )


def test_of_a_long_text_the_first_line_that_differs_is_shown() -> None:
    before = config_map(conf="one\ntwo = 2\nthree\n" + "x" * 500)
    after = config_map(conf="one\ntwo = 22\nthree\n" + "x" * 500)
    (found,) = changes(before, after)
    assert (found.before, found.after) == ("…two = 2…", "…two = 22…")


def test_a_long_value_is_cut() -> None:
    (found,) = changes(config_map(), config_map(new="x" * 500))
    assert found.after == "x" * 80 + "…"


def test_a_short_value_is_shown_whole_and_with_its_type() -> None:
    before = deployment()
    after = {**before, "spec": {**before["spec"], "replicas": 3}}
    assert changes(before, after) == (FieldChange(path="spec.replicas", before=2, after=3),)


def test_a_text_of_a_config_map_is_told_line_by_line() -> None:
    before, after = (
        {"kind": "ConfigMap", "metadata": {}, "data": {"app.conf": f"a\nb\n{value}\nd\n"}}
        for value in ("old", "new")
    )
    (field,) = changes(before, after)
    assert field.lines == ("@@ -1,4 +1,4 @@", " a", " b", "-old", "+new", " d")
    (secret,) = changes({**before, "kind": "Secret"}, {**after, "kind": "Secret"})
    assert secret.lines == ()
    assert (secret.before, secret.after) == ("***", "***")


def test_bytes_of_a_config_map_are_told_by_their_number_and_digest() -> None:
    before, after = (
        {"kind": "ConfigMap", "metadata": {}, "binaryData": {"logo": value}}
        for value in ("AAE=", "AAI=")
    )
    (field,) = changes(before, after)
    assert field.before.startswith("2 bytes, sha256 ")
    assert field.before != field.after
