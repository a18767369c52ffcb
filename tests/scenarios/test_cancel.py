"""A signal ends the run within 5 seconds, at any moment, with a true report."""

import json
import shutil
import signal
import subprocess
import sys

import pytest

from demo.bed import ROOT, Bed
from tests.scenarios import manifests
from tests.scenarios.support import Step

OBJECTS = 600


def written(bed: Bed, namespace: str) -> set[str]:
    found = bed.kubectl("get", "configmaps", f"--namespace={namespace}", "--output=name")
    names = {name.removeprefix("configmap/") for name in found.split()}
    return names - {"kube-root-ca.crt"}


@pytest.mark.parametrize(
    ("after", "number"),
    [
        ("::group::Plan", signal.SIGTERM),
        ("cm-7 created", signal.SIGINT),
        ("cm-70 created", signal.SIGTERM),
    ],
)
def test_the_report_names_what_the_cluster_has(
    step: Step, bed: Bed, namespace: str, number: signal.Signals, after: str
) -> None:
    """Before the first write and in the middle of many; a second signal changes nothing."""
    for index in range(OBJECTS):
        name = f"cm-{index}"
        step.write(f"k8s/{index:03}.yml", manifests.config_map(name, LEVEL="info"))
    process = step.start()
    step.await_line(process, after)
    process.send_signal(number)
    process.send_signal(signal.SIGTERM)
    finished = step.finish(process)
    assert finished.seconds < 5
    assert finished.code in (128 + number, 128 + signal.SIGTERM), finished.log
    result = json.loads(finished.outputs["result"])
    reported = {ref.rpartition("/")[2] for ref in (*result["created"], *result["failed"])}
    there = written(bed, namespace)
    assert {ref.rpartition("/")[2] for ref in result["created"]} <= there <= reported
    assert len(there) < OBJECTS
    assert finished.summary.strip()


@pytest.mark.skipif(not shutil.which("unshare"), reason="needs unshare")
def test_the_first_process_of_a_container_gets_its_signals_too(step: Step, namespace: str) -> None:
    """Where a signal without a handler does not even arrive."""
    never = manifests.deployment(env=[{"name": "READY", "value": "never"}])
    step.write("k8s/all.yml", never)
    alone = ["unshare", "--fork", "--pid", "--kill-child", sys.executable]
    process = step.start(command=[*alone, str(ROOT / "entrypoint.py")])
    step.await_line(process, f"Deployment/{namespace}/web created")
    inner = subprocess.check_output(["pgrep", "--parent", str(process.pid)], text=True)
    subprocess.run(["kill", "-TERM", inner.strip()], check=True)
    finished = step.finish(process)
    assert finished.seconds < 5
    assert "SIGTERM ended the run" in finished.log
    assert f"Deployment/{namespace}/web" in finished.summary
