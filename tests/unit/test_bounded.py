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


READERS = {
    *("loads", "load", "JSONDecoder", "raw_decode", "literal_eval"),
    *("decompress", "decompressobj", "b64decode", "b85decode", "unhexlify"),
    *("fromisoformat", "strptime", "fromtimestamp", "parsedate_to_datetime"),
    *("CSafeLoader", "safe_load", "compose_all"),
    *("int", "float", "Decimal"),
}
"""What makes a value of a text, or a text of packed bytes, by the name that is called."""

OURS = {
    "clients/azure/private/rehearsal.py": "a request of our own",
    "clients/azure/private/script.py": "a request of our own",
    "clients/kube/quoting.py": "a request of our own",
    "jobs/provenance.py": "the time",
    "sources/confinement.py": "an answer of the kernel",
    "model/traffic/weights.py": "weights that were made here",
}
"""What reads nothing of others."""

AUTHORS = {
    "clients/kube/kubeconfig.py": "the kubeconfig",
    "clients/kube/kubeconfig_files.py": "the kubeconfig",
    "clients/kube/tls.py": "a certificate that OpenSSL has read",
    "inputs/azure/creds.py": "an input",
    "inputs/reader.py": "an input, digits of a bounded value",
    "inputs/strategy.py": "an input",
    "model/durations.py": "an input",
}
"""What reads what the author of the workflow gives."""

FILES = {
    "model/hooks/__init__.py": "a hook's weight in a manifest",
    "model/scalars.py": "numbers in a manifest, as large as files may be",
    "sources/compose/__init__.py": "what Compose printed",
    "sources/compose/selection.py": "what Compose printed",
    "sources/json_loader.py": "a manifest, as large as files may be",
    "sources/manifest_files.py": "a manifest, as large as files may be",
    "sources/yaml_loader/lines.py": "a manifest, as large as files may be",
    "sources/yaml_loader/outline.py": "a manifest, counted before it is read",
    "sources/yaml_loader/reader.py": "a manifest, counted before it is read",
    "sources/yaml_loader/values.py": "a line of a manifest",
}
"""What reads the repository's files, which have bounds of their own."""

FOREIGN = {
    "clients/azure/clusters.py": "base64 of an answer, as long as answers may be",
    "clients/azure/credentials.py": "a time that Azure's library has read",
    "clients/azure/private/commands.py": "a number of our own script",
    "clients/azure/private/record.py": "no text",
    "clients/azure/private/run_command.py": "base64 and a number of our own script",
    "clients/kube/sending.py": "an answer of the API server, of a limited length and depth",
    "clients/retry.py": "a header of digits, by an expression",
    "model/applying/diff.py": "base64 of a Secret's value, which is as long as objects may be",
    "model/bounded.py": "is where the bounds are",
    "model/configuration/changes.py": "a time that was looked at before",
    "model/health/fleets.py": "a generation, a number of the API server",
    "model/health/rules.py": "a generation, every error of which is met",
    "model/health/workloads.py": "a number that the API server has checked",
    "model/images/references.py": "a port of at most five digits",
    "model/origins.py": "a port of at most five digits, or an address",
    "model/records/packing.py": "base64 of a Secret's value, which is as long as objects may be",
    "model/timestamps.py": "a time, every error of which is met",
    "model/traffic/splits.py": "a weight of at most nine digits",
    "model/volumes/claim_versions.py": "a number in a name, as long as names may be",
    "model/volumes/quantities.py": "a quantity, which has a bound of its own",
    "model/volumes/recreation.py": "a number that the API server has checked",
    "runtime/following.py": "a number that the API server has checked",
}
"""What reads what others wrote, and why it is bounded there."""


def test_every_place_that_makes_values_of_foreign_text_is_known_and_bounded() -> None:
    """A new one has to use `model.bounded`, or to be named here with what it reads and why."""
    found = {
        str(path.relative_to(ROOT / "aks_action"))
        for path in (ROOT / "aks_action").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and _name(node.func) in READERS
    }
    assert found == {*OURS, *AUTHORS, *FILES, *FOREIGN}


def _name(called: ast.expr) -> str:
    if isinstance(called, ast.Attribute):
        return called.attr
    return called.id if isinstance(called, ast.Name) else ""
