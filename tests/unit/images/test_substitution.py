"""Images are replaced by repository: exactly those that are meant, wherever they are."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aks_action.errors import InputError, Source
from aks_action.model.images.substitution import Substituted, substitute, with_pull_secrets
from aks_action.model.manifests import Manifest
from aks_action.model.pod_specs import containers

A = "sha256:" + "a" * 64
B = "sha256:" + "b" * 64


def pod(*images: Any, **spec: Any) -> Manifest:
    listed = [{"name": f"c{number}", "image": image} for number, image in enumerate(images)]
    return Manifest(
        document={
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web"},
            "spec": {"template": {"spec": {"containers": listed, **spec}}},
        },
        source=Source(file="a.yml", line=2),
    )


def images(result: Substituted) -> list[str]:
    return [each.image for one in result.manifests for each in containers(one.document)]


@pytest.mark.parametrize(
    ("before", "item", "after"),
    [
        ("nginx", "nginx:1.27", "nginx:1.27"),
        ("nginx:1.0", "docker.io/library/nginx:1.27", "docker.io/library/nginx:1.27"),
        ("docker.io/nginx:1.0", "nginx:1.27", "nginx:1.27"),
        ("nginx:1.0", "nginx", "nginx"),
        (f"app:1@{A}", "app:2", "app:2"),
        ("app:1", f"app@{B}", f"app@{B}"),
        ("app:1", f"app:2@{B}", f"app:2@{B}"),
        ("localhost:5000/app:1", "localhost:5000/app:2", "localhost:5000/app:2"),
        ("localhost:5000/other:1", "localhost:5000/app:2", "localhost:5000/other:1"),
        ("localhost:5001/app:1", "localhost:5000/app:2", "localhost:5001/app:1"),
        ("reg.io/app2:1", "reg.io/app:2", "reg.io/app2:1"),
        ("reg.io/team/app:1", "reg.io/app:2", "reg.io/team/app:1"),
        ("reg.io/app:1", "app:2", "reg.io/app:1"),
        ("app:1", "app=reg.io/app:2", "reg.io/app:2"),
        ("app:1", "app = reg.io/app", "reg.io/app:1"),
        (f"app:1@{A}", "app=reg.io:5000/app", f"reg.io:5000/app:1@{A}"),
        ("app", "app=reg.io/app", "reg.io/app"),
        ("app:1", "app:1=reg.io/app:9", "reg.io/app:9"),
        ("app:2", "app:1=reg.io/app:9", "app:2"),
        ("$(IMAGE)", "app:2", "$(IMAGE)"),
        ("", "app:2", ""),
    ],
)
def test_an_item_replaces_the_images_of_its_repository_only(
    before: str, item: str, after: str
) -> None:
    assert images(substitute((pod(before),), [item])) == [after]


def test_all_lists_of_containers_are_served_and_each_change_is_told() -> None:
    manifest = pod(
        "app:1",
        "side:1",
        initContainers=[{"name": "init", "image": "app:0"}],
        ephemeralContainers=[{"name": "debug", "image": "app:1"}],
    )
    result = substitute((manifest,), ["app:2"])
    assert images(result) == ["app:2", "app:2", "side:1", "app:2"]
    assert [(each.container, each.before, each.after) for each in result.replacements] == [
        ("init", "app:0", "app:2"),
        ("c0", "app:1", "app:2"),
        ("debug", "app:1", "app:2"),
    ]
    assert result.replacements[0].source == manifest.source


def test_the_later_of_two_items_wins_and_neither_is_unused() -> None:
    result = substitute((pod("app:1"),), ["app:2", "app:3"])
    assert images(result) == ["app:3"]
    assert not result.warnings


def test_an_item_that_matches_nothing_names_the_images_there_are() -> None:
    result = substitute((pod("reg.io/web:1", "side:1"),), ["web:2", "side:2"])
    assert result.warnings == (
        (
            "Input `images`: `web:2` is the image of no container. The manifests have "
            "`reg.io/web:1`, `side:1`. Write `old=new` to replace an image by one of another "
            "repository."
        ),
    )


def test_a_long_list_of_images_is_cut() -> None:
    (warning,) = substitute((pod(*(f"i{n:02}" for n in range(15))),), ["x:1"]).warnings
    assert "`i09` and 5 more" in warning


def test_without_containers_the_warning_says_so() -> None:
    assert "no container." in substitute((), ["x:1"]).warnings[0]


@pytest.mark.parametrize(
    ("item", "after"),
    [
        ("reg.io/app:2", f"reg.io/app:2@{B}"),
        ("reg.io/app", f"reg.io/app@{A}"),
        (f"reg.io/app:2@{A}", f"reg.io/app:2@{A}"),
        ("reg.io/app:3", "reg.io/app:3"),
        ("reg.io/app=nginx", f"nginx:1@{A}"),
    ],
)
def test_a_digest_of_this_run_is_written_with_its_tag(item: str, after: str) -> None:
    digests = {"reg.io/app:2": B, "reg.io/app:latest": A, "docker.io/library/nginx:1": A}
    assert images(substitute((pod("reg.io/app:1"),), [item], digests)) == [after]


def test_items_that_are_no_references_are_told_all_at_once() -> None:
    with pytest.raises(InputError) as caught:
        substitute((), ["App:1", "a=", "=b", "a=b=c", "ok:1"])
    assert len(caught.value.problems) == 4


def test_the_given_manifests_stay_as_they_are() -> None:
    """One mapping may be in several places, by a YAML alias."""
    shared = {"name": "c", "image": "app:1"}
    manifest = pod(containers=[shared], initContainers=[shared])
    before = copy.deepcopy(manifest)
    assert images(substitute((manifest,), ["app:2"])) == ["app:2", "app:2"]
    assert manifest == before


def test_manifests_without_a_match_are_the_same_objects() -> None:
    manifest = pod("app:1")
    assert substitute((manifest,), ["other:1"]).manifests[0] is manifest
    assert substitute((manifest,), []).manifests[0] is manifest


names = st.sampled_from(["app", "app2", "reg.io/app", "reg.io:5000/app", "library/app", "x/app"])
tags = st.sampled_from(["", ":1", ":2", f"@{A}", f":1@{A}"])
references = st.builds(str.__add__, names, tags)


@given(st.lists(references, max_size=6), st.lists(references, max_size=4))
def test_substitution_twice_is_substitution_once(found: list[str], items: list[str]) -> None:
    """And it touches exactly the containers whose repository is among the items."""
    once = substitute((pod(*found),), items)
    twice = substitute(once.manifests, items)
    assert twice.manifests == once.manifests
    assert not twice.replacements
    assert images(once) == [
        next((each for each in reversed(items) if name(each) == name(image)), image)
        for image in found
    ]


def name(image: str) -> str:
    return image.partition("@")[0].removesuffix(":1").removesuffix(":2").removeprefix("library/")


def test_pull_secrets_are_added_once() -> None:
    (manifest,) = with_pull_secrets(
        (pod("a:1", imagePullSecrets=[{"name": "x"}]),), ["x", "y", "y"]
    )
    spec = manifest.document["spec"]["template"]["spec"]
    assert spec["imagePullSecrets"] == [{"name": "x"}, {"name": "y"}]
    (plain,) = with_pull_secrets((pod("a:1"),), ["x"])
    assert plain.document["spec"]["template"]["spec"]["imagePullSecrets"] == [{"name": "x"}]


def test_without_pull_secrets_nothing_changes() -> None:
    manifests = (pod("a:1"),)
    assert with_pull_secrets(manifests, []) is manifests
