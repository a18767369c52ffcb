"""Makes and grows the volumes of the test bed, as the sidecars of a CSI driver do: the provisioner
and the resizer of github.com/kubernetes-csi. The scheduler, the PV controller, the API server's
admission and the kubelet are the real ones.

A volume is a folder of this machine, mounted by the kubelet's `local` plugin. With the class's
parameter `resize: node` the kubelet has to finish a growth, as with a disk: it does within 15 s
where a pod mounts the volume. A claim says by the annotation `volumes.testbed/resize` how its
growth goes wrong:

    infeasible   for good, as when the class's parameter `largest` is exceeded
    fails        for the time being; tried again every few seconds
    stuck        it is begun and never ends

Copied into the state folder and run from there, as the keeper is: standard library only. One
argument: a JSON file with `url`, `pki` (ca.crt, admin.crt, admin.key), `volumes` (where the folders
are made) and `node`.
"""

import http.client
import json
import shutil
import ssl
import sys
import threading
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

NAME = "volumes.testbed"
FAULT = "volumes.testbed/resize"
ASKED = "volume.kubernetes.io/storage-provisioner"
NODE = "volume.kubernetes.io/selected-node"
MADE_BY = "pv.kubernetes.io/provisioned-by"
RESYNC = 5
SUFFIXES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 10**3, "M": 10**6, "G": 10**9}
CONDITIONS = ("Resizing", "FileSystemResizePending", "ControllerResizeError", "NodeResizeError")
WAITING = "Waiting for user to (re-)start a pod to finish file system resize of volume on node."

Object = dict[str, Any]


class Refused(Exception):  # noqa: N818 - an answer of the API server
    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


class Api:
    """The API server, with JSON in and out."""

    def __init__(self, url: str, pki: Path) -> None:
        self._host = urllib.parse.urlsplit(url).netloc
        self._tls = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self._tls.load_cert_chain(pki / "admin.crt", pki / "admin.key")

    def ask(self, method: str, path: str, body: Object | None = None, kind: str = "json") -> Object:
        connection = http.client.HTTPSConnection(self._host, timeout=10, context=self._tls)
        try:
            text = json.dumps(body) if body is not None else None
            connection.request(method, path, text, {"Content-Type": f"application/{kind}"})
            answer = connection.getresponse()
            read = answer.read()
        finally:
            connection.close()
        if answer.status >= 400:
            raise Refused(answer.status, read.decode(errors="replace"))
        return dict(json.loads(read))

    def each(self, path: str) -> Iterator[Object]:
        """All objects of a collection, then each that changes; ends after RESYNC seconds."""
        listed = self.ask("GET", path)
        yield from listed["items"]
        version = listed["metadata"]["resourceVersion"]
        query = f"?watch=1&resourceVersion={version}&timeoutSeconds={RESYNC}"
        connection = http.client.HTTPSConnection(self._host, timeout=2 * RESYNC, context=self._tls)
        try:
            connection.request("GET", path + query)
            for line in connection.getresponse():
                event = json.loads(line)
                if event["type"] in ("ADDED", "MODIFIED"):
                    yield event["object"]
        finally:
            connection.close()


def quantity(text: str) -> int:
    for suffix, factor in SUFFIXES.items():
        if text.endswith(suffix):
            return int(float(text.removesuffix(suffix)) * factor)
    return int(text)


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Provisioner:
    """Handles one claim or volume at a time; each call looks at what is there, so none is lost."""

    def __init__(self, api: Api, volumes: Path, node: str) -> None:
        self._api = api
        self._volumes = volumes
        self._node = node

    def claim(self, claim: Object) -> None:
        annotations = claim["metadata"].get("annotations") or {}
        phase = claim["status"].get("phase")
        if phase == "Pending" and annotations.get(ASKED) == NAME:
            self._provision(claim, annotations)
        elif phase == "Bound" and claim["spec"].get("volumeName"):
            self._resize(claim, annotations.get(FAULT, ""))

    def volume(self, volume: Object) -> None:
        """Delete what a deleted claim has released."""
        if not is_ours(volume) or volume["status"].get("phase") != "Released":
            return
        if volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete":
            shutil.rmtree(volume["spec"]["local"]["path"], ignore_errors=True)
            self._api.ask("DELETE", f"/api/v1/persistentvolumes/{volume['metadata']['name']}")

    def _provision(self, claim: Object, annotations: dict[str, str]) -> None:
        meta, spec = claim["metadata"], claim["spec"]
        kind = self._class(spec["storageClassName"])
        if kind["volumeBindingMode"] == "WaitForFirstConsumer" and NODE not in annotations:
            return
        name = f"pvc-{meta['uid']}"
        folder = self._volumes / name
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o777)
        host = {"key": "kubernetes.io/hostname", "operator": "In", "values": [self._node]}
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name, "annotations": {MADE_BY: NAME}},
            "spec": {
                "capacity": {"storage": spec["resources"]["requests"]["storage"]},
                "accessModes": spec["accessModes"],
                "persistentVolumeReclaimPolicy": kind["reclaimPolicy"],
                "storageClassName": spec["storageClassName"],
                "claimRef": {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    **{key: meta[key] for key in ("name", "namespace", "uid")},
                },
                "local": {"path": str(folder)},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [host]}]}},
            },
        }
        try:
            self._api.ask("POST", "/api/v1/persistentvolumes", volume)
        except Refused as refused:
            if refused.status != 409:  # made already, and not bound yet
                raise
            return
        self._tell(claim, "Normal", "ProvisioningSucceeded", f"Successfully provisioned {name}")

    def _resize(self, claim: Object, fault: str) -> None:
        if not is_growing(claim):
            return
        claim = self._api.ask("GET", path_of(claim))  # the event may be older than our own writes
        if not is_growing(claim):
            return
        size, status = claim["spec"]["resources"]["requests"]["storage"], claim["status"]
        state = (status.get("allocatedResourceStatuses") or {}).get("storage", "")
        path = f"/api/v1/persistentvolumes/{claim['spec']['volumeName']}"
        volume = self._api.ask("GET", path)
        done = quantity(volume["spec"]["capacity"]["storage"]) >= quantity(size)
        if not is_ours(volume) or (done and state.startswith("Node")):
            return
        tried = (status.get("allocatedResources") or {}).get("storage")
        if state == "ControllerResizeInfeasible" and tried == size:
            return
        if state != "ControllerResizeInProgress" or tried != size:
            allocated = {"storage": size}
            claim = self._set_state(
                claim, "ControllerResizeInProgress", "Resizing", "", allocatedResources=allocated
            )
            told = f"External resizer is resizing volume {volume['metadata']['name']}"
            self._tell(claim, "Normal", "Resizing", told)
        parameters = self._class(claim["spec"]["storageClassName"]).get("parameters") or {}
        largest = parameters.get("largest", "1024Ti")
        if quantity(size) > quantity(largest):
            self._fail(claim, volume, f"{size} is more than the {largest} of a volume", final=True)
        elif fault in ("infeasible", "fails"):
            self._fail(claim, volume, "the backend is out of space", final=fault == "infeasible")
        elif fault != "stuck":
            self._api.ask("PATCH", path, {"spec": {"capacity": {"storage": size}}}, MERGE)
            self._grown(claim, size, on_node=parameters.get("resize") == "node")

    def _grown(self, claim: Object, size: str, *, on_node: bool) -> None:
        if on_node:
            self._set_state(claim, "NodeResizePending", "FileSystemResizePending", WAITING)
            told = "Require file system resize of volume on node"
            self._tell(claim, "Normal", "FileSystemResizeRequired", told)
        else:
            self._set_state(claim, None, "", "", capacity={"storage": size})
            self._tell(claim, "Normal", "VolumeResizeSuccessful", "Resize volume succeeded")

    def _fail(self, claim: Object, volume: Object, why: str, *, final: bool) -> None:
        state = "ControllerResizeInfeasible" if final else "ControllerResizeInProgress"
        self._set_state(claim, state, "ControllerResizeError", f"failed to expand pvc with {why}")
        told = f'resize volume "{volume["metadata"]["name"]}" by resizer "{NAME}" failed: {why}'
        self._tell(claim, "Warning", "VolumeResizeFailed", told)

    def _set_state(
        self, claim: Object, state: str | None, condition: str, message: str, **more: Object
    ) -> Object:
        """Set how far a resize is, with the one condition (empty: none) that goes with it."""
        conditions: list[Object] = [
            {"$patch": "delete", "type": each} for each in CONDITIONS if each != condition
        ]
        if condition:
            now_true = {"type": condition, "status": "True", "lastTransitionTime": now()}
            conditions.append({**now_true, "message": message})
        states = {"storage": state}
        status = {"conditions": conditions, "allocatedResourceStatuses": states, **more}
        path = f"{path_of(claim)}/status"
        return self._api.ask("PATCH", path, {"status": status}, "strategic-merge-patch+json")

    def _class(self, name: str) -> Object:
        return self._api.ask("GET", f"/apis/storage.k8s.io/v1/storageclasses/{name}")

    def _tell(self, claim: Object, kind: str, reason: str, message: str) -> None:
        meta = claim["metadata"]
        about = {key: meta[key] for key in ("name", "namespace", "uid")}
        event = {
            "metadata": {
                "name": f"{meta['name']}.{uuid.uuid4().hex[:10]}",
                "namespace": meta["namespace"],
            },
            "involvedObject": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **about},
            "type": kind,
            "reason": reason,
            "message": message,
            "source": {"component": NAME},
            "firstTimestamp": now(),
            "lastTimestamp": now(),
            "count": 1,
        }
        self._api.ask("POST", f"/api/v1/namespaces/{meta['namespace']}/events", event)


MERGE = "merge-patch+json"


def is_ours(volume: Object) -> bool:
    return (volume["metadata"].get("annotations") or {}).get(MADE_BY) == NAME


def is_growing(claim: Object) -> bool:
    asked = claim["spec"]["resources"]["requests"]["storage"]
    return quantity(asked) > quantity(claim["status"]["capacity"]["storage"])


def path_of(claim: Object) -> str:
    meta = claim["metadata"]
    return f"/api/v1/namespaces/{meta['namespace']}/persistentvolumeclaims/{meta['name']}"


def follow(api: Api, path: str, handle: Callable[[Object], None]) -> None:
    """For ever; what goes wrong is in the log, and comes up again with the next list."""
    while True:
        try:
            for item in api.each(path):
                try:
                    handle(item)
                except Refused as refused:
                    print(f"{item['metadata']['name']}: {refused}", flush=True)
        except (OSError, ValueError, Refused, http.client.HTTPException) as error:
            print(f"{path}: {error}", flush=True)
            time.sleep(1)


def main() -> None:
    given = json.loads(Path(sys.argv[1]).read_text())
    api = Api(given["url"], Path(given["pki"]))
    provisioner = Provisioner(api, Path(given["volumes"]), given["node"])
    followed = (api, "/api/v1/persistentvolumes", provisioner.volume)
    threading.Thread(target=follow, args=followed, daemon=True).start()
    follow(api, "/api/v1/persistentvolumeclaims", provisioner.claim)


if __name__ == "__main__":
    main()
