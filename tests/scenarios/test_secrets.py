"""Passwords, tokens and the values of Secrets are in nothing that anybody can read."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.bed import Bed
from tests.scenarios import manifests
from tests.scenarios.support import Finished, Step

HUSH = "hush-hush-value"


def everything(finished: Finished) -> str:
    return finished.log + finished.summary + json.dumps(dict(finished.outputs))


@pytest.mark.parametrize(
    "fields",
    [
        {"data": HUSH},
        {"stringData": HUSH},
        {"data": [HUSH]},
        {"data": {"a": HUSH}},
        {"data": {"a": [HUSH]}},
        {"stringData": {"a": [HUSH], "b": {"c": HUSH}}},
        {"stringdata": {"a": HUSH}},
        {"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": HUSH}},
    ],
)
def test_a_secret_that_is_wrong_is_told_without_its_value(step: Step, fields: Any) -> None:
    """The API server quotes what it got; nothing of that is passed on."""
    step.write("k8s/secret.yml", manifests.document("v1", "Secret", "s", **fields))
    finished = step.run()
    assert finished.code == 3, finished.log
    assert HUSH not in everything(finished)


def test_a_secret_that_cannot_change_is_told_without_its_values(step: Step) -> None:
    """Neither the old nor the new one, refused and forced."""
    for value, more, code in (("old", {}, 0), ("new", {}, 3), ("new", {"force": "true"}, 0)):
        fields = {"immutable": True, "stringData": {"a": f"{HUSH}-{value}"}}
        step.write("k8s/secret.yml", manifests.document("v1", "Secret", "s", **fields))
        finished = step.run(more)
        assert finished.code == code, finished.log
        assert HUSH not in everything(finished)


def test_no_credential_is_left_in_a_file_or_seen_in_the_process_list(step: Step, bed: Bed) -> None:
    """Keys stay in memory, also when a signal ends the run."""
    config = yaml.safe_load(Path(bed.kubeconfig).read_text())
    user = config["users"][0]["user"]
    key = user.get("client-key-data") or user.get("token") or HUSH
    step.write("k8s/all.yml", manifests.deployment(env=[{"name": "READY", "value": "never"}]))
    process = step.start({"kubeconfig": json.dumps(config), "token": HUSH})
    step.await_line(process, "/web created")
    assert HUSH not in Path(f"/proc/{process.pid}/cmdline").read_text()
    process.send_signal(signal.SIGTERM)
    finished = step.finish(process)
    left = [path for path in step.temp.rglob("*") if path.is_file()]
    assert {path.name for path in left} == {"output", "summary"}
    assert key not in everything(finished)
    assert HUSH not in everything(finished).replace(f"::add-mask::{HUSH}", "")
