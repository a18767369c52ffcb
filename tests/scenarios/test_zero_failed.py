"""No request fails while an application is deployed, promoted and rejected, by any strategy."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from demo.bed import Bed
from tests.scenarios.load import Answers
from tests.scenarios.shop import ROUTED, SOAK, Shop
from tests.scenarios.support import Step

LEAST = 5000 if SOAK else 1
"""Requests that are sent at least; the actions are repeated until they are."""

FAILED, TIMED_OUT = 7, 8

BLUE_GREEN = [name for name in ROUTED if name.startswith("blue-green")]
CANARY = [name for name in ROUTED if name.startswith("canary")]
TRIMMED = [("blue-green-service", "crash"), ("canary-pod", "crash")]
"""What is not left to the soak of the bad versions."""

SHARES = {"canary-pod": 1 / 4, "canary-gateway": 1 / 10}
"""A canary's share: one pod beside two of the stable and one of the baseline; half of 20 %."""

BAD: dict[str, dict[str, str]] = {"never-ready": {"READY": "never"}, "crash": {"CRASH_AFTER": "1s"}}

Life = tuple[tuple[str, str], ...]
"""Actions with the versions that they are about."""

_GOOD: Life = (("deploy", "good"), ("promote", "good"))
_REJECTED: Life = (("deploy", "rejected"), ("reject", "rejected"))
LIVES: dict[str, Life] = dict.fromkeys(ROUTED, (*_GOOD, *_REJECTED))
if not SOAK:  # a switch back is the same for promote and reject; each is shown by two of the four
    LIVES |= {"blue-green-ingress": _GOOD, "blue-green-service": _REJECTED}
    LIVES |= {"canary-gateway": _GOOD, "canary-pod": _REJECTED}
METHODS = [each for each in ROUTED if SOAK or each != "blue-green-gateway"]
"""Gateways have canary-gateway, and switches blue-green-ingress; both at once are for the soak."""

ShopOf = Callable[[str], Shop]

pytestmark = pytest.mark.timeout(900 if SOAK else 280)


@pytest.fixture(name="shop_of")
def _shop_of(step: Step, bed: Bed, namespace: str) -> ShopOf:
    return lambda method: Shop(step=step, bed=bed, namespace=namespace, method=method)


@pytest.mark.parametrize("method", METHODS)
def test_no_request_fails_from_deploy_to_reject(
    method: str, shop_of: ShopOf, tmp_path: Path
) -> None:
    """Through the Service's address, and the gateway or ingress where the method uses one."""
    shop = shop_of(method)
    shop.begin("v0")
    number = 0
    with shop.load(tmp_path) as load:
        while number == 0 or load.sent < LEAST:
            number += 1
            for action, version in LIVES[method]:
                shop.succeed(action, f"{version}-{number}")
                load.last(seconds=2)  # nodes learn of a new pod within a second
        answers = load.stop()
    shop.all_answered(answers)
    assert answers.sent >= LEAST
    moved = {f"{version}-{number}" for _, version in LIVES[method]}
    assert {"v0", *moved} <= answers.versions.keys(), "the traffic never moved"
    assert shop.names("deployments") == {"Deployment/web"}


def _bad(methods: list[str]) -> list[tuple[str, str]]:
    """Every method with every bad version; without the soak one that all share most with."""
    every = [(method, how) for method in methods for how in BAD]
    return every if SOAK else [each for each in every if each in TRIMMED]


@pytest.mark.parametrize(("method", "how"), _bad(BLUE_GREEN))
def test_the_stable_answers_everything_while_a_green_fails(
    method: str, how: str, shop_of: ShopOf, tmp_path: Path
) -> None:
    """A green that is never ready, or crashes after its first second, gets no request at all."""
    shop = shop_of(method)
    answers = _through_a_bad_version(shop, how, tmp_path)
    shop.all_answered(answers[0] + answers[1])
    assert answers[0].versions.keys() == {"v0"}
    assert answers[1].versions.keys() == {"v0"}


@pytest.mark.soak  # a share of few requests says little
@pytest.mark.parametrize(("method", "how"), _bad(CANARY))
def test_a_canary_that_fails_costs_its_share_at_most_until_it_is_rejected(
    method: str, how: str, shop_of: ShopOf, tmp_path: Path
) -> None:
    """One that is never ready gets nothing; one that crashes has been ready for a moment."""
    shop = shop_of(method)
    until_rejected, after = _through_a_bad_version(shop, how, tmp_path)
    if how == "crash":
        assert until_rejected.failures <= until_rejected.sent * SHARES[method]
    else:
        shop.all_answered(until_rejected)
    shop.all_answered(after)


def _through_a_bad_version(shop: Shop, how: str, folder: Path) -> tuple[Answers, Answers]:
    """The answers until the end of a reject, and those after it."""
    shop = replace(shop, timeout="20s")
    shop.begin("v0")
    with shop.load(folder) as load:
        deployed = shop.act("deploy", "bad", **BAD[how])
        while load.sent < LEAST:
            shop.act("deploy", "bad", **BAD[how])
        shop.succeed("reject", "bad", **BAD[how])
        load.last(seconds=2)  # nodes forget a pod within a second
        before = load.stop()
    assert deployed.code in (FAILED, TIMED_OUT), deployed.log
    assert "`action: reject`" in deployed.log
    assert how != "crash" or "as CRASH_AFTER says" in deployed.log, deployed.log
    with shop.load(folder) as load:
        load.last(seconds=5 if SOAK else 2)
        return before, load.stop()
