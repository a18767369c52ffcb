"""A document that cannot be a manifest is refused by a sentence that says what it lacks."""

from __future__ import annotations

from typing import Any

import pytest

from aks_action.errors import Source
from aks_action.model import shapes
from aks_action.model.manifests import Manifest


def read(document: Any, file: str = "a.yml") -> tuple[list[Manifest], list[str]]:
    found, problems = shapes.manifests_of(document, file, lambda _: 7)
    assert all(problem.source == Source(file=file, line=7) for problem in problems)
    return found, [problem.message for problem in problems]


def config_map(**metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


@pytest.mark.parametrize(
    ("document", "part"),
    [
        ("text", 'this is the text "text"'),
        (["a"], "this is a list"),
        (5, "this is the number 5"),
        (True, "this is the boolean true"),
        ({}, "has no apiVersion"),
        ({"apiVersion": "v1"}, "The document (v1) has no kind"),
        ({"kind": "Pod", "metadata": {"name": "x"}}, "The document (Pod) has no apiVersion"),
        ({"apiVersion": 1, "kind": "Pod"}, "apiVersion is the number 1"),
        ({"apiVersion": "v1", "kind": ["x"]}, "kind is a list"),
        ({"apiVersion": "../v1", "kind": "Pod"}, 'apiVersion is the text "../v1"'),
        ({"apiVersion": "v1", "kind": "a/b"}, 'kind is the text "a/b"'),
        ({"apiVersion": "v1", "kind": "Pod"}, "This Pod has no metadata.name"),
        ({"apiVersion": "v1", "kind": "Pod", "metadata": "x"}, "not a mapping"),
        (config_map(), "This ConfigMap has no metadata.name"),
        (config_map(name=""), "no metadata.name"),
        (config_map(name=123), "metadata.name of this ConfigMap is the number 123; quote it"),
        (
            config_map(name="a", namespace=True),
            "metadata.namespace of this ConfigMap is the boolean",
        ),
        (config_map(name="../a"), "no valid name"),
        (config_map(name="a", labels=["x"]), "metadata.labels of this ConfigMap is a list"),
        (
            config_map(name="a", labels={"v": 1.2}),
            "metadata.labels[v] of this ConfigMap is the number",
        ),
        (config_map(name="a", annotations={"v": {}}), "is a mapping, not a text."),
    ],
)
def test_a_document_that_is_no_object_is_refused(document: Any, part: str) -> None:
    found, problems = read(document)
    assert not found
    assert any(part in problem for problem in problems), problems


def test_all_problems_of_a_document_are_told_at_once() -> None:
    _, problems = read(config_map(name=1, namespace=2, labels={"a": 3}))
    assert len(problems) == 3


@pytest.mark.parametrize(
    ("file", "document", "part"),
    [
        ("k/kustomization.yaml", {"resources": ["a"]}, "kustomization"),
        ("k/x.yml", {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "X"}, "k8s-bake"),
        ("c/Chart.yaml", {"apiVersion": "v2", "name": "x"}, "Helm chart"),
        ("c/values.yaml", {"replicas": 1}, "Helm chart"),
    ],
)
def test_files_to_be_rendered_first_are_named_as_such(file: str, document: Any, part: str) -> None:
    _, problems = read(document, file)
    assert len(problems) == 1
    assert part in problems[0]


def test_a_flux_kustomization_is_an_object_like_any_other() -> None:
    document = {**config_map(name="a"), "apiVersion": "kustomize.toolkit.fluxcd.io/v1"}
    assert len(read(document)[0]) == 1


def test_generate_name_is_enough() -> None:
    found, problems = read(config_map(generateName="job-"))
    assert not problems
    assert found[0].ref.name == ""
    assert str(found[0].ref) == "ConfigMap/job-*"


def test_lists_are_expanded_with_the_line_of_each_item() -> None:
    first, second = config_map(name="a"), config_map(name="b")
    inner = {"apiVersion": "v1", "kind": "List", "items": [second]}
    outer = {"apiVersion": "v1", "kind": "List", "items": [first, inner]}
    lines = {id(first): 3, id(inner): 9, id(second): 12}
    found, problems = shapes.manifests_of(outer, "l.yml", lambda part: lines.get(id(part), 1))
    assert not problems
    assert [(each.ref.name, each.source.line) for each in found] == [("a", 3), ("b", 9)]


def test_items_of_a_typed_list_get_its_kind() -> None:
    document = {"apiVersion": "v1", "kind": "ConfigMapList", "items": [{"metadata": {"name": "a"}}]}
    assert str(read(document)[0][0].ref) == "ConfigMap/a"


def test_a_problem_in_one_item_does_not_hide_the_others() -> None:
    document = {"apiVersion": "v1", "kind": "List", "items": ["x", config_map(name="a"), {}]}
    found, problems = read(document)
    assert len(found) == 1
    assert len(problems) == 3


@pytest.mark.parametrize("kind", ["List", "ConfigMapList"])
@pytest.mark.parametrize("items", [None, []])
def test_a_list_of_nothing_holds_no_object(kind: str, items: Any) -> None:
    """As kubectl reads it, and as templates render a loop over nothing."""
    assert read({"apiVersion": "v1", "kind": kind, "items": items}) == ([], [])


@pytest.mark.parametrize(
    ("document", "part"),
    [({"items": {"a": 1}}, "has a mapping as items; it should be a list"), ({}, "has no items")],
)
def test_a_list_whose_items_are_no_list_is_refused(document: dict[str, Any], part: str) -> None:
    found, (problem,) = read({"apiVersion": "v1", "kind": "List", **document})
    assert not found
    assert part in problem


def test_a_custom_kind_that_ends_in_list_without_items_is_an_object() -> None:
    document = {**config_map(name="a"), "kind": "AllowList"}
    assert len(read(document)[0]) == 1


def test_an_object_given_twice_is_refused_whatever_its_version() -> None:
    def at(line: int, **document: Any) -> Manifest:
        return Manifest(
            document={**config_map(name="a"), **document}, source=Source(file="a.yml", line=line)
        )

    same = (
        at(1, apiVersion="apps/v1"),
        at(2, apiVersion="apps/v1beta1"),
        at(3, apiVersion="v1"),
        at(4, apiVersion="apps/v1", metadata={"name": "a", "namespace": "other"}),
        at(5, apiVersion="v1", metadata={"generateName": "a"}),
        at(6, apiVersion="v1", metadata={"generateName": "a"}),
    )
    (problem,) = shapes.repeated(same)
    assert str(problem) == (
        "a.yml:2: ConfigMap/a is given twice: here and in a.yml:1. Remove one of them."
    )
