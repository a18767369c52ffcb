"""Manifests are read as kubectl reads them, and everything wrong is told with its line."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aks_action.errors import ManifestError
from aks_action.sources import yaml_loader
from aks_action.sources.encodings import decode
from aks_action.sources.yaml_loader import Loaded, line_of
from tests.unit.odd_text import odd_text

HEAD = "apiVersion: v1\nkind: Thing\nmetadata: {name: a}\n"


def load(text: str) -> Loaded:
    return yaml_loader.load(text, "f.yml")


def spec(text: str) -> Any:
    """The `spec` of the one object in `text`, whose head is written for it."""
    loaded = load(HEAD + text)
    assert not loaded.problems
    return loaded.manifests[0].document["spec"]


def problems(text: str) -> list[str]:
    loaded = load(text)
    assert not loaded.manifests
    return [str(problem) for problem in loaded.problems]


def test_every_document_has_the_line_where_it_begins() -> None:
    """Comments, empty documents and a separator on the first line do not shift lines."""
    text = f"# c\n---\n---\n# only a comment\n---\n\n{HEAD}---\n---\n{HEAD}...\n"
    assert [each.source.line for each in load(text).manifests] == [7, 12]


def test_an_empty_file_holds_nothing() -> None:
    assert load("") == load("# c\n---\n---\n") == Loaded()


def test_keys_become_text() -> None:
    assert spec("spec: {1: a, on: b, 0x10: c, '2': d, 1.5: e}\n") == {
        "1": "a",
        "true": "b",
        "16": "c",
        "2": "d",
        "1.5": "e",
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("spec:\n  <<: *x\n  a: 9\n", {"a": 9, "c": 2}),
        ("spec:\n  a: 9\n  <<: *x\n", {"a": 1, "c": 2}),
        ("spec:\n  <<: [*x, *y]\n", {"a": 1, "c": 2, "d": 6}),
        ("spec:\n  <<: *x\n  <<: *y\n", {"a": 5, "c": 2, "d": 6}),
        ("spec:\n  <<: {a: 1}\n", {"a": 1}),
        ("spec:\n  '<<': {a: 1}\n", {"<<": {"a": 1}}),
    ],
)
def test_merge_keys_are_resolved(text: str, value: Any) -> None:
    """With kubectl's order: a merge wins over what is above it."""
    assert spec("b: &x {a: 1, c: 2}\ne: &y {a: 5, d: 6}\n" + text) == value


def test_a_merge_that_replaces_a_key_above_it_is_a_warning() -> None:
    loaded = load(HEAD + "b: &x {a: 1}\nspec:\n  a: 9\n  <<: *x\n")
    assert [str(each) for each in loaded.warnings] == [
        "f.yml:7: `<<` replaces `a`, which is above it. Move `<<` up."
    ]


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("!!str 1", "1"),
        ("! 1", "1"),
        ("!!int '5'", 5),
        ("!!float 5", 5),
        ("!!bool 'true'", True),
        ("!!null ''", None),
        ("!!seq [1]", [1]),
        ("!!map {a: 1}", {"a": 1}),
        ("'yes'", "yes"),
        ("|\n  0644\n", "0644\n"),
    ],
)
def test_tags_and_quotes_decide_over_the_look_of_a_scalar(value: str, read: Any) -> None:
    assert spec(f"spec: {value}\n") == read


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("spec: {a: 1,\n  a: 2}", 5, "The key `a` is there twice."),
        ("spec: {1: a, '1': b}", 4, "The key `1` is there twice."),
        ("spec: .inf", 4, "cannot store"),
        ("spec: !!binary aGk=", 4, "The tag `!!binary`"),
        ("spec: !custom x", 4, "The tag `!custom`"),
        ("spec: !custom [x]", 4, "The tag `!custom`"),
        ("spec: !!int x", 4, "does not have the type"),
        ("spec: {null: x}", 4, "A key is empty"),
        ("spec: {[1]: x}", 4, "A key is a mapping or a list"),
        ("spec:\n  a: {{ .Values.a }}", 5, "render it"),
        ("spec:\n  {{ if .Values.a }}\n  a: 1", 5, "render it"),
        ("spec: *x", 4, "`x` is not defined"),
        ("spec: &x [*x]", 4, "`x` refers to itself"),
        ("spec: {<<: 5}", 4, "can only merge mappings"),
        ("spec:\n\ta: 1", 5, "not with tabs"),
        ("spec: [1, 2", 4, "not valid YAML"),
        ('spec: "a', 4, "not valid YAML"),
        ("spec: é\x07", 4, "control character"),
        ("spec: a: b", 4, "not valid YAML"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, line: int, part: str) -> None:
    (problem, *_) = problems(HEAD + text)
    assert part in problem
    assert int(problem.split(":")[1]) >= line


def test_the_line_of_a_duplicate_key_is_exact() -> None:
    assert problems(HEAD + "spec:\n  a: 1\n  b: 1\n  a: 2\n") == [
        "f.yml:7: The key `a` is there twice."
    ]


def test_a_broken_document_does_not_hide_the_others() -> None:
    """Each syntax error ends its own document; good ones are still read."""
    loaded = load(f"a: [\n---\n{HEAD}---\nb: ]\n---\n{HEAD}---\nspec: 1\n")
    assert [each.source.line for each in loaded.manifests] == [3, 9]
    assert [each.source.line for each in loaded.problems if each.source] == [2, 7, 13, 13]


def test_reading_ends_after_many_syntax_errors() -> None:
    told = problems("a: ]\n---\n" * 1000)
    assert len(told) == 21
    assert "too many errors" in told[-1]


def test_words_that_only_kubectl_takes_for_booleans_are_warnings() -> None:
    loaded = load(HEAD + "spec:\n  a: yes\n  b: 'yes'\n  c: true\n  off: x\n")
    assert [str(each) for each in loaded.warnings] == [
        "f.yml:5: `yes` is read as true. Quote it if it is a text.",
        "f.yml:8: `off` is read as false. Quote it if it is a text.",
    ]


def test_aliases_give_equal_values() -> None:
    assert spec("spec: {a: &x {b: [1]}, c: *x}\n") == {"a": {"b": [1]}, "c": {"b": [1]}}


def test_an_alias_bomb_is_refused_before_it_grows() -> None:
    lines = ["a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    (problem,) = problems(HEAD + "\n".join(lines))
    assert "The aliases of this file stand for more than" in problem


@pytest.mark.parametrize("opening", ["[", "{", "- ", "{a: ", '{"a": ', '{"a":['])
def test_deep_nesting_is_refused_quickly(opening: str) -> None:
    """The parser alone would need many seconds for this."""
    begun = time.process_time()
    (problem,) = problems(opening * 50_000)
    assert "levels are nested" in problem
    assert time.process_time() - begun < 2


def test_json_is_read_as_json() -> None:
    """With surrogate pairs, which libyaml refuses, several in a row, and Go's numbers."""
    text = (
        '{"apiVersion":"v1","kind":"A","metadata":{"name":"a"},"spec":[1.0,"\\ud83d\\ude00",1e3]}'
    )
    loaded = load(f"\n{text}\n\n{text}\n")
    assert [each.source.line for each in loaded.manifests] == [2, 4]
    assert json.dumps(loaded.manifests[0].document["spec"]) == '[1, "\\ud83d\\ude00", 1000]'


def test_broken_json_is_told_with_its_line() -> None:
    assert "f.yml:2: The key `a` is there twice." in problems('{"a": 1,\n"a": 2}')
    assert "not valid YAML" in problems('{"a": 1\n')[0]


def test_yaml_in_braces_is_yaml() -> None:
    loaded = load("{apiVersion: v1, kind: A, metadata: {name: a}, spec: yes}")
    assert loaded.manifests[0].document["spec"] is True


def test_items_of_a_list_have_their_own_lines() -> None:
    items = "".join(
        f"- apiVersion: v1\n  kind: A\n  metadata:\n    name: {name}\n" for name in "ab"
    )
    loaded = load(f"apiVersion: v1\nkind: List\nitems:\n{items}")
    assert [(each.ref.name, each.source.line) for each in loaded.manifests] == [("a", 4), ("b", 8)]


def test_a_field_has_a_line() -> None:
    text = (
        "kind: A\n---\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers:\n"
        "  - name: x\n    image: x:1\n  - name: y\n    image: y:1\n"
    )
    assert line_of(text, 3, ("spec", "containers", 1, "image")) == 11
    assert line_of(text, 3, ("spec", "containers", 1)) == 10
    assert line_of(text, 3, ("spec", "containers", 7, "image")) == 7
    assert line_of(text, 3, ("status",)) == 3
    assert line_of(text, 99, ("spec",)) == 99
    assert line_of("a: ]", 1, ("a",)) == 1
    listed = "kind: List\nitems:\n- kind: A\n  spec:\n    a: 1\n"
    assert line_of(listed, 3, ("spec", "a")) == 5


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_that_kubectl_reads_are_read(encoding: str) -> None:
    assert decode("a: é\n".encode(encoding), "f.yml") == "a: é\n"


def test_another_encoding_is_an_error_with_the_line() -> None:
    with pytest.raises(ManifestError, match=r"f.yml:2: This is not UTF-8 text"):
        decode("a: b\nc: é\n".encode("latin-1"), "f.yml")


def test_utf_16_without_a_mark_is_an_error() -> None:
    (problem,) = problems(decode(HEAD.encode("utf-16-le"), "f.yml"))
    assert "control character" in problem


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.text("ab:#-'\"[]{}&*!|>%@`\\ \n\té😀0123456789.e~", max_size=12)
    | st.sampled_from(["yes", "null", "0644", "1:30", "2020-01-01", "<<", "="]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("abc<1~ ", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(json_values)
def test_what_was_written_as_json_is_read_back_from_json_and_yaml(value: Any) -> None:
    """Whatever a value is, JSON text, YAML text with quotes and our reader agree on it."""
    document = {"apiVersion": "v1", "kind": "A", "metadata": {"name": "a"}, "spec": value}
    in_json = load(json.dumps(document))
    in_yaml = load(yaml.safe_dump(document, default_style='"', allow_unicode=True))
    assert not (*in_json.problems, *in_yaml.problems)
    assert in_json.manifests[0].document["spec"] == value
    assert in_yaml.manifests[0].document["spec"] == value


@given(odd_text(max_size=80) | st.text("a:- \n[]{}&*!|'\"#<?,~1\t", max_size=60))
def test_no_text_at_all_breaks_the_loader(text: str) -> None:
    """Every problem has a line of the file, and what is loaded is JSON."""
    loaded = load(text)
    # YAML ends lines at more than line feeds (YAML 1.1, 4.2).
    lines = len(re.split("\r\n|[\r\n\x85\u2028\u2029]", text))
    for problem in (*loaded.problems, *loaded.warnings):
        assert problem.source
        assert 1 <= problem.source.line <= lines
    json.dumps([each.document for each in loaded.manifests], allow_nan=False)
