"""Our reading of YAML against kubectl's own: offline, as `label --local` only reads and prints."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aks_action.sources import yaml_loader
from tests.unit.test_scalars import KUBECTL, TEXTS

HEAD = "apiVersion: v1\nkind: Thing\nmetadata: {name: a}\n"


def kubectl(text: str) -> Any:
    """The `spec` as kubectl reads it; None where it refuses the text."""
    done = subprocess.run(
        [Path(sys.executable).parent / "kubectl", "label", "--local", "-f-", "a=b", "-ojson"],
        input=HEAD + text,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return json.loads(done.stdout)["spec"] if done.returncode == 0 else None


def ours(text: str) -> Any:
    loaded = yaml_loader.load(HEAD + text, "f.yml")
    return None if loaded.problems else loaded.manifests[0].document["spec"]


def test_scalars() -> None:
    """Every scalar of the unit test, in one document: the type and the value are kubectl's."""
    scalars = [text for texts in KUBECTL.values() for text in texts.split()] + [*TEXTS]
    text = "spec:\n" + "".join(f"- {scalar}\n" for scalar in scalars)
    for scalar, mine, theirs in zip(scalars, ours(text), kubectl(text), strict=True):
        assert (scalar, *comparable(mine)) == (scalar, *comparable(theirs))


def comparable(value: Any) -> tuple[type, Any]:
    """Numbers by value: kubectl keeps those beyond 64 bits as floats, JSON has no such limit."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return (float, float(value)) if number else (type(value), value)


@pytest.mark.parametrize(
    "text",
    [
        "spec: {1: a, on: b, 0x10: c, 1.5: d, 2020-01-01: e, 1e3: f, !!str 5: g}",
        "b: &x {a: 1, c: 2}\nspec:\n  <<: *x\n  a: 9\n",
        "b: &x {a: 1, c: 2}\nspec:\n  a: 9\n  <<: *x\n",
        "b: &x {a: 1, c: 2}\ne: &y {a: 5, d: 6}\nspec:\n  <<: [*x, *y]\n",
        "b: &x {a: 1, c: 2}\ne: &y {a: 5, d: 6}\nspec:\n  <<: *x\n  <<: *y\n",
        "spec: {'<<': {a: 1}}",
        "spec: [!!str 1, !!int '5', !!float 5, !!bool 'true', !!null '', ! 5, !!seq [1]]",
        "spec: {a,b: 1}",
        "spec: [a: 1]",
        "spec: &a [1, 2]\nb: *a",
        "spec:\n  a: |\n    x\n     y\n\n  b: >-\n    x\n    y\n  c: |+\n    x\n\n",
        'spec: ["\\u00e9", "a\\tb", \'it\'\'s\', "a\\\n  b"]',
    ],
)
def test_structures(text: str) -> None:
    assert ours(text) == kubectl(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "spec: .inf",
        "spec: .nan",
        "spec: {null: a}",
        "spec: {[1]: a}",
        "spec: {<<: 5}",
        "spec: *x",
        "spec: !!int x",
        "spec:\n\ta: 1",
        "spec: a: b",
        "spec: @a",
        "spec: \x07",
    ],
)
def test_what_kubectl_refuses_is_refused(text: str) -> None:
    assert ours(text) is None
    assert kubectl(text) is None


@pytest.mark.parametrize("text", ["spec: {a: 1, a: 2}", "spec: !!binary aGk=", "spec: !custom a"])
def test_what_is_refused_although_kubectl_takes_it(text: str) -> None:
    """On purpose: each of them is a mistake that kubectl lets pass without a word."""
    assert ours(text) is None
    assert kubectl(text) is not None
