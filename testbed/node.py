"""A node that truly runs pods: containerd, kubelet and kube-proxy."""

import json
from pathlib import Path
from typing import Any

from testbed import api, cgroups, images
from testbed.processes import INSIDE, Processes
from testbed.settings import (
    CGROUP,
    LOOPBACK,
    MAX_PODS,
    NODE_ADDRESS,
    NODE_NAME,
    POD_RANGE,
    RUN,
    Settings,
)
from testbed.shell import run, succeeds

SOCKET = RUN / "containerd.sock"
NETWORK = "aks-action-testbed"

CONTAINERD = """\
version = 2
root = "{state}/containerd"
state = "{run}/containerd"

[grpc]
  address = "{socket}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  stream_server_address = "127.0.0.1"
  max_concurrent_downloads = 10
  # Without CAP_SYS_RESOURCE a negative oom_score_adj is refused, and every sandbox dies with it.
  restrict_oom_score_adj = true
  # Namespaces of pods below our own folder: whatever was left behind is found there.
  netns_mounts_under_state_dir = true

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{state}/cni/net.d"

  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
"""


def start(processes: Processes, programs: Path) -> None:
    """Return when the node is Ready and Services are served."""
    start_containerd(processes)
    start_kubelet(processes, programs)
    start_proxy(processes, programs)


def start_containerd(processes: Processes) -> None:
    state = processes.settings.state
    config = state / "containerd.toml"
    config.write_text(CONTAINERD.format(state=state, run=RUN, socket=SOCKET, pause=images.PAUSE))
    (state / "cni/net.d").mkdir(parents=True, exist_ok=True)
    (state / "cni/net.d/10-pods.conflist").write_text(json.dumps(pod_network(state), indent=1))
    processes.run("containerd", "containerd", "--config", config, inside=True)
    processes.wait("containerd", "containerd", lambda: succeeds(*ctr("version")))
    archive = images.saved(processes.settings, images.PAUSE)
    run(*ctr("images", "import", archive))


def ctr(*arguments: str | Path) -> tuple[str | Path, ...]:
    return ("ctr", "--address", SOCKET, "--namespace", "k8s.io", *arguments)


def pod_network(state: Path) -> dict[str, Any]:
    """A point-to-point link per pod: traffic between pods is routed, so the rules see all of it."""
    ipam = {
        "type": "host-local",
        "ranges": [[{"subnet": POD_RANGE}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": str(state / "cni/addresses"),
    }
    return {
        "cniVersion": "0.4.0",
        "name": NETWORK,
        "plugins": [
            {"type": "ptp", "ipMasq": False, "ipam": ipam},
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def start_kubelet(processes: Processes, programs: Path) -> None:
    settings = processes.settings
    cgroups.create(CGROUP)
    config = settings.state / "kubelet.json"
    config.write_text(json.dumps(kubelet_config(settings), indent=1))
    processes.run(
        "kubelet", programs / "kubelet",
        f"--config={config}",
        f"--kubeconfig={settings.pki}/kubelet.kubeconfig",
        f"--root-dir={settings.state}/kubelet",
        f"--hostname-override={NODE_NAME}",
        f"--node-ip={NODE_ADDRESS}",
        inside=True,
    )  # fmt: skip
    path = f"/api/v1/nodes/{NODE_NAME}"
    processes.wait("kubelet", "Ready node", lambda: api.has_condition(settings, path, "Ready"))


def kubelet_config(settings: Settings) -> dict[str, Any]:
    pki = settings.pki
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": "0.0.0.0",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": False},
            "x509": {"clientCAFile": f"{pki}/ca.crt"},
        },
        "authorization": {"mode": "AlwaysAllow"},
        "tlsCertFile": f"{pki}/kubelet-serving.crt",
        "tlsPrivateKeyFile": f"{pki}/kubelet-serving.key",
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{CGROUP}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        "oomScoreAdj": 0,
        "maxPods": MAX_PODS,
        "podLogsDir": str(settings.state / "pod-logs"),
        "resolvConf": "",
        "serializeImagePulls": False,
        "registryPullQPS": 0,
        "eventRecordQPS": 0,
        "syncFrequency": "10s",
        "nodeStatusUpdateFrequency": "5s",
        # The machine's disk is not the test bed's: no eviction and no image collection for it.
        "evictionHard": {},
        "imageGCHighThresholdPercent": 100,
    }


def start_proxy(processes: Processes, programs: Path) -> None:
    """Only now, with the Node's address known: kube-proxy ends when that changes."""
    settings = processes.settings
    config = settings.state / "kube-proxy.json"
    document = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clientConnection": {"kubeconfig": f"{settings.pki}/proxy.kubeconfig"},
        "clusterCIDR": POD_RANGE,
        "hostnameOverride": NODE_NAME,
        "oomScoreAdj": 0,
        "bindAddress": NODE_ADDRESS,
        "healthzBindAddress": f"{LOOPBACK}:10256",
        "metricsBindAddress": f"{LOOPBACK}:10249",
        # Limits of connection tracking belong to the machine, not to a network namespace.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s",
                      "tcpCloseWaitTimeout": "0s"},
    }  # fmt: skip
    config.write_text(json.dumps(document, indent=1))
    processes.run("kube-proxy", programs / "kube-proxy", f"--config={config}", inside=True)
    processes.wait("kube-proxy", "kube-proxy's rules", lambda: succeeds(*HEALTHZ), seconds=60)


HEALTHZ = (
    *INSIDE,
    "curl", "-fsS", "--max-time", "2", f"http://{LOOPBACK}:10256/healthz",
)  # fmt: skip
