"""Another strategy in the middle of one: refused while its copies are out."""

from __future__ import annotations

from collections.abc import Iterable

from aks_action.errors import Conflict, Problem, raise_all
from aks_action.model.variants import Colour, Version, copy_ref
from aks_action.strategies.app import App


def refuse_greens(app: App) -> None:
    """Raise Conflict if a green is out: a canary would stand beside two versions."""
    _refuse(app, (Colour.GREEN,), "strategy blue-green")


def refuse_canaries(app: App) -> None:
    """Raise Conflict if a canary is out: it would serve beside both colours."""
    _refuse(app, (Version.CANARY, Version.BASELINE), "strategy canary")


def _refuse(app: App, suffixes: Iterable[str], strategy: str) -> None:
    raise_all(
        Conflict,
        [
            Problem(
                message=f"{ref} was found. Nothing was changed. Promote or reject it with "
                f"{strategy} first.",
                source=each.source,
            )
            for each in app.workloads
            for suffix in suffixes
            if app.is_live(ref := copy_ref(each.ref, suffix))
        ],
    )
