"""Two worlds for one suite: an API server in memory, and the test bed's, both with other people."""

from __future__ import annotations

import json
import os
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from aks_action.clients.kube.connection import connect
from aks_action.clients.ports import Cluster
from aks_action.model.documents import get_in, set_in
from aks_action.model.manifests import ObjectRef, ref_of
from tests.fakes.cluster import FakeCluster

KUBECTL = str(Path(__file__).resolve().parents[2] / ".venv/bin/kubectl")


def unique_name() -> str:
    return f"t-{uuid.uuid4().hex[:8]}"


class World(Protocol):
    """A cluster, and what others than the action do to it."""

    cluster: Cluster

    @contextmanager
    def namespace(self) -> Iterator[str]:
        """A new namespace, removed afterwards."""

    @contextmanager
    def removed_afterwards(self, *documents: dict[str, Any]) -> Iterator[None]: ...

    def kubectl_apply(self, document: dict[str, Any], *flags: str) -> None: ...

    def apply_as(self, manager: str, document: dict[str, Any]) -> None:
        """Server-side apply by another field manager."""

    def scale(self, document: dict[str, Any], replicas: int) -> None:
        """Set the replicas as an autoscaler does."""

    def seen(self, ref: ObjectRef) -> None:
        """Return when the controller of a workload has seen it, and noted that on it."""

    def end_job(self, ref: ObjectRef) -> None:
        """Let a Job fail for good."""

    def bound(self, *claims: ObjectRef) -> None:
        """Return when each claim, of a class of the test bed, has its volume."""

    def started(self, stateful_set: dict[str, Any]) -> None:
        """Return when a StatefulSet has its claims, bound, and its first pod, not yet running."""

    @contextmanager
    def reader(self, namespace: str) -> Iterator[Cluster]:
        """The same cluster for a user who may only read there."""

    @contextmanager
    def writer_who_may_not_list(self, namespace: str) -> Iterator[Cluster]:
        """The same cluster for a user who may get, create and patch there."""


def _first(name: str, namespace: str) -> dict[str, Any]:
    return {"name": f"{name}-0", "namespace": namespace}


class FakeWorld:
    """The API server in memory."""

    def __init__(self) -> None:
        self.fake = FakeCluster()
        self.cluster: Cluster = self.fake
        for name, grows in (("expandable", True), ("not-expandable", False)):
            self.fake.put(
                {
                    "apiVersion": "storage.k8s.io/v1",
                    "kind": "StorageClass",
                    "metadata": {"name": name},
                    "provisioner": "volumes.testbed",
                    "allowVolumeExpansion": grows,
                }
            )

    @contextmanager
    def namespace(self) -> Iterator[str]:
        name = unique_name()
        self.fake.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        yield name

    @contextmanager
    def removed_afterwards(self, *_documents: dict[str, Any]) -> Iterator[None]:
        yield

    def kubectl_apply(self, document: dict[str, Any], *flags: str) -> None:
        if "--server-side" in flags:
            self.fake.put(document, manager="kubectl", operation="Apply")
        else:
            self.fake.client_side_apply(document)

    def apply_as(self, manager: str, document: dict[str, Any]) -> None:
        self.fake.put(document, manager=manager, operation="Apply")

    def scale(self, document: dict[str, Any], replicas: int) -> None:
        scaled = {**document, "spec": {"replicas": replicas}}
        self.fake.put(scaled, manager="kube-controller-manager")

    def seen(self, ref: ObjectRef) -> None:
        pass

    def end_job(self, ref: ObjectRef) -> None:
        self.fake.set_status(ref, {"conditions": [{"type": "Failed", "status": "True"}]})

    def bound(self, *claims: ObjectRef) -> None:
        for each in claims:
            live = self.fake.get(each)
            assert live is not None
            size = get_in(live, ("spec", "resources", "requests", "storage"))
            self.fake.set_status(each, {"phase": "Bound", "capacity": {"storage": size}})

    def started(self, stateful_set: dict[str, Any]) -> None:
        ref = ref_of(stateful_set)
        metadata, spec = _first(ref.name, ref.namespace), stateful_set["spec"]["template"]["spec"]
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        self.fake.put(pod, manager="kube-controller-manager")
        for template in stateful_set["spec"]["volumeClaimTemplates"]:
            name = f"{template['metadata']['name']}-{ref.name}"
            claim = {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": _first(name, ref.namespace),
                "spec": template["spec"],
            }
            self.fake.put(claim, manager="kube-controller-manager")
            self.bound(ref_of(claim))

    @contextmanager
    def reader(self, namespace: str) -> Iterator[Cluster]:
        self.fake.forbid("apply", "ConfigMap", namespace=namespace)
        yield self.fake

    @contextmanager
    def writer_who_may_not_list(self, namespace: str) -> Iterator[Cluster]:
        self.fake.forbid("list", "ConfigMap", namespace=namespace)
        yield self.fake


class RealWorld:
    """The API server that KUBECONFIG names; others act by kubectl."""

    def __init__(self, kubeconfig: str, folder: Path) -> None:
        self._kubeconfig = kubeconfig
        self._folder = folder
        self.cluster: Cluster = connect(kubeconfig)

    @contextmanager
    def namespace(self) -> Iterator[str]:
        made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": unique_name()}}
        self.cluster.create(made)
        try:
            yield ref_of(made).name
        finally:
            self.cluster.delete(ref_of(made))

    @contextmanager
    def removed_afterwards(self, *documents: dict[str, Any]) -> Iterator[None]:
        try:
            yield
        finally:
            for each in documents:
                self._kubectl(
                    "delete", "--ignore-not-found", "--wait=false", "-f", "-", document=each
                )

    def kubectl_apply(self, document: dict[str, Any], *flags: str) -> None:
        self._kubectl("apply", *flags, "-f", "-", document=document)

    def apply_as(self, manager: str, document: dict[str, Any]) -> None:
        self._kubectl(
            "apply", "--server-side", "--field-manager", manager, "-f", "-", document=document
        )

    def scale(self, document: dict[str, Any], replicas: int) -> None:
        ref = ref_of(document)
        self._kubectl(
            "scale", "-n", ref.namespace, f"{ref.kind}/{ref.name}", f"--replicas={replicas}"
        )

    def seen(self, ref: ObjectRef) -> None:
        noted = "--for=jsonpath={.status.observedGeneration}"
        self._kubectl("wait", noted, "-n", ref.namespace, f"{ref.kind}/{ref.name}", "--timeout=30s")

    def end_job(self, ref: ObjectRef) -> None:
        """By its own deadline; its pod has an image that nobody serves."""
        patch = json.dumps({"spec": {"suspend": False, "activeDeadlineSeconds": 1}})
        self._kubectl("patch", "-n", ref.namespace, f"job/{ref.name}", "-p", patch)
        until = time.monotonic() + 30
        while time.monotonic() < until:
            conditions = get_in(self.cluster.get(ref), ("status", "conditions")) or ()
            if any((each["type"], each["status"]) == ("Failed", "True") for each in conditions):
                return
            time.sleep(0.2)
        raise AssertionError(f"{ref} did not fail")

    def bound(self, *claims: ObjectRef) -> None:
        for each in claims:
            names = (f"pvc/{each.name}", "-n", each.namespace)
            self._kubectl("wait", "--for=jsonpath={.status.phase}=Bound", *names, "--timeout=30s")

    def started(self, stateful_set: dict[str, Any]) -> None:
        ref = ref_of(stateful_set)
        pod = (f"pod/{ref.name}-0", "-n", ref.namespace, "--timeout=30s")
        self._kubectl("wait", "--for=create", *pod)
        for template in stateful_set["spec"]["volumeClaimTemplates"]:
            name = f"{template['metadata']['name']}-{ref.name}-0"
            claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
            self.bound(ref_of({**claim, "metadata": {"name": name, "namespace": ref.namespace}}))

    @contextmanager
    def reader(self, namespace: str) -> Iterator[Cluster]:
        yield self._user(namespace, "get", "list", "watch")

    @contextmanager
    def writer_who_may_not_list(self, namespace: str) -> Iterator[Cluster]:
        yield self._user(namespace, "get", "create", "patch")

    def _user(self, namespace: str, *verbs: str) -> Cluster:
        """A service account with a role of these verbs on everything in the namespace."""
        self._kubectl("create", "serviceaccount", "robot", "-n", namespace)
        rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": list(verbs)}]
        api = "rbac.authorization.k8s.io"
        metadata = {"name": "robot", "namespace": namespace}
        role = {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": metadata, "rules": rules}
        self._kubectl("apply", "-f", "-", document=role)
        self._kubectl(
            "create",
            "rolebinding",
            "robot",
            "--role=robot",
            f"--serviceaccount={namespace}:robot",
            "-n",
            namespace,
        )
        token = self._kubectl("create", "token", "robot", "-n", namespace).strip()
        config = json.loads(self._kubectl("config", "view", "--raw", "--minify", "-o", "json"))
        users = [{"name": each["name"], "user": {"token": token}} for each in config["users"]]
        path = self._folder / f"{namespace}.json"
        path.write_text(json.dumps(set_in(config, ("users",), users)))
        return connect(str(path))

    def _kubectl(self, *arguments: str, document: dict[str, Any] | None = None) -> str:
        done = subprocess.run(
            [KUBECTL, *arguments],
            env={**os.environ, "KUBECONFIG": self._kubeconfig},
            input=json.dumps(document) if document else None,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"kubectl {arguments}: {done.stderr}"
        return done.stdout
