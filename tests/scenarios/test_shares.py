"""Who gets which share of the requests while a canary is out."""

import math
from collections import Counter
from pathlib import Path

import pytest

from demo.bed import Bed
from tests.scenarios.load import Load
from tests.scenarios.shop import Shop
from tests.scenarios.support import Step

REQUESTS = 2000
SECONDS = 10
SHARE = 0.1
CONFIDENCE = 0.99


@pytest.mark.timeout(240)
def test_gateway_gives_canary_and_baseline_10_percent_each_of_20(
    step: Step, bed: Bed, namespace: str, tmp_path: Path
) -> None:
    """Within the 99 % binomial interval, which chance leaves for one of two in 50 tries: so what
    is outside gets one more try.
    """
    shop = Shop(step=step, bed=bed, namespace=namespace, method="canary-gateway")
    shop.begin("v0")
    shop.succeed("deploy", "v1")
    assert weights(shop) == {"web-stable": 8, "web-baseline": 1, "web-canary": 1}
    found = _answered(shop, tmp_path)
    if not _is_fair(found):
        found = _answered(shop, tmp_path)
    assert _is_fair(found), found


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("replicas", "copies"),
    [
        pytest.param(3, 2, id="50 % of 3, half rounded up"),
        pytest.param(1, 1, id="50 % of 1, at least one", marks=pytest.mark.soak),
    ],
)
def test_pods_behind_the_service_are_the_computed_ones(
    replicas: int, copies: int, step: Step, bed: Bed, namespace: str
) -> None:
    """Stable as it was, canary and baseline with their share of its replicas."""
    shop = Shop(step=step, bed=bed, namespace=namespace, method="canary-pod", replicas=replicas)
    shop.begin("v0")
    shop.succeed("deploy", "v1")
    found = Counter(_version(pod) for pod in shop.endpoints("web"))
    assert found == {"stable": replicas, "baseline": copies, "canary": copies}


def _is_fair(found: Counter[str]) -> bool:
    """Whether the canary and the baseline each have their share of the requests that were sent."""
    least, most = interval(found.total(), SHARE)
    return all(least <= found[each] <= most for each in ("baseline", "canary"))


def interval(number: int, share: float) -> tuple[int, int]:
    """The smallest and largest count that a binomial distribution gives with `CONFIDENCE`."""
    tail = (1 - CONFIDENCE) / 2
    below = 0.0
    least = most = 0
    for count in range(number + 1):
        ways = math.lgamma(number + 1) - math.lgamma(count + 1) - math.lgamma(number - count + 1)
        chance = ways + count * math.log(share) + (number - count) * math.log(1 - share)
        below += math.exp(chance)
        if below < tail:
            least = count + 1
        if below < 1 - tail:
            most = count + 1
    return least, most


def weights(shop: Shop) -> dict[str, int]:
    (rule,) = shop.get("httproute", "web")["spec"]["rules"]
    return {each["name"]: each["weight"] for each in rule["backendRefs"]}


def _answered(shop: Shop, folder: Path) -> Counter[str]:
    """Which version's pods answered, of requests through the gateway."""
    rate = REQUESTS // SECONDS
    with Load(shop.bed, folder, [shop.front], rate=rate, seconds=SECONDS) as load:
        answers = load.wait()
    assert not answers.failures, answers.failed
    found: Counter[str] = Counter()
    for pod, count in answers.pods.items():
        found[_version(pod)] += count
    assert found.total() > 0.99 * REQUESTS  # on a busy machine the last one may not be sent
    return found


def _version(pod: str) -> str:
    words = pod.split("-")
    return words[1] if words[1] in ("baseline", "canary") else "stable"
