"""Inputs by name, with their defaults, as typed values; what is wrong is remembered, not raised."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from aks_action.errors import Problem

T = TypeVar("T")

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
    "creds": "",
    "client-id": "",
    "tenant-id": "",
    "subscription-id": "",
    "auth-type": "",
    "environment": "",
    "cluster-name": "",
    "name": "",
    "resource-group": "",
    "resource-type": "Microsoft.ContainerService/managedClusters",
    "admin": "false",
    "use-public-fqdn": "false",
    "private-cluster": "false",
    "kubeconfig": "",
    "context": "",
    "skip-tls-verify": "false",
    "namespace": "",
    "manifests": "",
    "images": "",
    "imagepullsecrets": "",
    "pull-secret-name": "",
    "strategy": "basic",
    "timeout": "10m",
    "force": "false",
    "server-side": "false",
    "annotate-resources": "true",
    "annotate-namespace": "true",
    "pull-images": "true",
    "token": "",
    "traffic-split-method": "pod",
    "traffic-split-annotations": "",
    "baseline-and-canary-replicas": "",
    "percentage": "0",
    "route-method": "service",
    "version-switch-buffer": "0",
}
"""Every input with its default, as in action.yml (a test holds the two together)."""

SECRETS = ("registry-password", "token", "creds")
"""Inputs whose value is never quoted."""


class Reader:
    """Reads typed values and remembers what was wrong with them."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.problems: list[Problem] = []

    def text(self, name: str) -> str:
        return (self._values.get(name) or DEFAULTS[name]).strip()

    def lines(self, name: str, separators: str = r"\n") -> tuple[str, ...]:
        parts = re.split(f"[{separators}]+", self.text(name))
        return tuple(part.strip() for part in parts if part.strip())

    def flag(self, name: str) -> bool:
        value = self.text(name).lower()
        if value not in ("true", "false"):
            self.wrong(name, "it must be true or false")
        return value == "true"

    def parsed(self, name: str, parse: Callable[[str], T], otherwise: T) -> T:
        try:
            return parse(self.text(name))
        except ValueError as error:
            self.wrong(name, str(error))
            return otherwise

    def wrong(self, name: str, reason: str) -> None:
        shown = "its value" if name in SECRETS else f"{self.text(name)!r}"
        self.problems.append(Problem(message=f"Input `{name}`: {shown} cannot be used: {reason}."))

    def problem(self, message: str) -> None:
        self.problems.append(Problem(message=message))

    def missing(self, name: str, reason: str) -> None:
        self.problems.append(Problem(message=f"Input `{name}` is missing: {reason}."))
