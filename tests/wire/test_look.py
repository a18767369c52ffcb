"""What a run command decides by itself, with jq: the same as the rules of the model."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from aks_action.clients.azure import private
from aks_action.model.manifests import ObjectRef
from aks_action.model.traffic.endpoints import endpoints, missing
from aks_action.model.traffic.steps import WaitEndpoints

LOOK = Path(str(private.__file__)).with_name("look.jq")
SERVICE = ObjectRef(api_version="v1", kind="Service", namespace="shop", name="web")
NAMED = {"kubernetes.io/service-name": "web"}

pytestmark = pytest.mark.skipif(not shutil.which("jq"), reason="jq is what the test bed installs")


def look(folder: Path, demand: dict[str, Any], **files: list[dict[str, Any]]) -> str:
    """The verdict on one demand."""
    for name, items in files.items():
        (folder / f"{name}.out").write_text(json.dumps({"items": items}))
    given = {"demands": [demand], "state": {}, "run": {"since": 0, "known": []}}
    arguments = []
    for name, value in given.items():
        (folder / name).write_text(json.dumps(value))
        arguments += ["--slurpfile", name, str(folder / name)]
    outs = [f"{name}.out" for name in files]
    command = ["jq", "-rn", *arguments, "-f", str(LOOK), *outs]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0]


def pod(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": name, "labels": labels}}


def slices(*found: tuple[str, bool | None]) -> list[dict[str, Any]]:
    listed = [
        {"targetRef": {"name": name}, "conditions": {} if ready is None else {"ready": ready}}
        for name, ready in found
    ]
    return [{"metadata": {"labels": NAMED}, "endpoints": listed}]


PODS = [pod("a", app="web", color="green"), pod("b", app="web")]


@pytest.mark.parametrize(
    "step",
    [
        WaitEndpoints(service=SERVICE, ready={"color": "green"}),
        WaitEndpoints(service=SERVICE, ready={"app": "web"}, only={"color": "green"}),
        WaitEndpoints(service=SERVICE, none={"color": "green"}),
        WaitEndpoints(service=SERVICE, ready={"app": "we"}),
    ],
)
@pytest.mark.parametrize(
    "found",
    [
        (),
        (("a", True),),
        (("a", False),),
        (("a", None), ("b", True)),
        (("b", True),),
        (("gone", True), ("a", True)),
    ],
)
def test_endpoints_are_judged_as_elsewhere(
    tmp_path: Path, step: WaitEndpoints, found: tuple[tuple[str, bool | None], ...]
) -> None:
    demand = {
        "rule": "endpoints",
        "service": "web",
        "slices": "s",
        "pods": "p",
        "ready": dict(step.ready),
        "only": dict(step.only),
        "none": dict(step.none),
    }
    elsewhere = missing(step, tuple(endpoints(slices(*found), PODS)))
    verdict = look(tmp_path, demand, s=slices(*found), p=PODS)
    assert (verdict == "met") is (elsewhere == ""), elsewhere


@pytest.mark.parametrize(("going", "verdict"), [(False, "wait"), (True, "met")])
def test_pods_are_going_when_each_is_gone_or_told_to_end(
    tmp_path: Path,
    going: bool,  # noqa: FBT001
    verdict: str,
) -> None:
    """Pods with other labels do not matter."""
    green, other = pod("a", app="web", color="green"), pod("b", app="web")
    if going:
        green["metadata"]["deletionTimestamp"] = "2026-05-01T12:00:00Z"
    demand = {"rule": "going", "pods": "p", "labels": {"color": "green"}}
    assert look(tmp_path, demand, p=[green, other]) == verdict
    assert look(tmp_path, demand, p=[other]) == "met"
