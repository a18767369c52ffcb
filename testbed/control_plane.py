"""etcd, API server, controller-manager and scheduler."""

from pathlib import Path

from testbed import api
from testbed.processes import Processes
from testbed.settings import API_PORT, LOOPBACK, NODE_ADDRESS, SERVICE_RANGE

ETCD = f"http://{LOOPBACK}:2379"


def start(processes: Processes, programs: Path) -> None:
    """Return when the API server is ready; controllers and scheduler wait for nobody."""
    start_etcd(processes, programs)
    start_api_server(processes, programs)
    settings = processes.settings
    processes.wait(
        "kube-apiserver", "API server", lambda: api.get(settings, "/readyz") == "ok", seconds=180
    )
    pki = settings.pki
    processes.run(
        "kube-controller-manager", programs / "kube-controller-manager",
        f"--kubeconfig={pki}/controller-manager.kubeconfig",
        "--leader-elect=false",
        "--use-service-account-credentials",
        f"--service-account-private-key-file={pki}/accounts.key",
        f"--root-ca-file={pki}/ca.crt",
        f"--bind-address={LOOPBACK}",
        "--kube-api-qps=100", "--kube-api-burst=200",
        inside=True,
    )  # fmt: skip
    processes.run(
        "kube-scheduler", programs / "kube-scheduler",
        f"--kubeconfig={pki}/scheduler.kubeconfig",
        "--leader-elect=false",
        f"--bind-address={LOOPBACK}",
        inside=True,
    )  # fmt: skip


def start_etcd(processes: Processes, programs: Path) -> None:
    processes.run(
        "etcd", programs / "etcd",
        f"--data-dir={processes.settings.state}/etcd",
        f"--listen-client-urls={ETCD}", f"--advertise-client-urls={ETCD}",
        f"--listen-peer-urls=http://{LOOPBACK}:2380",
        "--unsafe-no-fsync",  # a test bed may lose its data, and a busy disk must not slow tests
        "--log-level=warn",
        inside=True,
    )  # fmt: skip


def start_api_server(processes: Processes, programs: Path) -> None:
    pki = processes.settings.pki
    processes.run(
        "kube-apiserver", programs / "kube-apiserver",
        f"--etcd-servers={ETCD}",
        f"--secure-port={API_PORT}",
        # Every address: pods reach it as the node's, the door as the loopback's.
        "--bind-address=0.0.0.0", f"--advertise-address={NODE_ADDRESS}",
        f"--tls-cert-file={pki}/apiserver.crt", f"--tls-private-key-file={pki}/apiserver.key",
        f"--client-ca-file={pki}/ca.crt",
        f"--service-account-key-file={pki}/accounts.pub",
        f"--service-account-signing-key-file={pki}/accounts.key",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--authorization-mode=Node,RBAC",
        "--allow-privileged",
        "--kubelet-preferred-address-types=InternalIP",  # there is no name service
        f"--kubelet-certificate-authority={pki}/ca.crt",
        f"--kubelet-client-certificate={pki}/apiserver-kubelet.crt",
        f"--kubelet-client-key={pki}/apiserver-kubelet.key",
        inside=True,
    )  # fmt: skip
