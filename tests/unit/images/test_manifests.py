"""Manifests are kept byte for byte and read with distrust."""

from __future__ import annotations

import contextlib
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aks_action.model.images.manifests import (
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    ImageManifest,
)
from tests.fakes.images import blobs_of, image, index
from tests.unit.odd_text import odd_text


def test_an_image() -> None:
    """Bytes and digest as they came; configuration and layers are what it needs."""
    web = image("web")
    again = ImageManifest.read(web.body, "application/vnd.docker.distribution.manifest.v2+json; x")
    assert again == web
    assert web.digest == "sha256:" + hashlib.sha256(web.body).hexdigest()
    assert web.blobs == tuple(
        "sha256:" + hashlib.sha256(blob).hexdigest() for blob in blobs_of("web")
    )
    assert (web.config, web.children) == (web.blobs[0], ())


def test_an_index() -> None:
    """It lists children and needs no blob itself."""
    one, two = image("one"), image("two", media_type=OCI_MANIFEST)
    both = index(one, two, one)
    assert (both.children, both.blobs, both.config) == ((one.digest, two.digest), (), "")


def test_the_type_is_taken_from_the_body_where_the_header_says_nothing() -> None:
    """Some registries answer application/json."""
    assert ImageManifest.read(image("a").body, "application/json").media_type == DOCKER_MANIFEST
    bare = json.dumps({"schemaVersion": 2, "manifests": []}).encode()
    assert ImageManifest.read(bare).media_type == OCI_INDEX
    bare = json.dumps({"schemaVersion": 2, "config": {"digest": "sha256:0"}}).encode()
    assert ImageManifest.read(bare).media_type == OCI_MANIFEST


def test_foreign_layers_are_nobody_s_to_mount() -> None:
    """They only have a URL elsewhere."""
    layer = {"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar", "digest": "s:1"}
    body = {"schemaVersion": 2, "config": {"digest": "s:0"}, "layers": [layer, {"digest": "s:2"}]}
    assert ImageManifest.read(json.dumps(body).encode()).blobs == ("s:0", "s:2")


@pytest.mark.parametrize(
    ("body", "content_type", "says"),
    [
        (b"<html>", "text/html; charset=utf-8", "it is a web page"),
        (b"<html>", "application/json", "it is not JSON"),
        (b"[" * 100_000, "", "it has more than 50000 items"),
        (b"[]", "", "it is not a JSON object"),
        (b'{"schemaVersion": 1}', "", "its schemaVersion is not 2"),
        (b'{"schemaVersion": 2}', "text/plain", "its type text/plain is unknown"),
        (b'{"schemaVersion": 2, "config": {}, "layers": [{}]}', "", "one of its parts"),
        (b'{"schemaVersion": 2, "manifests": {}}', OCI_INDEX, "list of parts is no list"),
        (b'{"schemaVersion": 2, "manifests": [{"digest": "a:/../x"}]}', OCI_INDEX, "no digest"),
    ],
)
def test_what_is_no_manifest(body: bytes, content_type: str, says: str) -> None:
    """The reason is said in words."""
    with pytest.raises(ValueError, match=says):
        ImageManifest.read(body, content_type)


def test_a_marked_manifest_is_the_same_image_under_another_digest() -> None:
    """It can be deleted without deleting the other."""
    web = image("web")
    marked = web.marked("x.io/web:v1")
    assert (marked.blobs, marked.media_type) == (web.blobs, web.media_type)
    assert marked.digest not in (web.digest, web.marked("x.io/web:v2").digest)


@given(
    document=st.recursive(
        st.none() | st.integers() | odd_text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["schemaVersion", "config", "layers", "manifests", "digest"]), inner
            )
        ),
        max_leaves=8,
    )
)
def test_any_json_is_read_or_refused(document: object) -> None:
    """Whatever a server answers, nothing else than ValueError comes out."""
    body = json.dumps(
        {**document, "schemaVersion": 2} if isinstance(document, dict) else document
    ).encode()
    with contextlib.suppress(ValueError):
        assert ImageManifest.read(body, OCI_MANIFEST).body == body
