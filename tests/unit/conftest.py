"""How hard properties are tried: a little in each run, long in `make soak`."""

import os

from hypothesis import settings

EXAMPLES = 1000 if os.environ.get("AKS_ACTION_SOAK") else 25

settings.register_profile("unit", max_examples=EXAMPLES, deadline=None, database=None)
settings.load_profile("unit")
