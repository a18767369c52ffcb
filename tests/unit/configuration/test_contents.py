"""What the pods of canary and blue-green say that they were started with."""

import pytest

from aks_action.jobs.configuration import Configuration
from aks_action.model.configuration.contents import CONTENT_HASH, with_content_hashes
from aks_action.model.configuration.settings import ConfigChanges, ConfigSettings
from aks_action.model.documents import get_in
from aks_action.model.manifests import Document
from aks_action.model.strategy_settings import Strategy, StrategySettings
from tests.unit.configuration.words import config_map, item, manifest, pod_spec, workload

TEMPLATE = ("spec", "template", "metadata", "annotations", CONTENT_HASH)


def stamp(*documents: Document) -> str | None:
    """What the last of the documents says."""
    found = with_content_hashes(tuple(map(manifest, documents)))
    value = get_in(found[-1].document, TEMPLATE)
    return value if isinstance(value, str) else None


def test_pods_say_which_content_they_read() -> None:
    first = stamp(config_map(LEVEL="info"), workload())
    assert first is not None
    assert first == stamp(config_map(LEVEL="info"), workload())
    assert first != stamp(config_map(LEVEL="debug"), workload())


def test_content_that_they_do_not_read_says_nothing() -> None:
    others = (config_map("others", LEVEL="info"), config_map("others", LEVEL="debug"))
    assert [stamp(each, workload()) for each in others] == [None, None]
    both = {stamp(config_map(LEVEL="info"), each, workload()) for each in others}
    assert len(both) == 1


def test_the_same_name_in_another_namespace_is_another_object() -> None:
    elsewhere = config_map(meta={"namespace": "other"}, LEVEL="info")
    assert stamp(elsewhere, workload()) is None


def test_labels_of_a_config_map_are_not_its_content() -> None:
    labelled = config_map(meta={"labels": {"a": "b"}}, LEVEL="info")
    assert stamp(labelled, workload()) == stamp(config_map(LEVEL="info"), workload())


def test_secrets_count_and_are_not_shown() -> None:
    secret = item("Secret", "key", data={"token": "aHVudGVyMg=="})
    said = stamp(secret, workload(reads="Secret/key"))
    assert said is not None
    assert len(said) == 10


@pytest.mark.parametrize("kind", ["Pod", "ReplicaSet", "Job"])
def test_what_does_not_replace_its_pods_stays_as_it_is(kind: str) -> None:
    api_version = {"Pod": "v1", "ReplicaSet": "apps/v1", "Job": "batch/v1"}[kind]
    pod = pod_spec(env_from="ConfigMap/settings")
    spec = pod if kind == "Pod" else {"template": {"spec": pod}}
    document = item(kind, "web", api_version, spec=spec)
    assert with_content_hashes((manifest(config_map()), manifest(document)))[1].document == document


@pytest.mark.parametrize(
    ("strategy", "changes", "stamped"),
    [
        (Strategy.CANARY, ConfigChanges.RESTART, True),
        (Strategy.BLUE_GREEN, ConfigChanges.RESTART, True),
        (Strategy.BASIC, ConfigChanges.RESTART, False),
        (Strategy.CANARY, ConfigChanges.VERSION, False),
        (Strategy.CANARY, ConfigChanges.NONE, False),
    ],
)
def test_only_where_a_later_run_makes_the_stable_what_is_deployed_now(
    strategy: Strategy, changes: ConfigChanges, *, stamped: bool
) -> None:
    configuration = Configuration(
        ConfigSettings(changes=changes), StrategySettings(strategy=strategy), lambda _line: None
    )
    named = configuration.named((manifest(config_map(LEVEL="info")), manifest(workload())))
    assert (get_in(named[-1].document, TEMPLATE) is not None) is stamped
