"""Debian packages: installs what is missing, and starts none of their services."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from testbed.shell import run, say

# What a package is needed for is a file: an engine from another source does as well as Debian's.
NEEDED = {
    "/usr/bin/jq": "jq",  # what run commands of AKS have besides kubectl
    "/usr/sbin/dockerd": "docker.io",
    "/usr/sbin/iptables": "iptables",
    "/usr/bin/docker-registry": "docker-registry",
    "/usr/bin/htpasswd": "apache2-utils",
    "/usr/bin/containerd": "containerd",
    "/usr/sbin/runc": "runc",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
    "/usr/bin/socat": "socat",
    "/usr/share/doc/busybox-static/copyright": "busybox-static",
    "/usr/sbin/debootstrap": "debootstrap",
    "/usr/bin/openssl": "openssl",
    "/etc/ssl/certs/ca-certificates.crt": "ca-certificates",
    "/usr/bin/nsenter": "util-linux",
    "/usr/sbin/ip": "iproute2",
    "/usr/sbin/conntrack": "conntrack",
    "/usr/bin/curl": "curl",
    "/usr/bin/git": "git",
    "/usr/bin/wrk": "wrk",
    "/usr/bin/hey": "hey",
}
ELSEWHERE = ("/usr/local/bin", "/usr/local/sbin", "/usr/bin", "/usr/sbin")
POLICY = Path("/usr/sbin/policy-rc.d")


def is_there(file: str) -> bool:
    name = Path(file).name
    return Path(file).exists() or (
        "/bin/" in file.replace("sbin", "bin") and any(Path(d, name).exists() for d in ELSEWHERE)
    )


def missing() -> list[str]:
    return [package for file, package in NEEDED.items() if not is_there(file)]


@contextlib.contextmanager
def no_services() -> Iterator[None]:
    """Debian's own hook against starting a service at its installation (invoke-rc.d, policy 9.3.3).

    The registry's package would take port 5000, and without an init a start fails the installation.
    """
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def install() -> None:
    if not (wanted := missing()):
        return
    say(f"installing {' '.join(wanted)}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with no_services():
        run("apt-get", "update", "-qq", env=env, seconds=600)
        run(
            "apt-get", "install", "-y", "-qq", "--no-install-recommends", *wanted,
            env=env, seconds=1800,
        )  # fmt: skip
