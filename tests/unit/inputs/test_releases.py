"""The inputs about a release: what they need, and what goes not together."""

import pytest

from aks_action.model.release_settings import ReleaseSettings, RollbackScope
from tests.unit.inputs.test_inputs import DEPLOY, parse, problems_of


def test_nothing_is_remembered_unless_a_name_is_given() -> None:
    assert parse(**DEPLOY).deploy.release == ReleaseSettings()


def test_a_rollback_needs_a_name_and_no_manifests() -> None:
    settings = parse(action="rollback", release_name="shop", to="v1.2.0")
    assert settings.deploy.release == ReleaseSettings(name="shop", to="v1.2.0")
    (problem,) = problems_of(action="plan:rollback")
    assert problem.startswith("Input `release-name` is missing: `rollback` goes back")


def test_prune_needs_a_name() -> None:
    (problem,) = problems_of(prune="true", **DEPLOY)
    assert problem.startswith("Input `release-name` is missing: `prune`")


def test_guarded_kinds_are_named_in_any_case_one_or_many() -> None:
    kinds = "persistentvolumeclaims, Namespace"
    settings = parse(release_name="shop", prune="true", prune_kinds=kinds, **DEPLOY)
    assert settings.deploy.release.prune_kinds == {"PersistentVolumeClaim", "Namespace"}
    (problem,) = problems_of(release_name="shop", prune_kinds="Deployment", **DEPLOY)
    assert "`Deployment` is not one of CustomResourceDefinition, Namespace," in problem


def test_a_scope_is_of_namespaces_kinds_and_two_words() -> None:
    words = "monitoring, ClusterRole\nCertificate.cert-manager.io\nhost"
    release = parse(release_name="shop", rollback_scope=words, **DEPLOY).deploy.release
    assert release.scope == RollbackScope(
        namespaces=frozenset({"monitoring"}),
        kinds=frozenset({"ClusterRole", "Certificate.cert-manager.io"}),
        host=True,
    )
    assert parse(rollback_scope="cluster", **DEPLOY).deploy.release.scope.cluster
    problems = problems_of(release_name="shop", rollback_scope="a/b, *, Role.RBAC", **DEPLOY)
    assert [each.split("`")[3] for each in problems] == ["*", "Role.RBAC", "a/b"]


def test_a_key_is_long_and_never_shown() -> None:
    keys = f"{'n' * 32}\n {'o' * 40}\n"
    release = parse(release_name="shop", record_key=keys, **DEPLOY).deploy.release
    assert release.keys == ("n" * 32, "o" * 40)
    assert "nnn" not in repr(release)
    (problem,) = problems_of(release_name="shop", record_key="s3cret", **DEPLOY)
    assert "its value cannot be used" in problem
    assert "at least 32 characters" in problem
    assert "s3cret" not in problem


@pytest.mark.parametrize("name", ["Shop", "a.b", "-a", "a" * 54])
def test_a_name_is_what_can_stand_in_the_names_of_secrets(name: str) -> None:
    (problem,) = problems_of(release_name=name, **DEPLOY)
    assert "at most 53" in problem


@pytest.mark.parametrize(
    "inputs",
    [
        {"private_cluster": "true"},
        {"resource_type": "Microsoft.ContainerService/fleets"},
    ],
)
def test_where_nothing_can_be_kept_a_name_is_refused(inputs: dict[str, str]) -> None:
    problems = problems_of(release_name="shop", **inputs, **DEPLOY)
    assert any("records are not there for" in each for each in problems)


def test_what_has_no_effect_is_told() -> None:
    notes = parse(release_name="shop", to="v1", prune_kinds="Namespace", **DEPLOY).notes
    assert [note.split(" ")[0] for note in notes] == ["`to`", "`prune-kinds`"]
