"""The action's image, built once per run from this checkout."""

import os

import pytest

from demo import image
from demo.bed import Bed, NoBed, find


@pytest.fixture(scope="session", name="bed")
def _bed() -> Bed:
    try:
        return find(os.environ)
    except NoBed as reason:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(reason))


@pytest.fixture(scope="session", name="image")
def _image(bed: Bed) -> str:
    return image.build(bed)
