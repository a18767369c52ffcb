"""The inputs: what each accepts, and that every problem is told at once."""

from __future__ import annotations

import pytest

from aks_action import inputs
from aks_action.errors import InputError
from aks_action.model.configuration.settings import ConfigChanges, ConfigSettings
from aks_action.model.provenance import RunContext
from aks_action.model.settings import Action, Settings

RUN = RunContext()
DEPLOY = {"manifests": "k8s"}


def parse(git_tag: str = "", **values: str) -> Settings:
    return inputs.parse(
        {name.replace("_", "-"): value for name, value in values.items()}, RUN, git_tag=git_tag
    )


def problems_of(git_tag: str = "", **values: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        parse(git_tag, **values)
    return [problem.message for problem in caught.value.problems]


def test_only_the_manifests_have_to_be_given_for_a_deploy() -> None:
    settings = parse(manifests="k8s")
    assert settings.actions == (Action.DEPLOY,)
    assert settings.deploy.manifests == ("k8s",)
    assert settings.deploy.timeout_seconds == 600
    assert settings.version == "latest"
    assert settings.release_type == ""


def test_every_problem_is_told_at_once() -> None:
    problems = problems_of(action="deploy, fly", timeout="soon", force="perhaps", tag="a/b")
    assert [problem.split(":")[0] for problem in problems] == [
        "Input `action`",
        "Input `tag`",
        "Input `manifests` is missing",
        "Input `timeout`",
        "Input `force`",
    ]


def test_actions_run_in_the_order_in_which_they_are_given() -> None:
    settings = parse("v1.0.0", action="Release, deploy", **DEPLOY)
    assert settings.actions == (Action.RELEASE, Action.DEPLOY)


def test_manifests_are_split_as_k8s_deploy_splits_them() -> None:
    assert parse(manifests=" a.yml , b;c\n\n d ").deploy.manifests == ("a.yml", "b", "c", "d")


def test_images_are_split_at_lines_and_commas_and_trimmed() -> None:
    settings = parse(images="reg:5000/a:1 \n b@sha256:x, c:2", **DEPLOY)
    assert settings.deploy.images == ("reg:5000/a:1", "b@sha256:x", "c:2")


@pytest.mark.parametrize(
    ("given", "git_tag", "expected"),
    [("v2", "v1.0.0", "v2"), ("", "v1.0.0", "v1.0.0"), ("", "", "latest")],
)
def test_the_tag_is_the_given_one_else_the_git_tag_else_latest(
    given: str, git_tag: str, expected: str
) -> None:
    assert parse(git_tag, tag=given, **DEPLOY).version == expected


def test_a_git_tag_that_cannot_tag_an_image_says_what_to_give_instead() -> None:
    (problem,) = problems_of("release/1.0", **DEPLOY)
    assert problem == (
        "The git tag 'release/1.0' cannot tag an image: only letters, digits, `_`, `.` and `-` are "
        "allowed, 128 at most. Give another one as `tag`."
    )


def test_a_release_without_a_version_is_refused() -> None:
    assert "`release` would tag `latest` as itself" in problems_of(action="release")[0]


@pytest.mark.parametrize("value", ["yes", "1", "on"])
def test_a_flag_that_is_neither_true_nor_false_is_refused(value: str) -> None:
    assert problems_of(skip_tls_verify=value, **DEPLOY) == [
        f"Input `skip-tls-verify`: {value!r} cannot be used: it must be true or false."
    ]


def test_a_password_never_shows_in_a_problem_or_in_the_settings() -> None:
    assert "hunter2" not in problems_of(registry_password="hunter2", **DEPLOY)[0]
    settings = parse(registry_username="u", registry_password="hunter2", token="t0ken", **DEPLOY)
    assert "hunter2" not in repr(settings)
    assert "t0ken" not in repr(settings)


def test_the_defaults_of_k8s_deploy_are_accepted_in_any_case() -> None:
    parse(
        strategy="Basic",
        route_method="Service",
        traffic_split_method="POD",
        server_side="true",
        resource_type="microsoft.containerservice/managedclusters",
        **DEPLOY,
    )


@pytest.mark.parametrize("namespace", ["Shop", "a_b", "-a", "a" * 64])
def test_a_namespace_that_kubernetes_would_refuse_is_refused_here(namespace: str) -> None:
    assert "lower-case" in problems_of(namespace=namespace, **DEPLOY)[0]


def test_a_registry_is_a_host_and_not_a_url() -> None:
    assert "without `https://`" in problems_of(registry="https://reg.io", **DEPLOY)[0]


def test_with_a_compose_file_and_no_images_the_images_come_from_the_compose_file() -> None:
    assert parse(compose_file="production.yml", **DEPLOY).deploy.images_from_compose
    assert not parse(compose_file="x.yml", images="a:1", **DEPLOY).deploy.images_from_compose
    assert not parse(**DEPLOY).deploy.images_from_compose


def test_all_services_go_without_names() -> None:
    assert "goes without names" in problems_of(services="all, web", **DEPLOY)[0]


def test_the_inputs_of_canary_are_read_together() -> None:
    strategy = parse(
        strategy="Canary",
        percentage="20",
        traffic_split_method="SMI",
        baseline_and_canary_replicas="3",
        traffic_split_annotations="a/b: one\nc=two",
        **DEPLOY,
    ).deploy.strategy
    assert strategy.strategy == "canary"
    assert (strategy.percentage, strategy.split_method, strategy.replicas) == (20, "smi", 3)
    assert strategy.split_annotations == {"a/b": "one", "c": "two"}


def test_the_buffer_of_blue_green_is_in_minutes() -> None:
    strategy = parse(
        strategy="blue-green", route_method="ingress", version_switch_buffer="2", **DEPLOY
    ).deploy.strategy
    assert (strategy.route_method, strategy.buffer_seconds) == ("ingress", 120.0)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("percentage", "101", "whole number from 0 to 100"),
        ("percentage", "abc", "whole number"),
        ("percentage", "-1", "whole number"),
        ("baseline_and_canary_replicas", "0", "whole number from 1"),
        ("version_switch_buffer", "301", "whole number from 0 to 300"),
        ("version_switch_buffer", "abc", "whole number"),
        ("route_method", "dns", "not one of service, ingress, smi, gateway"),
        ("traffic_split_method", "magic", "not one of pod, smi, gateway"),
        ("traffic_split_annotations", "nonsense", "key: value"),
        ("strategy", "rolling", "not one of basic, canary, blue-green"),
    ],
)
def test_a_strategys_input_out_of_its_range_is_refused_before_anything_happens(
    name: str, value: str, reason: str
) -> None:
    """Faults 4 and 9 of k8s-deploy: ranges that are never checked, or only after the apply."""
    (problem,) = problems_of(**{name: value}, **DEPLOY)
    assert reason in problem


@pytest.mark.parametrize("action", ["promote", "reject", "plan:promote"])
def test_promote_and_reject_need_the_strategy_of_the_deploy(action: str) -> None:
    assert "needs the strategy" in problems_of(action=action, **DEPLOY)[0]
    assert parse(action=action, strategy="canary", **DEPLOY).actions[0].of_strategy in (
        "promote",
        "reject",
    )


def test_an_input_that_the_strategy_does_not_read_is_told() -> None:
    (note,) = parse(percentage="20", **DEPLOY).notes
    assert note == "`percentage` is for canary; `strategy` is basic, so it has no effect."


def test_the_former_name_of_basic_still_means_it() -> None:
    assert parse(strategy="none", **DEPLOY).deploy.strategy.strategy == "basic"


def test_an_action_that_names_none_is_refused() -> None:
    assert "names no action" in problems_of(action=" , ", **DEPLOY)[0]


@pytest.mark.parametrize("name", ["Registry_Login", "a b", "x" * 254])
def test_a_pull_secret_that_no_secret_can_be_called_is_refused(name: str) -> None:
    """Kubernetes would take the name, and no pod would ever find the secret."""
    assert "name of a Secret" in problems_of(imagepullsecrets=name, **DEPLOY)[0]


def test_readers_of_changed_configuration_are_restarted_unless_told_otherwise() -> None:
    assert parse(**DEPLOY).deploy.configuration == ConfigSettings()
    given = parse(config_changes="Version", restart_foreign="true", config_history="3", **DEPLOY)
    assert given.deploy.configuration == ConfigSettings(
        changes=ConfigChanges.VERSION, restart_foreign=True, history=3
    )


def test_wrong_inputs_about_configuration_are_told_at_once() -> None:
    problems = problems_of(
        config_changes="reload", restart_foreign="some", config_history="0", **DEPLOY
    )
    assert [each.split(":")[0] for each in problems] == [
        "Input `config-changes`",
        "Input `restart-foreign`",
        "Input `config-history`",
    ]


def test_claims_that_may_be_made_anew_are_named_one_by_one() -> None:
    assert parse(**DEPLOY).deploy.recreated_claims == ()
    given = parse(recreate_claims="data, log\ncache.v1", **DEPLOY)
    assert given.deploy.recreated_claims == ("data", "log", "cache.v1")
    (pattern,) = problems_of(recreate_claims="data, *", **DEPLOY)
    assert "`*` is not the name of a claim" in pattern
    (strategy,) = problems_of(recreate_claims="data", strategy="blue-green", **DEPLOY)
    assert "with `strategy: basic` only" in strategy


def test_variables_for_compose_are_named_and_never_given_nor_those_of_the_runner() -> None:
    assert parse(compose_env="TAG, REPO\n NPM_TOKEN", **DEPLOY).images.compose_env == (
        "TAG",
        "REPO",
        "NPM_TOKEN",
    )
    problems = problems_of(compose_env="TAG=s3cret, ACTIONS_RUNTIME_TOKEN, a-b", **DEPLOY)
    assert "s3cret" not in "".join(problems)
    assert [problem.split(".")[0] for problem in problems] == [
        "Input `compose-env`: item 1 is not the name of a variable",
        "Input `compose-env`: ACTIONS_RUNTIME_TOKEN is never passed",
        "Input `compose-env`: item 3 is not the name of a variable",
    ]
