"""Every input and its default, as in action.yml (a test holds the two together)."""

from __future__ import annotations

from collections.abc import Mapping

DEFAULTS: Mapping[str, str] = {
    "action": "deploy",
    "compose-file": "",
    "registry": "",
    "registry-username": "",
    "registry-password": "",
    "tag": "",
    "source-tag": "latest",
    "build": "false",
    "services": "",
    "kubeconfig": "",
    "context": "",
    "skip-tls-verify": "false",
    "namespace": "",
    "manifests": "",
    "images": "",
    "imagepullsecrets": "",
    "strategy": "basic",
    "timeout": "10m",
    "force": "false",
    "server-side": "false",
    "annotate-resources": "true",
    "annotate-namespace": "true",
    "pull-images": "true",
    "token": "",
    "percentage": "0",
    "baseline-and-canary-replicas": "",
    "traffic-split-method": "pod",
    "traffic-split-annotations": "",
    "route-method": "service",
    "version-switch-buffer": "0",
    "private-cluster": "false",
    "resource-group": "",
    "name": "",
    "resource-type": "Microsoft.ContainerService/managedClusters",
}
