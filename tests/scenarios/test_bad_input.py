"""One clear error with its place, and nothing half-written, whatever is wrong."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from demo.bed import Bed
from tests.scenarios import manifests
from tests.scenarios.support import Step

WRONG_MANIFEST, REFUSED, REFUSED_CHANGE, FAILED = 3, 4, 6, 7


def kubeconfig(bed: Bed, **changes: dict[str, Any]) -> str:
    """The test bed's kubeconfig with other entries of its `cluster` or its `user`."""
    config = yaml.safe_load(Path(bed.kubeconfig).read_text())
    config["clusters"][0]["cluster"].update(changes.get("cluster", {}))
    if "user" in changes:
        config["users"][0]["user"] = changes["user"]
    return json.dumps(config)


def config_maps(bed: Bed, namespace: str) -> set[str]:
    found = bed.kubectl("get", "configmaps", f"--namespace={namespace}", "--output=name")
    return set(found.split()) - {"configmap/kube-root-ca.crt"}


def test_two_wrong_manifests_are_both_named_and_nothing_is_written(
    step: Step, bed: Bed, namespace: str
) -> None:
    """Each with its file and line; the good ones beside them are not written either."""
    step.write("k8s/1.yml", manifests.config_map("good", LEVEL="info"))
    field = manifests.document("v1", "ConfigMap", "field", dota={"a": "b"})
    step.write("k8s/2.yml", "# a comment\n" + field)
    ports = manifests.document("v1", "Service", "ports", spec={"ports": [{"port": 99999}]})
    step.write("k8s/3.yml", ports)
    finished = step.run()
    assert finished.code == WRONG_MANIFEST, finished.log
    finished.says_in_order(["file=k8s/2.yml,line=3", "dota", "file=k8s/3.yml", "99999"])
    assert config_maps(bed, namespace) == set()
    assert not any(json.loads(finished.outputs["result"])["counts"].values())


def test_a_namespace_that_is_not_there_is_named(step: Step) -> None:
    """With the place of an object that wants to be in it."""
    step.write("k8s/all.yml", manifests.config_map(LEVEL="info"))
    finished = step.run({"namespace": "s-nowhere"})
    assert finished.code == REFUSED_CHANGE, finished.log
    finished.says_in_order(["file=k8s/all.yml", "the namespace s-nowhere does not exist"])


def test_a_kubeconfig_in_base64_on_one_line_is_read(step: Step, bed: Bed) -> None:
    """Which is how a secret often holds it; longer than any file name."""
    step.write("k8s/all.yml", manifests.config_map(LEVEL="info"))
    text = base64.b64encode(Path(bed.kubeconfig).read_bytes()).decode()
    finished = step.run({"kubeconfig": text, "action": "plan"})
    assert finished.code == 0, finished.log


@pytest.mark.parametrize(
    ("case", "told"),
    [("authority", "certificate authority"), ("anonymous", "system:anonymous may not get")],
)
def test_who_cannot_be_trusted_is_told_so(step: Step, bed: Bed, case: str, told: str) -> None:
    """Another authority's cluster, and nobody in particular: both are refused access."""
    step.write("k8s/all.yml", manifests.config_map(LEVEL="info"))
    other = base64.b64encode(trustme.CA().cert_pem.bytes()).decode()
    text = kubeconfig(bed, cluster={"certificate-authority-data": other})
    if case == "anonymous":
        text = kubeconfig(bed, user={})
    finished = step.run({"kubeconfig": text})
    assert finished.code == REFUSED, finished.log
    assert told in finished.log


def test_what_a_container_prints_cannot_command_the_runner(step: Step) -> None:
    """Not by a line of its log, not behind a carriage return, not in the summary."""
    script = r'echo "::error::first"; printf "x\r::error::second\n"; echo "</details>@all"; exit 3'
    step.write("k8s/job.yml", manifests.job("loud", command=script))
    finished = step.run()
    assert finished.code == FAILED, finished.log
    acting = True
    fence = ""
    for line in finished.log.splitlines():
        if line.startswith("::stop-commands::"):
            acting, fence = False, line.removeprefix("::stop-commands::")
        elif fence and line == f"::{fence}::":
            acting = True
        assert not (acting and line.strip() in ("::error::first", "::error::second"))
    assert "::error::first" in finished.log
    fenced = finished.summary.partition("```text\n")[2].partition("\n```")[0]
    assert "</details>@all" in fenced
