"""The action as a step of a workflow, in its container, run by act on the real components."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo import runner, workspace
from demo.bed import Bed

pytestmark = pytest.mark.timeout(600)

NAMESPACE = "aks-action-under-act"

CHECKOUT = "actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd"

WORKFLOW = f"""\
on: push
jobs:
  ship:
    runs-on: ubuntu-latest
    steps:
      - uses: {CHECKOUT}
      - id: ship
        uses: your-org/aks_action@v1
        with:
          action: push, deploy
          build: true
          compose-file: production.yml
          compose-env: BASE
          registry: ${{{{ vars.REGISTRY }}}}
          registry-username: ${{{{ vars.REGISTRY_USERNAME }}}}
          registry-password: ${{{{ secrets.REGISTRY_PASSWORD }}}}
          tag: v2.0.0-rc.1
          kubeconfig: ${{{{ secrets.KUBECONFIG }}}}
          namespace: {NAMESPACE}
          imagepullsecrets: registry
          manifests: k8s
          timeout: 3m
      - env:
          VERSION: ${{{{ steps.ship.outputs.version }}}}
          RELEASE_TYPE: ${{{{ steps.ship.outputs.release-type }}}}
          IMAGES: ${{{{ steps.ship.outputs.images }}}}
          DIGESTS: ${{{{ steps.ship.outputs.digests }}}}
          RESULT: ${{{{ steps.ship.outputs.result }}}}
        run: |
          echo "VERSION $VERSION"
          echo "TYPE $RELEASE_TYPE"
          echo "IMAGES $(echo "$IMAGES" | wc --lines)"
          echo "DIGESTS $DIGESTS"
          echo "RESULT $RESULT"
"""

WRONG = f"""\
on: push
jobs:
  ship:
    runs-on: ubuntu-latest
    steps:
      - uses: {CHECKOUT}
      - uses: your-org/aks_action@v1
        with:
          action: deploy
          manifests: nowhere
          timeout: soon
      - run: echo "this must not run"
"""


class Runs:
    """Runs a workflow in a repository of its own with the example application."""

    def __init__(self, bed: Bed, image: str, folder: Path) -> None:
        self._bed = bed
        self._folder = workspace.make(folder / "shop", image)
        self._place = f"{bed.registry}/act-{time.strftime('%Y%m%d-%H%M%S')}"

    def __call__(self, text: str) -> runner.Run:
        workspace.add_workflow(self._folder, "test.yml", text)
        workspace.commit(self._folder, "The workflow under test")
        return runner.run(
            self._bed,
            self._folder,
            workflow="test.yml",
            event="push",
            payload=runner.push_event(),
            secrets={
                "REGISTRY_PASSWORD": self._bed.password,
                "KUBECONFIG": Path(self._bed.kubeconfig).read_text(),
            },
            variables={"REGISTRY": self._place, "REGISTRY_USERNAME": self._bed.username},
            environment={"BASE": self._bed.busybox},
        )


@pytest.fixture(name="runs")
def _runs(bed: Bed, image: str, tmp_path: Path) -> Iterator[Runs]:
    yield Runs(bed, image, tmp_path)
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture(name="namespace")
def _namespace(bed: Bed) -> Iterator[str]:
    bed.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=120s")
    bed.kubectl("create", "namespace", NAMESPACE)
    bed.pull_secret(NAMESPACE, "registry")
    yield NAMESPACE
    bed.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def after(marker: str, run: runner.Run) -> str:
    """What the last step printed behind a marker."""
    return next(line for line in run.log if line.startswith(f"{marker} ")).removeprefix(
        f"{marker} "
    )


def test_one_step_builds_pushes_and_deploys_and_tells_the_next_step(
    runs: Runs, namespace: str, bed: Bed
) -> None:
    """The outputs are true, the summary is there, the pods run what was pushed, by digest."""
    run = runs(WORKFLOW)
    assert run.code == 0, run.text
    assert after("VERSION", run) == "v2.0.0-rc.1"
    assert after("TYPE", run) == "rc"
    assert after("IMAGES", run) == "3"
    digests = json.loads(after("DIGESTS", run))
    result = json.loads(after("RESULT", run))
    assert f"deployment/{namespace}/web" in {name.lower() for name in result["created"]}
    assert result["failed"] == []
    assert "web" in run.summary
    assert bed.password not in run.text + run.summary
    running = bed.kubectl(
        *("get", "deployment", f"--namespace={namespace}"),
        "--output=jsonpath={.items[*].spec.template.spec.containers[*].image}",
    ).split()
    assert sorted(running) == sorted(f"{name}@{digest}" for name, digest in digests.items())


def test_a_wrong_step_fails_the_job_and_tells_everything_that_is_wrong(runs: Runs) -> None:
    """Both mistakes at once, no traceback, and the next step does not run."""
    run = runs(WRONG)
    assert run.code != 0
    assert "soon" in run.text
    assert "Traceback" not in run.text
    assert "this must not run" not in run.text
