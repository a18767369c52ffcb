"""The test bed's API server as AKS gives it to its users: it takes Entra's tokens.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/#using-authentication-configuration
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from aks_action.model.azure import AKS_SERVER
from tests.standins.cloud import TENANT

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
    pool: urllib3.PoolManager

    @classmethod
    def of(cls, url: str, pki: Path) -> ApiServer:
        """The one of a test bed, whose certificates are in a folder."""
        ca, certificate, key = pki / "ca.crt", pki / "admin.crt", pki / "admin.key"
        return cls(
            url=url,
            authority=ca.read_bytes(),
            certificate=certificate.read_bytes(),
            key=key.read_bytes(),
            pool=urllib3.PoolManager(
                ca_certs=str(ca), cert_file=str(certificate), key_file=str(key), maxsize=4
            ),
        )

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
        got = self.pool.request(
            method,
            self.url + path,
            body=None if body is None else json.dumps(body),
            headers={"content-type": f"application/{kind}"},
        )
        assert got.status < 300, (got.status, got.data)
        return got.json()

    def allow(self, user: str, namespace: str, *verbs: str) -> None:
        """In a namespace, a role of these verbs on everything for an Entra object id."""
        api = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
        group = "rbac.authorization.k8s.io"
        rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": list(verbs)}]
        role = {"metadata": {"name": "deployer"}, "rules": rules}
        self.request("POST", f"{api}/roles", role)
        binding = {
            "metadata": {"name": "deployer"},
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "deployer"},
            "subjects": [{"kind": "User", "apiGroup": group, "name": user}],
        }
        self.request("POST", f"{api}/rolebindings", binding)
