"""Every row of the fault matrix, before the real API server."""

import json
import signal
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest

from demo.bed import Bed
from tests.faults.proxy import WRITE, Exchange, Fault, Proxy
from tests.scenarios import manifests
from tests.scenarios.faults import ROWS, SECOND, Left, Row
from tests.scenarios.support import Finished, Step

RELEASE = {"release-name": "shop"}


def text(level: str, *, pods: bool) -> str:
    maps = "".join(manifests.config_map(name, LEVEL=level) for name in ("first", "second"))
    return maps + (manifests.deployment() if pods and level == "new" else "")


def levels(bed: Bed, namespace: str) -> dict[str, str]:
    """What the two ConfigMaps hold."""
    found = json.loads(
        bed.kubectl("get", "configmaps", f"--namespace={namespace}", "--output=json")
    )
    return {
        each["metadata"]["name"]: each["data"]["LEVEL"]
        for each in found["items"]
        if each["metadata"]["name"] in ("first", "second")
    }


@pytest.mark.timeout(200)
@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_a_fault_ends_as_the_matrix_says(
    row: Row, step: Step, bed: Bed, namespace: str, proxy: Proxy
) -> None:
    is_rollback = row.action == "rollback"
    for level in ("old", "new") if is_rollback else ("old",):
        step.write("k8s/all.yml", text(level, pods=False))
        made = step.run(RELEASE if is_rollback else {})
        assert made.code == 0, made.log
    before = levels(bed, namespace)
    step.write("k8s/all.yml", text("new", pods=row.pods))
    inputs = {
        **(RELEASE if is_rollback else {}),
        **row.inputs,
        "action": row.action,
        "kubeconfig": proxy.kubeconfig,
    }
    proxy.arm(*row.faults)
    finished = PLAYS[row.play](step, bed, namespace, proxy, inputs)
    assert finished.code == row.code, finished.log
    assert row.says in finished.log
    assert finished.seconds < row.within
    if row.left is not Left.GONE:
        check_left(row, finished, before, levels(bed, namespace))


def check_left(
    row: Row, finished: Finished, before: Mapping[str, str], now: Mapping[str, str]
) -> None:
    """What the cluster has, and that the report says the same of it."""
    if row.left is not Left.PART:
        level = "new" if row.left is Left.NEW else "old"
        assert set(now.values()) == {level}, finished.log
        return
    result = json.loads(finished.outputs["result"])
    told = {ref.rpartition("/")[2] for ref in (*result["configured"], *result["failed"])}
    changed = {name for name in now if now[name] != before[name]}
    written = {ref.rpartition("/")[2] for ref in result["configured"]}
    assert written <= changed <= told, finished.log
    assert result["failed"]


Play = Callable[[Step, Bed, str, Proxy, Mapping[str, str]], Finished]


def run(
    step: Step, _bed: Bed, _namespace: str, _proxy: Proxy, inputs: Mapping[str, str]
) -> Finished:
    return step.run(inputs)


def delete_namespace(
    step: Step, bed: Bed, namespace: str, proxy: Proxy, inputs: Mapping[str, str]
) -> Finished:
    def act(exchange: Exchange) -> None:
        exchange.wait(1, for_whom=False)  # the other one is written by then
        answer = exchange.ask()
        bed.kubectl("delete", f"namespace/{namespace}", "--wait=false")
        exchange.send(answer)

    proxy.arm(Fault(at=SECOND, act=act, times=1))
    return step.run(inputs)


def end_by_signal(
    step: Step, _bed: Bed, _namespace: str, proxy: Proxy, inputs: Mapping[str, str]
) -> Finished:
    process = step.start(inputs)

    def act(exchange: Exchange) -> None:
        answer = exchange.ask()
        process.send_signal(signal.SIGTERM)
        answer.read()
        exchange.hold()

    proxy.arm(Fault(at=WRITE, act=act, times=1))
    return step.finish(process)


def hold_lock(
    step: Step, bed: Bed, namespace: str, proxy: Proxy, inputs: Mapping[str, str]
) -> Finished:
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    spec = {"holderIdentity": "another", "leaseDurationSeconds": 15, "renewTime": now}
    text = manifests.document("coordination.k8s.io/v1", "Lease", "aks-action", spec=spec)
    bed.kubectl("create", f"--namespace={namespace}", "--filename=-", stdin=text)
    return run(step, bed, namespace, proxy, inputs)


def fill_disk(
    step: Step, _bed: Bed, _namespace: str, _proxy: Proxy, inputs: Mapping[str, str]
) -> Finished:
    return step.run(inputs, GITHUB_OUTPUT="/dev/full")


PLAYS: Mapping[str, Play] = {
    "": run,
    "delete-namespace": delete_namespace,
    "signal": end_by_signal,
    "lock": hold_lock,
    "full-disk": fill_disk,
}
