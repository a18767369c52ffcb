"""When a live object tells by itself that applying its manifest would change nothing."""

from typing import Any

import pytest

from aks_action.model.applying.as_applied import is_as_applied
from aks_action.model.documents import set_in
from aks_action.model.manifests import Document

SERVICE: Document = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
    "spec": {
        "selector": {"app": "web"},
        "ports": [{"port": 80, "name": "http"}, {"port": 443, "name": "https"}],
    },
}
FIELDS = {
    "f:metadata": {"f:labels": {"f:app": {}}},
    "f:spec": {
        "f:selector": {},
        "f:ports": {
            'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}, "f:name": {}},
            'k:{"port":443,"protocol":"TCP"}': {".": {}, "f:port": {}, "f:name": {}},
        },
    },
}
OURS = {
    "manager": "aks-action",
    "operation": "Apply",
    "apiVersion": "v1",
    "fieldsType": "FieldsV1",
    "fieldsV1": FIELDS,
}
STATUS = {
    "manager": "controller",
    "operation": "Update",
    "apiVersion": "v1",
    "fieldsV1": {"f:status": {"f:loadBalancer": {}}},
    "subresource": "status",
}


def live(*owners: Document, **spec: Any) -> Document:
    """The Service as the server has it: with defaults, a status and other people's fields."""
    metadata = {
        **SERVICE["metadata"],
        "uid": "u",
        "resourceVersion": "7",
        "annotations": {"theirs": "x"},
        "managedFields": list(owners or (OURS, STATUS)),
    }
    ports = [{"protocol": "TCP", "targetPort": p["port"], **p} for p in SERVICE["spec"]["ports"]]
    full = {"selector": {"app": "web"}, "ports": ports, "type": "ClusterIP", **spec}
    return {**SERVICE, "metadata": metadata, "spec": full, "status": {"loadBalancer": {}}}


def test_an_object_is_as_applied_whatever_the_server_and_others_added() -> None:
    assert is_as_applied(SERVICE, live())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "selector"), {"app": "other"}),
        (("spec", "selector"), {"app": "web", "tier": "front"}),
        (("spec", "ports"), SERVICE["spec"]["ports"][:1]),
        (("spec", "ports"), SERVICE["spec"]["ports"][::-1]),
        (("spec", "ports"), [*SERVICE["spec"]["ports"], {"port": 81, "name": "more"}]),
        (("spec", "ports"), [{"port": 80, "name": "h"}, {"port": 443, "name": "https"}]),
        (("spec", "type"), "ClusterIP"),
        (("spec",), {}),
        (("metadata", "labels"), {}),
        (("metadata", "labels"), {"app": "web", "more": "x"}),
        (("metadata", "annotations"), {"theirs": "x"}),
        (("apiVersion",), "v2"),
        (("status",), {"loadBalancer": {}}),
    ],
)
def test_a_manifest_that_states_anything_else_is_asked_of_the_server(
    path: tuple[str, ...], value: Any
) -> None:
    """Also where the value is there already: it would be owned by us from then on."""
    assert not is_as_applied(set_in(SERVICE, path, value), live())


@pytest.mark.parametrize(
    "changed",
    [
        {"selector": {"app": "theirs"}},
        {"selector": {"app": "web", "theirs": "x"}},
        {"ports": [{"port": 80, "name": "http"}]},
        {"ports": [{"port": 443, "name": "https"}, {"port": 80, "name": "http"}]},
        {"ports": None},
    ],
)
def test_what_somebody_changed_by_hand_is_asked_of_the_server(changed: dict[str, Any]) -> None:
    assert not is_as_applied(SERVICE, live(**changed))


@pytest.mark.parametrize(
    "owners",
    [
        [STATUS],
        [{**OURS, "operation": "Update"}],
        [{**OURS, "apiVersion": "v1beta1"}],
        [OURS, {**OURS, "apiVersion": "v1beta1"}],
        [OURS, {**OURS, "manager": "kubectl-client-side-apply", "operation": "Update"}],
        [{**OURS, "fieldsV1": {"f:metadata": FIELDS["f:metadata"]}}],
        [{**OURS, "fieldsV1": {**FIELDS, "f:data": {}}}],
        [{**OURS, "fieldsV1": None}],
    ],
)
def test_what_is_not_wholly_and_only_ours_is_asked_of_the_server(owners: list[Document]) -> None:
    assert not is_as_applied(SERVICE, live(*owners))


def test_true_is_not_one_and_a_number_is_not_its_text() -> None:
    fields = {"f:data": {"f:a": {}, "f:b": {}}}
    stored = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", "managedFields": [{**OURS, "fieldsV1": fields}]},
        "data": {"a": True, "b": {"deep": [1]}},
    }
    stated = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    assert is_as_applied({**stated, "data": {"a": True, "b": {"deep": [1]}}}, stored)
    assert not is_as_applied({**stated, "data": {"a": 1, "b": {"deep": [1]}}}, stored)
    assert not is_as_applied({**stated, "data": {"a": True, "b": {"deep": [True]}}}, stored)


def test_items_of_a_set_are_told_apart_by_their_values() -> None:
    fields = {"f:metadata": {"f:finalizers": {'v:"a/x"': {}, 'v:"a/y"': {}}}}
    metadata = {
        "name": "c",
        "finalizers": ["theirs/z", "a/x", "a/y"],
        "managedFields": [{**OURS, "fieldsV1": fields}],
    }
    stored = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    stated = {"apiVersion": "v1", "kind": "ConfigMap"}
    asked = {"name": "c", "finalizers": ["a/x", "a/y"]}
    assert is_as_applied({**stated, "metadata": asked}, stored)
    other = {"name": "c", "finalizers": ["a/x", "theirs/z"]}
    assert not is_as_applied({**stated, "metadata": other}, stored)
