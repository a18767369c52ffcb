"""How long a failure has to last before it is believed: what heals at once was none."""

from __future__ import annotations

from aks_action.model.health.growth import RESIZE_ERRORS
from aks_action.model.health.images import REFUSED
from aks_action.model.health.pods import UNSCHEDULABLE
from aks_action.model.health.records import Gravity, Health, Trouble

SETTLE_SECONDS = 1.0
TRIED_AGAIN_SECONDS = 15.0


def seconds_to_heal(health: Health) -> float:
    """What a failure is given, in seconds: more where the cluster tries again.

    Nodes come, pods leave, and a resizer begins anew; and a kubelet that has not seen a new pull
    secret yet pulls as nobody, then 10 s later with it (seen in a new namespace).
    """
    fatal = [each for each in health.troubles if each.gravity > Gravity.HINT]
    may_pass = bool(fatal) and all(map(_is_tried_again, fatal))
    return TRIED_AGAIN_SECONDS if may_pass else SETTLE_SECONDS


def _is_tried_again(trouble: Trouble) -> bool:
    passing = trouble.code in (UNSCHEDULABLE, *RESIZE_ERRORS) and trouble.gravity is Gravity.POD
    return passing or REFUSED in trouble.message
