"""Image references are taken apart as Docker and containerd do it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aks_action.model.images.references import ImageReference, is_registry
from tests.unit.odd_text import odd_text

DIGEST = "sha256:" + "0123456789abcdef" * 4
parts = st.builds(
    "".join,
    st.tuples(
        st.text("ab09", min_size=1, max_size=4),
        st.sampled_from(["", ".x", "_1", "__y", "---z"]),
    ),
)
paths = st.lists(parts, min_size=1, max_size=4).map("/".join)
hosts = st.sampled_from(
    ["localhost", "localhost:5000", "127.0.0.1:5000", "[::1]:5000", "ghcr.io", "r:1", "A"]
)
tags = st.text("aZ0_", min_size=1, max_size=3) | st.sampled_from(["v1.2-rc.1", "_", "5000"])


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest"),
    [
        ("nginx", "docker.io", "library/nginx", "", ""),
        ("nginx:1.27", "docker.io", "library/nginx", "1.27", ""),
        ("library/nginx", "docker.io", "library/nginx", "", ""),
        ("docker.io/nginx", "docker.io", "library/nginx", "", ""),
        ("index.docker.io/library/nginx", "docker.io", "library/nginx", "", ""),
        ("org/app:v1", "docker.io", "org/app", "v1", ""),
        ("localhost/app", "localhost", "app", "", ""),
        ("localhost:5000/app", "localhost:5000", "app", "", ""),
        ("registry:5000/app:v1", "registry:5000", "app", "v1", ""),
        ("127.0.0.1:5000/a/b/c:v1", "127.0.0.1:5000", "a/b/c", "v1", ""),
        ("[::1]:5000/app", "[::1]:5000", "app", "", ""),
        ("Registry/app", "Registry", "app", "", ""),
        ("x.azurecr.io/app@" + DIGEST, "x.azurecr.io", "app", "", DIGEST),
        ("x.azurecr.io/app:v1@" + DIGEST, "x.azurecr.io", "app", "v1", DIGEST),
        ("ghcr.io", "docker.io", "library/ghcr.io", "", ""),  # odd, but it has no slash
        ("app:5000", "docker.io", "library/app", "5000", ""),
        ("a__b/c--d.e", "docker.io", "a__b/c--d.e", "", ""),
    ],
)
def test_the_parts_of_a_reference(
    text: str, registry: str, repository: str, tag: str, digest: str
) -> None:
    """Registry ports, short names of Docker Hub, localhost and digests are told apart."""
    assert ImageReference.parse(text) == ImageReference(
        registry=registry, repository=repository, tag=tag, digest=digest
    )


@pytest.mark.parametrize(
    "text",
    [
        "", " ", ":v1", "/app", "app/", "a//b", "App", "org/App:v1", "app:", "app:v 1", "app:-v",
        "app@", "app@sha256:1234", "app@" + DIGEST.upper(), "app:" + "v" * 129, "$(IMAGE)",
        "https://ghcr.io/app", "ghcr.io/", "ab:c/", "a_/b", "a...b", "0" * 64,
        "x.io:port/app", "a\nb", "app:v1\n", "-x.io/app", "x.io/" + "a" * 256,
    ],
)  # fmt: skip
def test_what_is_no_reference_is_refused(text: str) -> None:
    """Each refusal is one sentence that quotes the text."""
    with pytest.raises(ValueError, match=r'(?s)^"') as error:
        ImageReference.parse(text)
    assert str(error.value).endswith(".")
    assert ImageReference.try_parse(text) is None


def test_short_and_full_names() -> None:
    """`familiar` is how people write it, `normalized` spells the registry out."""
    nginx = ImageReference.parse("docker.io/library/nginx:1")
    assert (nginx.familiar, nginx.normalized) == ("nginx:1", "docker.io/library/nginx:1")
    assert ImageReference.parse("library/a/b").familiar == "library/a/b"
    assert str(ImageReference.parse("x.io/library/app:v1")) == "x.io/library/app:v1"


def test_matching_is_by_repository() -> None:
    """Tags and digests do not matter, the registry and its port do."""
    app = ImageReference.parse("x.io:5000/app:v1")
    assert app.same_repository(ImageReference.parse("x.io:5000/app@" + DIGEST))
    assert not app.same_repository(ImageReference.parse("x.io/app:v1"))
    assert not app.same_repository(ImageReference.parse("x.io:5000/app2:v1"))


def test_a_new_tag_drops_the_old_digest() -> None:
    """The digest belonged to the old tag; a new one can be put beside the new tag."""
    app = ImageReference.parse("x.io/app:v1@" + DIGEST).with_tag("v2")
    assert str(app) == "x.io/app:v2"
    assert str(app.with_digest(DIGEST)) == "x.io/app:v2@" + DIGEST
    with pytest.raises(ValueError, match='"v 2" is not a tag'):
        app.with_tag("v 2")
    with pytest.raises(ValueError, match="no valid digest"):
        app.with_digest("sha256:0")


@given(host=hosts, path=paths, tag=tags | st.just(""), pinned=st.booleans())
def test_every_part_comes_back(host: str, path: str, tag: str, *, pinned: bool) -> None:
    """Printing and reading again gives the same reference, short or in full."""
    text = f"{host}/{path}" + (f":{tag}" if tag else "") + (f"@{DIGEST}" if pinned else "")
    reference = ImageReference.parse(text)
    assert (reference.registry, reference.repository, reference.tag) == (host, path, tag)
    assert reference.digest == (DIGEST if pinned else "")
    assert str(reference) == text
    assert ImageReference.parse(reference.normalized) == reference


@given(path=paths, tag=tags | st.just(""))
def test_short_forms_are_the_same_image(path: str, tag: str) -> None:
    """A Docker Hub name equals its short and its full spelling."""
    full = ImageReference.parse(f"docker.io/{path}" + (f":{tag}" if tag else ""))
    assert ImageReference.parse(full.familiar) == full
    assert ImageReference.parse(full.normalized) == full


@given(odd_text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever comes, it is a reference that prints itself, or a ValueError."""
    reference = ImageReference.try_parse(text)
    if reference is not None:
        assert ImageReference.parse(str(reference)) == reference
        assert is_registry(reference.registry)
