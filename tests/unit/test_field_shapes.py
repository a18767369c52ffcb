"""Fields of another shape are told by their place, as all that is wrong with a manifest."""

from __future__ import annotations

from typing import Any

import pytest

from aks_action.model.field_shapes import misfits
from aks_action.model.shapes import manifests_of
from tests.unit.test_odd_objects import APP, item


def told(document: dict[str, Any]) -> list[str]:
    _, problems = manifests_of(document, "all.yml", lambda _: 3)
    return [str(each) for each in problems]


@pytest.mark.parametrize(
    ("spec", "place", "sentence"),
    [
        ({"containers": {"name": "web"}}, "containers", "is a mapping, not a list"),
        ({"containers": [1]}, "containers[0]", "is the number 1, not a mapping"),
        ({"containers": [None]}, "containers[0]", "is empty, not a mapping"),
        (
            {"containers": [{"env": [{"name": "A", "valueFrom": "x"}]}]},
            "containers[0].env[0].valueFrom",
            'is the text "x", not a mapping',
        ),
        ({"volumes": 5}, "volumes", "is the number 5, not a list"),
    ],
)
def test_a_pod_spec_of_another_shape_is_told_with_its_path(
    spec: dict[str, Any], place: str, sentence: str
) -> None:
    document = item("apps/v1", "Deployment", "web", spec={"template": {"spec": spec}})
    path = f"spec.template.spec.{place}"
    assert told(document) == [f"all.yml:3: {path} of this Deployment {sentence}."]


def test_a_whole_spec_and_the_data_of_a_config_map_are_mappings() -> None:
    assert told(item("apps/v1", "Deployment", "web", spec=[])) == [
        "all.yml:3: spec of this Deployment is a list, not a mapping."
    ]
    assert told(item("v1", "ConfigMap", "web", data=["a"])) == [
        "all.yml:3: data of this ConfigMap is a list, not a mapping."
    ]


def test_of_a_secret_the_value_is_not_told() -> None:
    (sentence,) = told(item("v1", "Secret", "key", stringData="hush"))
    assert sentence == "all.yml:3: stringData of this Secret is not a mapping."


@pytest.mark.parametrize("document", APP, ids=lambda each: each["kind"])
def test_what_is_right_and_what_is_null_fits(document: dict[str, Any]) -> None:
    assert not told(document)
    assert not told({**document, "spec": None})


def test_kinds_of_others_may_have_any_shape() -> None:
    assert not list(misfits({"spec": {"containers": "x"}}, "example.com", "Deployment"))
