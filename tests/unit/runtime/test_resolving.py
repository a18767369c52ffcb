"""A deploy pins the digests of images that an earlier job published."""

from __future__ import annotations

import pytest

from aks_action.errors import RegistryError
from aks_action.model.images.plan import ComposeService, plan_images
from aks_action.model.images.references import ImageReference
from aks_action.model.images.release_plan import ImageSettings
from aks_action.runtime.images.resolving import resolve
from tests.fakes.images import image
from tests.fakes.registry import FakeRegistry

SETTINGS = ImageSettings(registry="x.io", username="me", password="hunter2", tag="v1")
PLAN = plan_images(
    [ComposeService(name=name, image=name, has_build=True) for name in ("web", "api")], SETTINGS
)


def test_every_image_of_the_plan_gets_the_digest_that_its_tag_has_now() -> None:
    registry = FakeRegistry(host="x.io")
    for name in ("web", "api"):
        registry.store(ImageReference.parse(f"x.io/{name}:v1"), image(name))
    assert resolve(PLAN, SETTINGS, open_registry=registry.opened) == {
        "x.io/web:v1": image("web").digest,
        "x.io/api:v1": image("api").digest,
    }
    assert registry.writes() == []


def test_images_that_are_not_there_are_all_named_before_anything_is_deployed() -> None:
    registry = FakeRegistry(host="x.io")
    with pytest.raises(RegistryError) as caught:
        resolve(PLAN, SETTINGS, open_registry=registry.opened)
    assert [problem.message.split()[0] for problem in caught.value.problems] == [
        "x.io/web:v1",
        "x.io/api:v1",
    ]
