"""Killed after any of its writes, an action that is run again ends as if nothing had happened, and
so does a reject; all the time every request is answered.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from aks_action.clients.ports import Cluster
from demo.bed import Bed
from tests.faults.proxy import Proxy
from tests.scenarios.shop import ROUTED, SOAK, Shop
from tests.scenarios.support import KILLED, Finished, Step, a_namespace

LIFE = (("deploy", "v1"), ("promote", "v1"), ("deploy", "v2"), ("reject", "v2"))
LIVES = dict.fromkeys(ROUTED, LIFE) if SOAK else {"canary-gateway": LIFE[:2]}
REJECTED = ROUTED if SOAK else ["blue-green-service"]
STRIDE = 1 if SOAK else 10
"""Writes from one kill to the next; `tests/unit/strategies` kills after each of them."""

MOST_WRITES = 30
KINDS = "deployments,services,httproutes,ingresses"

pytestmark = pytest.mark.timeout(1800 if SOAK else 300)

State = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Disturbed:
    """A shop whose actions go through the proxy that kills them."""

    shop: Shop
    proxy: Proxy

    def act(self, action: str, version: str, *, limit: int) -> Finished:
        """One action, killed right after as many writes; 0: not killed."""
        self.shop.write(version)
        inputs = {"action": action, **self.shop.inputs}
        finished = self.shop.step.run_through(self.proxy, inputs, limit=limit)
        self.shop.diary.append(f"{action} {version}: {finished.code} after {self.proxy.writes}")
        return finished

    def insist(self, action: str, version: str) -> int:
        """Run an action again and again, killed after its first write, then after some more, …
        until one run gets to its end; returns how often it was killed.
        """
        for kills, limit in enumerate(range(1, MOST_WRITES, STRIDE)):
            if self.act(action, version, limit=limit).code == 0:
                return kills
        raise AssertionError(f"{action} never came to its end:\n" + "\n".join(self.shop.diary))


@pytest.fixture(name="undisturbed_namespace")
def _undisturbed_namespace(bed: Bed, cluster: Cluster, namespace: str) -> Iterator[str]:
    name = f"{namespace}-u"
    with a_namespace(bed, cluster, name):
        yield name


@pytest.mark.parametrize("method", LIVES)
def test_an_action_that_was_killed_after_any_write_ends_as_an_undisturbed_one(
    method: str,
    step: Step,
    bed: Bed,
    proxy: Proxy,
    namespace: str,
    undisturbed_namespace: str,
    tmp_path: Path,
) -> None:
    """Through its whole life, in the soak of each method; and no request fails meanwhile."""
    folder = tmp_path / "undisturbed"
    folder.mkdir()
    calm = replace(
        _shop(step, bed, namespace, method),
        step=step.elsewhere(folder, namespace=undisturbed_namespace),
        namespace=undisturbed_namespace,
        diary=[],
    )
    shop = _shop(step, bed, namespace, method)
    with ThreadPoolExecutor() as beside:
        expected = beside.submit(_undisturbed, calm)
        shop.begin("v0")
        disturbed = Disturbed(shop=shop, proxy=proxy)
        found = []
        with shop.load(tmp_path, rate=40) as load:
            for action, version in LIVES[method]:
                assert disturbed.insist(action, version) > 0
                found.append(state(shop))
            load.last(seconds=2)
            shop.all_answered(load.stop())
        assert found == expected.result(), "\n".join(shop.diary)


@pytest.mark.parametrize("method", REJECTED)
def test_a_reject_after_a_deploy_that_was_killed_leaves_what_was_there_before(
    method: str, step: Step, bed: Bed, proxy: Proxy, namespace: str, tmp_path: Path
) -> None:
    """Whichever of its writes the deploy was killed after; and no request fails meanwhile.

    Without the soak after its first write, and after every tenth from there.
    """
    shop = _shop(step, bed, namespace, method)
    shop.begin("v0")
    disturbed = Disturbed(shop=shop, proxy=proxy)
    # The label that tells a stable's pods from a canary's stays, once a deploy has put it there.
    disturbed.act("deploy", "v1", limit=0)
    disturbed.act("reject", "v1", limit=0)
    before = state(shop)
    with shop.load(tmp_path, rate=40) as load:
        limit = 1
        while disturbed.act("deploy", "v1", limit=limit).code == KILLED:
            disturbed.act("reject", "v1", limit=0)
            assert state(shop) == before, "\n".join(shop.diary)
            limit += STRIDE
        shop.all_answered(load.stop())
    assert limit > 1


@pytest.mark.soak
@pytest.mark.parametrize("method", ROUTED)
@pytest.mark.parametrize("action", ["promote", "reject"])
def test_a_reject_after_a_promote_or_reject_that_was_killed_leaves_the_stable_alone(
    action: str, method: str, step: Step, bed: Bed, proxy: Proxy, namespace: str, tmp_path: Path
) -> None:
    """Which version the stable has depends on how far a promote had come."""
    shop = _shop(step, bed, namespace, method)
    shop.begin("v0")
    disturbed = Disturbed(shop=shop, proxy=proxy)
    with shop.load(tmp_path, rate=40) as load:
        for limit in range(1, MOST_WRITES):
            disturbed.act("deploy", f"v{limit}", limit=0)
            code = disturbed.act(action, f"v{limit}", limit=limit).code
            disturbed.act("reject", f"v{limit}", limit=0)
            assert shop.names("deployments") == {"Deployment/web"}, "\n".join(shop.diary)
            if code == 0:
                break
        shop.all_answered(load.stop())


def state(shop: Shop) -> State:
    """What the objects are, without what tells when and where they were made."""
    items = json.loads(
        shop.bed.kubectl("get", KINDS, f"--namespace={shop.namespace}", "--output=json")
    )["items"]
    found = {f"{each['kind']}/{each['metadata']['name']}": _essence(each) for each in items}
    here: State = json.loads(json.dumps(found).replace(shop.namespace, "NAMESPACE"))
    return here


def _essence(item: dict[str, Any]) -> State:
    spec = {key: value for key, value in item["spec"].items() if not key.startswith("clusterIP")}
    if item["kind"] == "Deployment":
        spec["template"]["metadata"].pop("annotations", None)
    return {"labels": item["metadata"].get("labels"), "spec": spec}


def _undisturbed(shop: Shop) -> list[State]:
    """The states after each action of a life that nobody disturbs."""
    shop.begin("v0")
    found = []
    for action, version in LIVES[shop.method]:
        shop.succeed(action, version)
        found.append(state(shop))
    return found


def _shop(step: Step, bed: Bed, namespace: str, method: str) -> Shop:
    return Shop(step=step, bed=bed, namespace=namespace, method=method, replicas=1)
