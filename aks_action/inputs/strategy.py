"""The inputs of the strategies: canary and blue-green, spelled as in k8s-deploy."""

from __future__ import annotations

import json

from aks_action.inputs.defaults import DEFAULTS
from aks_action.inputs.reader import Reader
from aks_action.model.settings import Action
from aks_action.model.strategy_settings import (
    RouteMethod,
    SplitMethod,
    Strategy,
    StrategyAction,
    StrategySettings,
)

MOST_REPLICAS = 1000
LONGEST_BUFFER_MINUTES = 300

_READ_BY = {
    "percentage": Strategy.CANARY,
    "baseline-and-canary-replicas": Strategy.CANARY,
    "traffic-split-method": Strategy.CANARY,
    "traffic-split-annotations": Strategy.CANARY,
    "route-method": Strategy.BLUE_GREEN,
    "version-switch-buffer": Strategy.BLUE_GREEN,
}
"""Inputs that mean something to one strategy only."""

_FORMER_NAMES = {"none": "basic"}
"""k8s-deploy called `basic` so until its version 3."""


def strategy_settings(reader: Reader, actions: tuple[Action, ...]) -> StrategySettings:
    """The settings of the strategy; which action of it is asked for is not known here."""
    strategy = reader.choice("strategy", Strategy, aliases=_FORMER_NAMES)
    for action in actions:
        if action.of_strategy in (StrategyAction.PROMOTE, StrategyAction.REJECT):
            _check_promotable(reader, strategy, action)
    replicas = reader.text("baseline-and-canary-replicas")
    return StrategySettings(
        strategy=strategy,
        split_method=reader.choice("traffic-split-method", SplitMethod),
        percentage=reader.number("percentage", 0, 100),
        replicas=reader.number("baseline-and-canary-replicas", 1, MOST_REPLICAS)
        if replicas
        else None,
        split_annotations=reader.parsed("traffic-split-annotations", _annotations, {}),
        route_method=reader.choice("route-method", RouteMethod),
        buffer_seconds=reader.number("version-switch-buffer", 0, LONGEST_BUFFER_MINUTES) * 60.0,
    )


def unused(reader: Reader, strategy: Strategy) -> list[str]:
    """A note for each input that was given and means nothing to the strategy."""
    return [
        f"`{name}` is for {owner}; `strategy` is {strategy}, so it has no effect."
        for name, owner in _READ_BY.items()
        if owner is not strategy and reader.text(name).lower() != DEFAULTS[name]
    ]


def _check_promotable(reader: Reader, strategy: Strategy, action: Action) -> None:
    if strategy is Strategy.BASIC:
        reader.wrong(
            "strategy",
            f"`{action.of_strategy}` needs the strategy of the deploy, canary or blue-green",
        )


def _annotations(text: str) -> dict[str, str]:
    """A JSON object, or lines of `key: value` or `key=value`."""
    if text.startswith("{"):
        try:
            found = json.loads(text)
        except ValueError:
            raise ValueError("it begins like JSON but is none") from None
        if not all(isinstance(value, str) for value in found.values()):
            raise ValueError("every value must be a text")
        return dict(found)
    annotations = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        separator = (
            ":" if ":" in line and ("=" not in line or line.index(":") < line.index("=")) else "="
        )
        key, found_separator, value = line.partition(separator)
        if not found_separator or not key.strip():
            raise ValueError("write `key: value`, one per line, or a JSON object")
        annotations[key.strip()] = value.strip()
    return annotations
