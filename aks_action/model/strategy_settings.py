"""What the user asked of the strategies, checked and typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Strategy(StrEnum):
    """How new pods take over from old ones (input `strategy`)."""

    BASIC = "basic"
    CANARY = "canary"
    BLUE_GREEN = "blue-green"


class StrategyAction(StrEnum):
    """What is done with a new version beside the old one; ROLLBACK makes an earlier one stable."""

    DEPLOY = "deploy"
    PROMOTE = "promote"
    REJECT = "reject"
    ROLLBACK = "rollback"


class SplitMethod(StrEnum):
    """How a canary gets its share of the traffic (input `traffic-split-method`)."""

    POD = "pod"
    SMI = "smi"
    GATEWAY = "gateway"


class RouteMethod(StrEnum):
    """What is switched from blue to green (input `route-method`)."""

    SERVICE = "service"
    INGRESS = "ingress"
    SMI = "smi"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategySettings:
    """Inputs of all strategies; each reads its own.

    percentage:        share of canary and baseline together, in percent, 0 to 100. Canary only.
    replicas:          pods of the canary and of the baseline each; None: from the percentage.
    split_annotations: annotations of the TrafficSplits that are made.
    buffer_seconds:    pause between a healthy green and the switch. Blue-green only.
    """

    action: StrategyAction = StrategyAction.DEPLOY
    strategy: Strategy = Strategy.BASIC
    split_method: SplitMethod = SplitMethod.POD
    percentage: int = 0
    replicas: int | None = None
    split_annotations: Mapping[str, str] = field(default_factory=dict)
    route_method: RouteMethod = RouteMethod.SERVICE
    buffer_seconds: float = 0.0
