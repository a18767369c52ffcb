"""Each folder of `folders/` is a deploy: manifests, and what the log of it has to say, in order."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.bed import Bed
from tests.scenarios.support import Step

FOLDERS = sorted(path.parent for path in Path(__file__).parent.glob("folders/*/expected.yml"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_deploy_ends_as_its_folder_expects(folder: Path, step: Step, bed: Bed) -> None:
    """`expected.yml`: exit code, the most seconds, parts of the log in order, texts never in it."""
    expected: dict[str, Any] = yaml.safe_load((folder / "expected.yml").read_text())
    ignore = shutil.ignore_patterns("expected.yml")
    shutil.copytree(folder, step.workspace / "k8s", ignore=ignore)
    finished = step.run(expected.get("inputs"))
    if "namespace" in expected.get("inputs", {}):  # else everything goes with the namespace
        bed.kubectl("delete", f"--filename={step.workspace}/k8s", "--wait=false", check=False)
    assert finished.code == expected["code"], finished.log
    finished.says_in_order(expected["log"])
    for text in expected.get("never", []):
        assert text not in finished.log + finished.summary, finished.log
    assert finished.seconds <= expected.get("seconds", 60), finished.log
