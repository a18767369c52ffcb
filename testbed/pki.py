"""One certificate authority, and the certificates of a cluster's parts, by openssl."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from testbed.settings import API_URL, LOOPBACK, NODE_ADDRESS, NODE_NAME, SERVICE_API, Settings
from testbed.shell import run

TEN_YEARS = "3650"
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A certificate to make: file name, who it speaks for, and where it serves (empty: nowhere)."""

    name: str
    user: str
    group: str = ""
    served: str = ""


# https://kubernetes.io/docs/setup/best-practices/certificates/
IDENTITIES = (
    Identity(
        name="apiserver",
        user="kube-apiserver",
        served=f"IP:{LOOPBACK},IP:{NODE_ADDRESS},IP:{SERVICE_API},DNS:localhost,DNS:kubernetes,"
        "DNS:kubernetes.default,DNS:kubernetes.default.svc",
    ),
    Identity(name="kubelet-serving", user=NODE_NAME, served=f"IP:{NODE_ADDRESS},DNS:{NODE_NAME}"),
    Identity(
        name="apiserver-kubelet", user="kube-apiserver-kubelet-client", group="system:masters"
    ),
    Identity(name="admin", user="testbed-admin", group="system:masters"),
    Identity(name="controller-manager", user="system:kube-controller-manager"),
    Identity(name="scheduler", user="system:kube-scheduler"),
    Identity(name="kubelet", user=f"system:node:{NODE_NAME}", group="system:nodes"),
    Identity(name="proxy", user="system:kube-proxy"),
)
CLIENTS = ("admin", "controller-manager", "scheduler", "kubelet", "proxy")


def write(settings: Settings) -> None:
    """Fill the pki folder: ca, one pair per identity, the service accounts' key, kubeconfigs."""
    folder = settings.pki
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    run(
        "openssl", "req", "-x509", "-new", *CURVE, "-days", TEN_YEARS,
        "-subj", "/CN=aks-action test bed", "-keyout", folder / "ca.key", "-out", folder / "ca.crt",
        "-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature",
    )  # fmt: skip
    for identity in IDENTITIES:
        sign(folder, identity)
    run("openssl", "genrsa", "-out", folder / "accounts.key", "2048")
    run(
        "openssl", "rsa", "-in", folder / "accounts.key", "-pubout", "-out", folder / "accounts.pub"
    )
    for client in CLIENTS:
        write_private(folder / f"{client}.kubeconfig", kubeconfig(folder, client))
    write_private(settings.kubeconfig, kubeconfig(folder, "admin"))


def sign(folder: Path, identity: Identity) -> None:
    subject = (
        f"/O={identity.group}/CN={identity.user}" if identity.group else f"/CN={identity.user}"
    )
    usage = "serverAuth" if identity.served else "clientAuth"
    names = ("-addext", f"subjectAltName={identity.served}") if identity.served else ()
    run(
        "openssl", "req", "-x509", "-new", *CURVE, "-days", TEN_YEARS, "-subj", subject,
        "-CA", folder / "ca.crt", "-CAkey", folder / "ca.key",
        "-keyout", folder / f"{identity.name}.key", "-out", folder / f"{identity.name}.crt",
        "-addext", "basicConstraints=critical,CA:FALSE",
        "-addext", "keyUsage=critical,digitalSignature",
        "-addext", f"extendedKeyUsage={usage}", *names,
    )  # fmt: skip


def kubeconfig(folder: Path, client: str) -> str:
    def data(name: str) -> str:
        return base64.b64encode((folder / name).read_bytes()).decode()

    user = {
        "client-certificate-data": data(f"{client}.crt"),
        "client-key-data": data(f"{client}.key"),
    }
    cluster = {"server": API_URL, "certificate-authority-data": data("ca.crt")}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "testbed", "cluster": cluster}],
        "users": [{"name": client, "user": user}],
        "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": client}}],
        "current-context": "testbed",
    }
    return json.dumps(document, indent=1) + "\n"


def write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text)
