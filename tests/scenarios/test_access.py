"""Who may not, is told what is missing."""

import json
from pathlib import Path

import pytest
import yaml

from demo.bed import Bed
from tests.scenarios import manifests
from tests.scenarios.support import Step

REFUSED = 4
UNUSABLE = 2


@pytest.fixture(name="reader")
def _reader(bed: Bed, namespace: str, tmp_path: Path) -> str:
    """Path of a kubeconfig of somebody who may read ConfigMaps and nothing else."""
    role = {"verbs": ["get", "list", "watch"], "apiGroups": [""], "resources": ["configmaps"]}
    subject = {"kind": "ServiceAccount", "name": "reader", "namespace": namespace}
    items = (
        manifests.document("v1", "ServiceAccount", "reader")
        + manifests.document("rbac.authorization.k8s.io/v1", "Role", "reader", rules=[role])
        + manifests.document(
            "rbac.authorization.k8s.io/v1", "RoleBinding", "reader", subjects=[subject],
            roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
        )
    )  # fmt: skip
    bed.kubectl("apply", f"--namespace={namespace}", "--filename=-", stdin=items)
    token = bed.kubectl("create", "token", "reader", f"--namespace={namespace}").strip()
    config = yaml.safe_load(Path(bed.kubeconfig).read_text())
    config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
    path = tmp_path / "reader"
    path.write_text(json.dumps(config))
    return str(path)


def test_a_missing_verb_and_its_resource_are_named(step: Step, reader: str) -> None:
    """The sentence holds what to put into a role; nothing is written."""
    step.write("k8s/config.yml", manifests.config_map(LEVEL="info"))
    finished = step.run({"kubeconfig": Path(reader).read_text()})
    assert finished.code == REFUSED, finished.log
    finished.says_in_order(["patch"])
    assert "configmaps" in finished.log


def test_a_wrong_token_is_one_clear_error(step: Step, reader: str) -> None:
    """Not the reading of a manifest, not a timeout."""
    config = json.loads(Path(reader).read_text())
    config["users"][0]["user"]["token"] = "not-a-token"
    step.write("k8s/config.yml", manifests.config_map(LEVEL="info"))
    finished = step.run({"kubeconfig": json.dumps(config)})
    assert finished.code == REFUSED, finished.log
    shown = [line for line in finished.log.splitlines() if not line.startswith("::add-mask::")]
    assert "not-a-token" not in "\n".join(shown)


@pytest.mark.parametrize(
    "kubeconfig", ["nowhere/kubeconfig", "{}", "]: no YAML", "apiVersion: v1\nkind: Config\n"]
)
def test_a_kubeconfig_that_cannot_be_used_is_told(step: Step, kubeconfig: str) -> None:
    """Absent, empty, no YAML, or without a cluster."""
    step.write("k8s/config.yml", manifests.config_map(LEVEL="info"))
    finished = step.run({"kubeconfig": kubeconfig})
    assert finished.code in (UNUSABLE, REFUSED), finished.log
    assert "kubeconfig" in finished.log.lower()
