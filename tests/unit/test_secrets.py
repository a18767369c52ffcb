"""`stringData` on its way to `data`."""

from typing import Any

import pytest

from aks_action.errors import Source
from aks_action.model.manifests import Manifest
from aks_action.model.secrets import with_encoded_data


def secret(kind: str = "Secret", **parts: Any) -> Manifest:
    document = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "s"}, **parts}
    return Manifest(document=document, source=Source(file="s.yml"))


def test_string_data_becomes_data_and_wins_over_it() -> None:
    given = secret(data={"a": "b2xk", "b": "Yg=="}, stringData={"a": "new", "ü": "ü\n"})
    document = with_encoded_data(given).document
    assert document["data"] == {"a": "bmV3", "b": "Yg==", "ü": "w7wK"}
    assert "stringData" not in document


@pytest.mark.parametrize(
    "given",
    [
        secret(data={"a": "YQ=="}),
        secret(stringData={"a": 1}),
        secret(stringData=["a"]),
        secret(data="a", stringData={"a": "b"}),
        secret(kind="ConfigMap", stringData={"a": "b"}),
    ],
)
def test_what_the_server_has_to_judge_is_left_as_it_is(given: Manifest) -> None:
    assert with_encoded_data(given) == given
