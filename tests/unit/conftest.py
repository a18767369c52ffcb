"""How hard properties are tried: a little in each run, long in `make soak`."""

import os

import pytest
from hypothesis import settings

from aks_action.runtime import feeds

EXAMPLES = 1000 if os.environ.get("AKS_ACTION_SOAK") else 25

settings.register_profile("unit", max_examples=EXAMPLES, deadline=None, database=None)
settings.load_profile("unit")


@pytest.fixture(autouse=True, scope="session")
def hurried_readers() -> None:
    """Readers of feeds look at the time more often: clocks of these tests run faster than real."""
    feeds.TICK_SECONDS = 0.01
