"""What is told from a live object alone is what the API server's dry-run would have said."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from aks_action.clients.ports import Cluster
from aks_action.errors import ApiError, Source
from aks_action.model.applying.as_applied import is_as_applied
from aks_action.model.applying.assessing import compare
from aks_action.model.documents import set_in
from aks_action.model.manifests import Document, Manifest, ref_of
from aks_action.model.plan import Change
from aks_action.model.secrets import with_encoded_data
from tests.contract.clusters import World, unique_name

HERE = Path(__file__).parent
COMMON = (HERE / "common_kinds.yml").read_text()
APP = sorted((HERE.parents[1] / "examples/app/k8s").rglob("*.yml"))


@pytest.fixture(name="applied")
def _applied(real_world: World) -> Iterator[list[tuple[Document, Document]]]:
    """Each common kind as it is written, and as it then is in the cluster."""
    documents = list(yaml.safe_load_all(COMMON.replace("NAMESPACE", unique_name())))
    with real_world.removed_afterwards(documents[0]):
        yield [(each, real_world.cluster.apply(each)) for each in documents]


def test_the_example_s_objects_need_no_request(real_world: World) -> None:
    with real_world.namespace() as namespace:
        documents = [each for file in APP for each in yaml.safe_load_all(file.read_text())]
        assert len(documents) > 5
        for each in documents:
            placed = set_in(each, ("metadata", "namespace"), namespace)
            source = Source(file="app.yml", line=1)
            document = with_encoded_data(Manifest(document=placed, source=source)).document
            live = real_world.cluster.apply(document)
            assert is_as_applied(document, live), document
            assert _changes_nothing(real_world.cluster, document)


def test_whatever_is_written_differently_is_asked_of_the_server_or_is_the_same(
    applied: list[tuple[Document, Document]], real_world: World
) -> None:
    doubted = 0
    for document, live in applied:
        for other in _variations(document):
            if is_as_applied(other, live):
                assert _changes_nothing(real_world.cluster, other), other
            else:
                doubted += 1
    assert doubted > 200


def _changes_nothing(cluster: Cluster, document: Document) -> bool:
    """What a dry-run says, of an object that no controller changed meanwhile."""
    while True:
        live = cluster.get(ref_of(document))
        assert live is not None
        try:
            result = cluster.apply(document, dry_run=True)
        except ApiError:
            return False
        now = cluster.get(ref_of(document))
        if now == live:
            return compare(live, result).change is Change.UNCHANGED


def _variations(value: Any, *, top: bool = True) -> Iterator[Any]:
    """A document with one thing left out, changed, added, doubled or in another order."""
    match value:
        case dict():
            yield from _of_mapping(value, {"apiVersion", "kind"} if top else set())
        case list():
            yield from _of_list(value)
        case bool():
            yield from (not value, int(value))
        case int():
            yield from (value + 1, str(value), float(value))
        case _:
            yield from (f"{value}x", None, {})


def _of_mapping(value: dict[str, Any], kept: set[str]) -> Iterator[Any]:
    yield {**value, "added": "x"}
    for key in value.keys() - kept - {"name", "namespace"}:
        if key != "metadata":
            yield {each: inner for each, inner in value.items() if each != key}
        for changed in _variations(value[key], top=False):
            yield {**value, key: changed}


def _of_list(value: list[Any]) -> Iterator[Any]:
    yield [*value, "x"]
    yield value[::-1]
    for place, inner in enumerate(value):
        before, after = value[:place], value[place + 1 :]
        yield [*before, *after]
        yield [*value, inner]
        for changed in _variations(inner, top=False):
            yield [*before, changed, *after]
