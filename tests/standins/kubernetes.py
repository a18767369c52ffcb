"""A real API server that takes Entra's tokens, as AKS sets one up; with etcd, without nodes.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/#using-authentication-configuration
"""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme
import urllib3

from aks_action.model.azure import AKS_SERVER
from tests.standins.cloud import TENANT, Azure

SERVER_APP = "6dae42f8-4368-4678-94ff-3960e28e3630"
CLIENT_APP = "80faf920-1908-4b52-b5ef-a8e7bedfc67a"
assert AKS_SERVER == SERVER_APP


@dataclass(frozen=True, kw_only=True)
class ApiServer:
    """One that runs: its URL, its authority, and its administrator's certificate, all PEM."""

    url: str
    authority: bytes
    certificate: bytes
    key: bytes
    folder: Path

    def admin_kubeconfig(self) -> str:
        """As AKS gives it to administrators, and to all where Entra is not integrated."""
        user = {
            "client-certificate-data": base64.b64encode(self.certificate).decode(),
            "client-key-data": base64.b64encode(self.key).decode(),
        }
        return self._kubeconfig("clusterAdmin_shop-rg_shop", user)

    def exec_kubeconfig(self) -> str:
        """As `listClusterUserCredential?format=exec` of a cluster with Entra integration."""
        plugin = {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": "kubelogin",
            "args": [
                "get-token", "--environment", "AzurePublicCloud", "--server-id", SERVER_APP,
                "--client-id", CLIENT_APP, "--tenant-id", TENANT, "--login", "devicecode",
            ],
            "env": None,
            "provideClusterInfo": False,
        }  # fmt: skip
        return self._kubeconfig("clusterUser_shop-rg_shop", {"exec": plugin})

    def provider_kubeconfig(self) -> str:
        """The same with `format=azure`: the auth-provider that kubectl had until 1.25."""
        config = {
            "apiserver-id": SERVER_APP,
            "client-id": CLIENT_APP,
            "config-mode": "1",
            "environment": "AzurePublicCloud",
            "tenant-id": TENANT,
        }
        user = {"auth-provider": {"name": "azure", "config": config}}
        return self._kubeconfig("clusterUser_shop-rg_shop", user)

    def _kubeconfig(self, name: str, user: Mapping[str, Any]) -> str:
        data = base64.b64encode(self.authority).decode()
        cluster = {"certificate-authority-data": data, "server": self.url}
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "shop", "cluster": cluster}],
                "contexts": [{"name": "shop", "context": {"cluster": "shop", "user": name}}],
                "current-context": "shop",
                "preferences": {},
                "users": [{"name": name, "user": user}],
            },
            indent=1,
        )

    def request(self, method: str, path: str, body: Any = None, kind: str = "json") -> Any:
        """One request as the administrator; the JSON of its answer."""
        (self.folder / "admin.pem").write_bytes(self.certificate + self.key)
        with urllib3.PoolManager(
            ca_certs=str(self.folder / "ca.pem"), cert_file=str(self.folder / "admin.pem")
        ) as pool:
            got = pool.request(
                method,
                self.url + path,
                body=None if body is None else json.dumps(body),
                headers={"content-type": f"application/{kind}"},
            )
        assert got.status < 300, (got.status, got.data)
        return got.json()

    def allow(self, user: str, namespace: str, *verbs: str) -> None:
        """A namespace and, in it, a role of these verbs on everything for an Entra object id."""
        self.request("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
        api = "/apis/rbac.authorization.k8s.io/v1/namespaces"
        group = "rbac.authorization.k8s.io"
        rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": list(verbs)}]
        role = {"metadata": {"name": "deployer"}, "rules": rules}
        self.request("POST", f"{api}/{namespace}/roles", role)
        binding = {
            "metadata": {"name": "deployer"},
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "deployer"},
            "subjects": [{"kind": "User", "apiGroup": group, "name": user}],
        }
        self.request("POST", f"{api}/{namespace}/rolebindings", binding)


@contextmanager
def running_api_server(azure: Azure, programs: Path, folder: Path) -> Iterator[ApiServer]:
    """A kube-apiserver of `programs` with its etcd; users are known by their object id in Entra."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    serving = ca.issue_cert("127.0.0.1", "localhost")
    serving.private_key_pem.write_to_path(str(folder / "server.key"))
    for index, blob in enumerate(serving.cert_chain_pems):
        blob.write_to_path(str(folder / "server.crt"), append=index > 0)
    # A name that nobody needs: without one the extension is empty, which Go refuses.
    admin = ca.issue_cert("admin", common_name="admin", organization_name="system:masters")
    (folder / "accounts.key").write_bytes(trustme.CA().private_key_pem.bytes())
    port, etcd = _free_ports(2)
    peer = _free_ports(1)[0]
    (folder / "authentication.json").write_text(json.dumps(_authentication(azure)))
    with ExitStack() as stack:
        stack.enter_context(
            _process(
                folder / "etcd.log",
                programs / "etcd",
                f"--data-dir={folder}/etcd",
                f"--listen-client-urls=http://127.0.0.1:{etcd}",
                f"--advertise-client-urls=http://127.0.0.1:{etcd}",
                f"--listen-peer-urls=http://127.0.0.1:{peer}",
                "--unsafe-no-fsync",
                "--log-level=error",
            )
        )
        server = stack.enter_context(
            _process(
                folder / "apiserver.log",
                programs / "kube-apiserver",
                f"--etcd-servers=http://127.0.0.1:{etcd}",
                "--bind-address=127.0.0.1",
                f"--secure-port={port}",
                f"--tls-cert-file={folder}/server.crt",
                f"--tls-private-key-file={folder}/server.key",
                f"--client-ca-file={folder}/ca.pem",
                f"--service-account-key-file={folder}/accounts.key",
                f"--service-account-signing-key-file={folder}/accounts.key",
                "--service-account-issuer=https://kubernetes.default.svc",
                "--service-cluster-ip-range=198.18.0.0/24",
                "--authorization-mode=RBAC",
                "--disable-admission-plugins=ServiceAccount",
                f"--authentication-config={folder}/authentication.json",
            )
        )
        running = ApiServer(
            url=f"https://127.0.0.1:{port}",
            authority=ca.cert_pem.bytes(),
            certificate=admin.cert_chain_pems[0].bytes(),
            key=admin.private_key_pem.bytes(),
            folder=folder,
        )
        _wait_until_ready(running, server, folder / "apiserver.log")
        yield running


def _authentication(azure: Azure) -> dict[str, Any]:
    return {
        "apiVersion": "apiserver.config.k8s.io/v1beta1",
        "kind": "AuthenticationConfiguration",
        "jwt": [
            {
                "issuer": {
                    "url": azure.entra.issuer.url,
                    "discoveryURL": f"https://127.0.0.1:{azure.web.port}/{TENANT}"
                    "/.well-known/openid-configuration",
                    "audiences": [SERVER_APP],
                    "certificateAuthority": azure.ca_file.read_text(),
                },
                "claimMappings": {"username": {"claim": "oid", "prefix": ""}},
            }
        ],
    }


@contextmanager
def _process(log: Path, *argv: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as file:
        process = subprocess.Popen([str(part) for part in argv], stdout=file, stderr=file)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(server: ApiServer, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 90
    url = f"{server.url}/readyz"
    with urllib3.PoolManager(ca_certs=str(server.folder / "ca.pem")) as pool:
        while time.monotonic() < end and process.poll() is None:
            try:
                if pool.request("GET", url, retries=False, timeout=2.0).status == 200:
                    return
            except urllib3.exceptions.HTTPError:
                pass
            time.sleep(0.1)
    raise AssertionError(f"the API server is not ready: {log.read_text()[-2000:]}")


def _free_ports(count: int) -> Sequence[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports
