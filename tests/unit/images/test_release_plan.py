"""What a release tags, and what stops it."""

from __future__ import annotations

import pytest

from aks_action.errors import Conflict, InputError, RegistryError
from aks_action.model.images.references import ImageReference
from aks_action.model.images.release_plan import Release, decide, is_version_tag, plan_release

ref = ImageReference.parse
A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
WEB = Release(source=ref("x.io/web:latest"), target=ref("x.io/web:v1"))
API = Release(source=ref("x.io/api:latest"), target=ref("x.io/api:v1"))


@pytest.mark.parametrize(
    ("source_tag", "source"),
    [
        ("latest", "x.io/team/web:latest"),
        ("staging/:latest", "x.io/staging/team/web:latest"),
        ("x.io/staging/:latest", "x.io/staging/team/web:latest"),
        ("staging/web:sha-1", "x.io/staging/web:sha-1"),
    ],
)
def test_the_source_of_a_release(source_tag: str, source: str) -> None:
    """A tag of the same repository, or another repository of the same registry."""
    target = ref("x.io/team/web:v1")
    assert plan_release([target, target], source_tag) == (
        Release(source=ref(source), target=target),
    )


def test_sources_that_cannot_be() -> None:
    """The image itself, one repository for two images, and what is no tag."""
    with pytest.raises(InputError, match="as itself"):
        plan_release([ref("x.io/web:v1")], "v1")
    with pytest.raises(InputError, match="one repository, but 2 images"):
        plan_release([ref("x.io/web:v1"), ref("x.io/api:v1")], "staging/web:latest")
    with pytest.raises(InputError, match="`source-tag` a b"):
        plan_release([ref("x.io/web:v1")], "a b")


def test_new_and_unchanged_tags() -> None:
    """A new tag is a write, the same digest under it is none."""
    new, same = decide([WEB, API], {WEB.source: A, API.source: B}, {WEB.target: "", API.target: B})
    assert (new.needed, new.digest, new.previous) == (True, A, "")
    assert not same.needed


def test_every_absent_source_is_named() -> None:
    """All at once, so that one push mends all of them."""
    with pytest.raises(RegistryError) as error:
        decide([WEB, API], {}, {})
    assert [p.message.split(" ")[0] for p in error.value.problems] == [
        "x.io/web:latest",
        "x.io/api:latest",
    ]


def test_a_version_is_never_moved() -> None:
    """Both digests are in the message."""
    with pytest.raises(Conflict) as error:
        decide([WEB, API], {WEB.source: A, API.source: A}, {WEB.target: B})
    (problem,) = error.value.problems
    assert "x.io/web:v1 exists already with " + B in problem.message
    assert "x.io/web:latest is " + A in problem.message


def test_a_tag_that_is_no_version_moves() -> None:
    """`stable` is meant to move; what it was is kept for the way back."""
    stable = Release(source=WEB.source, target=ref("x.io/web:stable"))
    (change,) = decide([stable], {stable.source: A}, {stable.target: B})
    assert (change.needed, change.previous) == (True, B)


@pytest.mark.parametrize(
    ("tag", "version"),
    [("v1.2.0", True), ("1.2", True), ("v1", True), ("V2-rc.1", True), ("latest", False),
     ("stable", False), ("vnext", False), ("release-1", False)],
)  # fmt: skip
def test_what_reads_as_a_version(tag: str, version: object) -> None:
    """A v or nothing, then a digit."""
    assert is_version_tag(tag) is version
