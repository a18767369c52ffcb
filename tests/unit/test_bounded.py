"""What others wrote is read within bounds: none of it costs much, crashes, or means two things."""

import ast
import gzip
import json
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aks_action.model.bounded import (
    MOST_LEVELS,
    Bounds,
    Unpackable,
    gunzip,
    read_json,
    whole_number,
)
from aks_action.model.records.objects import BOUNDS

ROOT = Path(__file__).resolve().parents[2]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_what_json_can_say_is_read_as_it_was_written(value: Any) -> None:
    assert read_json(json.dumps(value)) == value
    try:
        text = json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return
    assert read_json(text) == value


@given(st.binary() | st.text())
def test_what_is_no_json_is_refused_and_nothing_else_happens(text: bytes | str) -> None:
    with suppress(Unpackable):
        assert json.dumps(read_json(text))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[" * 100_000, "items|levels"),
        ("[" * 20_000 + "]" * 20_000, "levels"),
        ('{"a":' * 900 + "1" + "}" * 900, "levels"),
        ("[" * (MOST_LEVELS + 1) + "]" * (MOST_LEVELS + 1), "levels"),
        ("[NaN]", "not JSON"),
        ("[Infinity]", "not JSON"),
        ("[1e999]", "too large"),
        ("9" * 5000, "too long"),
        ("1." + "9" * 5000, "too long"),
        ('{"a": 1, "a": 2}', "twice"),
        (r'["\ud800"]', "not JSON"),
        (r'{"\uDC00": 1}', "not JSON"),
        (b'"\xff"', "not JSON"),
        ("[1]".encode("utf-16"), "not JSON"),
        ("[" + "0," * 60_000 + "0]", "more than 50000 items"),
        ("[" + '"",' * 60_000 + '""]', "more than 50000 items"),
        ('["' + "a" * 5_000_000 + '"]', "larger than"),
        ('["' + "a" * 2_000_000 + '\N{PILE OF POO}"]', "larger than"),
        ("", "not JSON"),
    ],
)
def test_too_much_or_too_odd_is_refused_with_the_reason(text: bytes | str, why: str) -> None:
    with pytest.raises(Unpackable, match=why):
        read_json(text)


def test_commas_in_texts_are_no_items() -> None:
    """A table or a script in a ConfigMap has many."""
    text = json.dumps({"a": r"\"," * 60_000, "b": "[{" * 60_000})
    assert read_json(text)["b"].startswith("[{")


def test_a_pair_of_surrogates_is_a_character() -> None:
    assert read_json(r'["\ud83d\ude00", "\\ud800"]') == ["\N{GRINNING FACE}", r"\ud800"]


@pytest.mark.parametrize("data", [b"", b"no", gzip.compress(b"[]", mtime=0)[:-9], b"\x1f\x8b\x08"])
def test_what_is_no_whole_gzip_is_refused(data: bytes) -> None:
    with pytest.raises(Unpackable, match="not gzip, or cut off"):
        gunzip(data, Bounds(size=100, items=1))


def test_gzip_is_unpacked_no_further_than_to_the_limit() -> None:
    packed = gzip.compress(bytes(1000))
    assert gunzip(packed, Bounds(size=1000, items=1)) == bytes(1000)
    with pytest.raises(Unpackable, match="larger than 999 bytes when it is unpacked"):
        gunzip(packed, Bounds(size=999, items=1))


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (3, 3),
        ("3", 3),
        (0, 0),
        ("", None),
        ("x", None),
        ("²", None),
        ("٣", None),
        (True, None),
        (-1, None),
        (10**300, None),
        ("9" * 5000, None),
        (1.0, None),
        (None, None),
        ([], None),
    ],
)
def test_a_number_is_one_or_none_whatever_somebody_wrote(value: Any, number: int | None) -> None:
    assert whole_number(value) == number


FRAGMENTS = {
    "empty objects": b"{},",
    "objects": b'{"":0},',
    "texts": b'"",',
    "numbers": b"1000,",
    "quotes": b'"',
    "backslashes": b"\\\\",
    "brackets": b"[",
}


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_refusing_what_unpacks_to_gigabytes_takes_little_memory(fragment: str) -> None:
    """As much as the text twice, and the items that are allowed."""
    packed = gzip.compress(FRAGMENTS[fragment] * (BOUNDS.size // len(FRAGMENTS[fragment]) - 10), 1)
    tracemalloc.start()
    try:
        with pytest.raises(Unpackable):
            read_json(gunzip(packed, BOUNDS), BOUNDS)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100 * 2**20


READERS = {"loads", "load", "JSONDecoder", "decompress", "decompressobj", "raw_decode"}
"""What makes a value of a text or a text of packed bytes, by the name that is called."""

BOUNDED = {
    "model/bounded.py": "is where the bounds are",
    "clients/kube/sending.py": "an answer of the API server, of a limited length and depth",
    "clients/kube/quoting.py": "words of an answer of the API server, of a limited length",
    "clients/kube/errors.py": "an answer of the API server, of a limited length",
}
ANOTHER_SOURCE = {
    "sources/json_loader.py": "a manifest, as large as files may be",
    "sources/compose/__init__.py": "what Compose printed",
    "sources/compose/selection.py": "what Compose printed",
    "clients/kube/kubeconfig_files.py": "a kubeconfig",
    "clients/kube/credentials.py": "what the kubeconfig's own plugin printed",
    "clients/azure/manager.py": "an answer of Azure",
    "clients/azure/github_oidc.py": "an answer of GitHub",
    "clients/azure/registries.py": "an answer of Azure",
    "clients/azure/private/rehearsal.py": "a request of our own",
    "clients/azure/private/script.py": "a request of our own",
    "clients/github.py": "an answer of GitHub",
    "clients/registry/signed_requests.py": "an answer of a registry",
    "clients/registry/signing_in.py": "an answer of a registry",
    "model/images/manifests.py": "an answer of a registry",
    "inputs/strategy.py": "an input",
    "inputs/azure/creds.py": "an input",
}


def test_every_place_that_reads_json_or_gzip_is_bounded_or_reads_nothing_of_the_cluster() -> None:
    """A new one has to use `model.bounded`, or to be named here with what it reads."""
    found = {
        str(path.relative_to(ROOT / "aks_action"))
        for path in (ROOT / "aks_action").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in READERS
        and isinstance(node.func.value, ast.Name | ast.Call)
    }
    assert found <= {*BOUNDED, *ANOTHER_SOURCE}
