"""The input about claims that cannot change."""

from __future__ import annotations

import re

from aks_action.inputs.reader import Reader
from aks_action.model.strategy_settings import Strategy

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_LONGEST = 240
"""A DNS subdomain (RFC 1123) with room for the version that its successor's name ends with."""


def recreated_claims(reader: Reader) -> tuple[str, ...]:
    """The names of the claims that may be made anew; explicit names only."""
    names = reader.lines("recreate-claims", r",\n")
    for name in names:
        if len(name) > _LONGEST or not _NAME.fullmatch(name):
            reader.wrong("recreate-claims", f"`{name}` is not the name of a claim; give each name")
    if names and reader.text("strategy").lower() not in (Strategy.BASIC, "none"):
        reader.wrong("recreate-claims", "claims are made anew with `strategy: basic` only")
    return names
