"""What compose files lead to: every value of every key that Compose may take."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aks_action.errors import InputError
from aks_action.sources.compose.references import Include, References, references, variables
from aks_action.sources.yaml_loader import outline


def read(text: str) -> References:
    return references(outline(text, "compose.yml"))


def test_includes_extends_and_label_files_are_found_wherever_they_come_from() -> None:
    found = read(
        "x-base: &base {extends: {file: base.yml, service: b}, label_file: [l1, l2]}\n"
        "include:\n"
        "- a.yml\n"
        "- {path: [b.yml, c.yml], env_file: e.env, project_directory: p}\n"
        "services:\n"
        "  one: {<<: *base, label_file: l3}\n"
        "  two: {extends: one, pre_start: [{label_file: l4}]}\n"
        "jobs: {three: {extends: {service: x, file: j.yml}}}\n"
    )
    assert found.includes == (
        Include(paths=("a.yml",)),
        Include(paths=("b.yml", "c.yml"), env_files=("e.env",), project_directories=("p",)),
    )
    assert set(found.extended) == {"base.yml", "j.yml"}
    assert set(found.label_files) == {"l1", "l2", "l3", "l4"}


def test_of_a_key_that_stands_twice_both_values_count() -> None:
    found = read(
        "include: [a.yml]\n"
        "include: [{path: b.yml, path: c.yml}]\n"
        "services: {a: {extends: {file: d.yml}}, a: {extends: {file: e.yml, file: f.yml}}}\n"
    )
    assert [path for include in found.includes for path in include.paths] == [
        "a.yml",
        "b.yml",
        "c.yml",
    ]
    assert found.extended == ("d.yml", "e.yml", "f.yml")


def test_variables_are_asked_for_in_texts_and_by_name_alone() -> None:
    found = read(
        "services:\n"
        "  a:\n"
        "    image: '${A:-${B-$C}}/$$D:$${E}'\n"
        "    environment: [F, G=g, 'H=$I']\n"
        "    build: {args: {J: , K: k, L: null}, secrets: [s]}\n"
        "  b: {build: {args: [M]}}\n"
        "secrets: {s: {environment: N}}\n"
        "configs: {c: {environment: O}, d: {file: P}}\n"
    )
    assert found.asked == set("ABCFIJLMNO")


@given(
    st.recursive(
        st.sampled_from(["x", "$A", "../../etc", "include", "", "~", None, 1, True]),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["include", "path", "env_file", "project_directory", "services", "jobs", "extends",
                 "file", "label_file", "build", "args", "environment", "secrets", "pre_start", "<<"]
            ),
            inner,
            max_size=4,
        ),
        max_leaves=20,
    )
)  # fmt: skip
def test_no_shape_of_a_file_is_too_odd(value: Any) -> None:
    """Whatever Compose refuses later is no reason to fail here."""
    assert isinstance(read(json.dumps(value)), References)


@given(st.text(alphabet="${}ABc_:-1 ", max_size=30))
def test_names_of_variables_are_names(text: str) -> None:
    assert all(name.replace("_", "a").isalnum() for name in variables(text))


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("a:\n  b: [", 2, "did not find expected node content"),
        ("a: !!binary aGlkZGVu\n", 1, "`!!binary` cannot be used"),
        ("a: b\n- c", 2, "did not find expected key"),
        ("a: " + "[" * 200, 1, "More than 100 levels"),
        ("a: [" + "x," * 100_001 + "]", 1, "more than 100,000 values"),
        ("a: hidden\x07\n", 1, "control character"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line_and_without_a_value(
    text: str, line: int, told: str
) -> None:
    with pytest.raises(InputError, match=told) as caught:
        outline(text, "compose.yml")
    (problem,) = caught.value.problems
    assert problem.source is not None
    assert problem.source.line == line
    assert "hidden" not in str(caught.value)


def test_aliases_cannot_multiply_values() -> None:
    """Nine levels of nine aliases would be 387 million values."""
    lines = ["a0: &a0 {k: v}"]
    lines += [
        f"a{n}: &a{n} {{{', '.join(f'k{m}: *a{n - 1}' for m in range(9))}}}" for n in range(1, 10)
    ]
    assert read("\n".join(lines)) == References()
    merges = ["x0: &x0 {" + ", ".join(f"k{n}: v" for n in range(1000)) + "}"]
    merges += [f"y{n}: {{<<: *x0}}" for n in range(200)]
    with pytest.raises(InputError, match="more than 100,000 values"):
        read("\n".join(merges))


def test_an_anchor_that_contains_itself_ends() -> None:
    assert read("include: &a [*a, x.yml]\nservices: &s {a: *s, <<: *s}\n").includes
