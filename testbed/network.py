"""The network namespace that serves and sends all traffic, and the doors that join it to the host.

It has no default route: a packet to an address that nobody serves ends in it.
"""

import socket
from pathlib import Path

from testbed.processes import INSIDE, Processes
from testbed.settings import (
    API_PORT,
    GATEWAY_PORT,
    LOOPBACK,
    NETNS,
    NODE_ADDRESS,
    REGISTRY_PORT,
    RUN,
    SERVICE_RANGE,
)
from testbed.shell import TestbedError, run

BRIDGE = "node0"  # a bridge carries the node's address: not every kernel has `dummy` links
FORWARDING = "echo 1 > /proc/sys/net/ipv4/ip_forward"


def exists() -> bool:
    return Path("/run/netns", NETNS).exists()


def create() -> None:
    run("ip", "netns", "add", NETNS)
    for command in (
        "ip link set lo up",
        f"ip link add {BRIDGE} type bridge",
        f"ip address add {NODE_ADDRESS}/32 dev {BRIDGE}",
        f"ip link set {BRIDGE} up",
        # Without a route the kernel says "unreachable" before kube-proxy's rules are asked.
        f"ip route add {SERVICE_RANGE} dev {BRIDGE}",
    ):
        run(*INSIDE, *command.split())
    run(*INSIDE, "sh", "-c", FORWARDING)


def delete() -> None:
    if exists():
        run("ip", "netns", "delete", NETNS)


def door(processes: Processes, name: str, port: int, *, into: bool) -> None:
    """Serve `port` of one side on the other, same address: `into` the namespace or out of it."""
    meeting = RUN / f"{name}.sock"
    meeting.unlink(missing_ok=True)
    tcp = f"TCP4:{LOOPBACK}:{port},nodelay"
    listen = f"TCP4-LISTEN:{port},bind={LOOPBACK},fork,reuseaddr,nodelay,backlog=256"
    if not into:
        refuse_taken(port, name)
    processes.run(
        f"door-{name}-serve", "socat", "-b65536", listen, f"UNIX-CONNECT:{meeting}", inside=into
    )
    processes.run(
        f"door-{name}-reach",
        "socat", "-b65536",
        f"UNIX-LISTEN:{meeting},fork,mode=600,unlink-early,backlog=256", tcp,
        inside=not into,
    )  # fmt: skip


def refuse_taken(port: int, name: str) -> None:
    """Every port of the host is checked before it is used: a stranger's server is left alone."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise TestbedError(
                f"port {port}, wanted for the {name}, is taken on this machine ({error.strerror}): "
                f"`ss -ltnp sport = :{port}` tells by what; end that and try again"
            ) from None


def open_doors(processes: Processes) -> None:
    door(processes, "registry", REGISTRY_PORT, into=True)
    door(processes, "api", API_PORT, into=False)
    door(processes, "gateway", GATEWAY_PORT, into=False)
