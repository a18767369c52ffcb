"""Which origins (scheme, host, port) may receive which credential, and where nothing is ever sent.

The answers come from what the workflow's author wrote: the inputs, and the runner's own variables.
Files of the repository, the cluster and answers of servers may name a host; they never decide that
a credential goes there, and never lead to this machine or to a cloud's metadata service.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin

from aks_action.errors import InputError

_PORTS = {"https": 443, "http": 80}
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://"
    r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?(?=[/?#]|\Z)"
)
"""Narrower than RFC 3986 on purpose: whatever two parsers may read differently is no address."""

_NAMES_OF_THIS_MACHINE = ("localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback")
_METADATA_NAMES = ("metadata", "metadata.google.internal", "metadata.goog", "instance-data")
_METADATA = frozenset(
    ipaddress.ip_address(address)
    for address in (
        "168.63.129.16",  # Azure's wire server
        "100.100.100.200",  # Alibaba Cloud
        "192.0.0.192",  # Oracle Cloud
        "fd00:ec2::254",  # AWS
        "fd20:ce::254",  # Google Cloud
    )
)
"""Those beyond the link-local 169.254.169.254, which most clouds have."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")
_THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")
_BROADCAST = ipaddress.ip_network("255.255.255.255/32")

_TOKEN_SERVERS = (
    ("registry-1.docker.io", "auth.docker.io"),
    ("registry.gitlab.com", "gitlab.com"),
    ("registry.digitalocean.com", "api.digitalocean.com"),
)
"""Token servers on another host than the registry that names them as its realm.

https://distribution.github.io/distribution/spec/auth/token/ leaves the realm to the registry.
Amazon's, Azure's, GitHub's, Google's, Harbor's and Quay's are on the registry's own host.
"""

_AUTHORITIES = (
    ("login.microsoftonline.com", "login.microsoft.com", "login.windows.net", "sts.windows.net"),
    ("login.chinacloudapi.cn", "login.partner.microsoftonline.cn"),
    ("login.microsoftonline.us", "login.usgovcloudapi.net"),
)
"""The names of each cloud's Entra: its metadata under one may name endpoints under another.

https://login.microsoftonline.com/common/discovery/instance?api-version=1.1 lists them.
"""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where requests go (RFC 6454). `host` is lower case, without brackets and a last dot."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """The origin of an address. Raises ValueError with the end of a sentence: "… which has"."""
        if "@" in re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]:
            raise ValueError("which has a user name or a password in it")
        match = _URL.match(url)
        scheme = match["scheme"].lower() if match else ""
        if match is None or scheme not in _PORTS:
            raise ValueError("which is no HTTPS address")
        port = int(match["port"]) if match["port"] else _PORTS[scheme]
        name = match["host"].lower().strip("[]")
        host = name.removesuffix(".")
        # `127.0.0.1.` is a name for DNS, and no address. Brackets are for IPv6 (RFC 3986, 3.2.2).
        is_odd = name != host and _address(host) is not None
        if match["host"].startswith("["):
            is_odd = not isinstance(_address(name), ipaddress.IPv6Address)
        if not 0 < port < 65536 or not host or is_odd:
            raise ValueError("which is no HTTPS address")
        return cls(scheme, host, port)

    @property
    def is_here(self) -> bool:
        """Whether the host is this machine by its plain name: 127.0.0.0/8, ::1 or localhost."""
        address = _address(self.host)
        return address.is_loopback if address else self.host == "localhost"

    @property
    def is_private(self) -> bool:
        """Whether what is sent there is encrypted, or does not leave this machine."""
        return self.scheme == "https" or self.is_here

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + (
            "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        )


def is_here(url: str) -> bool:
    """Whether an address is this machine's by its plain name."""
    try:
        return Origin.of(url).is_here
    except ValueError:
        return False


def resolved(base: str, location: str) -> str:
    """Where an answer's `Location` leads; empty for what is no address (RFC 9110, 10.2.2)."""
    try:
        return urljoin(base, location)
    except ValueError:
        return ""


def display(url: str) -> str:
    """An address for messages: without user and password, and without the query of a signed one."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url
    end = re.search(r"[/?#]|\Z", rest)
    start = end.start() if end else len(rest)
    path = re.split(r"[?#]", rest[start:], maxsplit=1)[0]
    return f"{scheme}://{rest[:start].rpartition('@')[2]}{path}"


# Where nothing is sent that only a file or an answer names


def why_not_address(text: str) -> str:
    """Why an IP address may be named by the workflow's author alone; empty for one that may not.

    Says how "…, which is" ends. Text that is no address gets no reason.
    """
    address = _address(text)
    if address is None:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and (inner := _ipv4_in(address)):
        return why_not_address(str(inner))
    # 0.0.0.0/8 means "this host on this network" (RFC 1122), and Linux connects it to itself.
    is_here = address.is_loopback or address.is_unspecified or address in _THIS_NETWORK
    reasons = (
        (address in _METADATA, "a cloud's metadata service"),
        (is_here, "this machine itself"),
        (address.is_link_local, "link-local, as the metadata services of clouds are"),
        (address.is_multicast or address in _BROADCAST, "not the address of one machine"),
    )
    return next((why for holds, why in reasons if holds), "")


def _ipv4_in(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """IPv4 inside of IPv6 counts as itself: mapped and compatible (RFC 4291), 6to4, NAT64."""
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(address.packed[12:])
    return address.ipv4_mapped or address.sixtofour


def why_not_host(host: str) -> str:
    """The same for a host as it is written, without asking DNS.

    Numbers that are no plain IPv4 address are refused: some resolvers read `2130706433`, `127.1`
    and `0x7f000001` as one (https://url.spec.whatwg.org/#ends-in-a-number-checker).
    """
    host = host.lower().strip("[]").removesuffix(".")
    if _address(host):
        return why_not_address(host)
    labels = host.split(".")
    if host in _NAMES_OF_THIS_MACHINE or labels[-1] == "localhost":
        return "this machine itself"
    if host in _METADATA_NAMES:
        return "a cloud's metadata service"
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]):
        return "no host but a number"
    return ""


def check_named_by_answer(url: str) -> Origin:
    """The origin of an address that only a server's answer names.

    Raises ValueError with the end of a sentence: what it leads to must be HTTPS and elsewhere.
    """
    origin = Origin.of(url)
    if origin.scheme != "https":
        raise ValueError("which is no HTTPS address")
    if why := why_not_host(origin.host):
        raise ValueError(f"which is {why}")
    return origin


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


# Which origins may receive which credential


def registry_of_password(hosts: Sequence[str], *, registry: str, named: Collection[str]) -> str:
    """The one registry that may be given the user name and the password.

    hosts:    the registries that the images of the compose files go to.
    registry: the host in the input `registry`; empty without it.
    named:    hosts that the workflow's author named by other inputs.
    Raises InputError where nobody but a file says whose the password is.
    """
    if registry:
        return registry
    if len(hosts) > 1:
        raise InputError(
            f"The images go to {' and '.join(hosts)}, but there is one password: name the registry "
            "that it is for as `registry`."
        )
    if hosts and hosts[0] not in named:
        raise InputError(
            f"Only the compose file says that the images go to {hosts[0]}, and a file of the "
            "repository does not decide where a password goes: name the registry that the password "
            "is for as `registry`."
        )
    return hosts[0] if hosts else ""


def check_registries_of_files(hosts: Collection[str], named: Collection[str]) -> None:
    """Refuse registries that only a compose file names, on this machine or link-local.

    Raises InputError.
    """
    for host in hosts:
        if host not in named and (why := why_not_host(Origin.of(f"https://{host}").host)):
            raise InputError(
                f"Only the compose file says that images go to {host}, which is {why}: name it as "
                "`registry` if it is meant."
            )


def of_registry(host: str) -> frozenset[Origin]:
    """Who may get the tokens of a registry, and what is written to it."""
    secure, plain = Origin.of(f"https://{host}"), Origin.of(f"http://{host}")
    return frozenset((secure, plain) if plain.is_here else (secure,))


def of_password(registry: Origin, token_server: str = "") -> frozenset[Origin]:
    """Who may get a registry's password: the registry, and the token server of its realm.

    That is the registry's host (also on the standard port, where GitLab has it beside a registry on
    another one), one that is known as its token server, or `token_server`, which the author named.
    """
    hosts = {server for host, server in _TOKEN_SERVERS if host == registry.host}
    if registry.scheme == "https" and not registry.is_here:
        hosts.add(registry.host)
    receivers = {registry, *(Origin("https", host, 443) for host in hosts)}
    if token_server:
        receivers.add(Origin.of(f"https://{token_server}"))
    return frozenset(receivers)


def of_sign_in(authority: str) -> frozenset[Origin]:
    """Who may get a client secret or an assertion: the cloud's Entra, by each of its names."""
    origin = Origin.of(authority)
    names = next((names for names in _AUTHORITIES if origin.host in names), ())
    if origin.port != 443:
        return frozenset((origin,))
    return frozenset((origin, *(Origin("https", name, 443) for name in names)))


def of_runner(url: str) -> frozenset[Origin]:
    """Who may get a token of the job: the address that the runner gave for it, or nobody.

    url: ACTIONS_ID_TOKEN_REQUEST_URL or GITHUB_API_URL.
    """
    try:
        origin = Origin.of(url)
    except ValueError:
        return frozenset()
    return frozenset((origin,)) if origin.is_private else frozenset()


def check_api_server(server: str, *, has_credentials: bool) -> None:
    """Refuse an API server that would be sent credentials in plain text. Raises InputError."""
    try:
        is_private = Origin.of(server).is_private
    except ValueError:
        is_private = not server.lower().startswith("http:")  # such as a host with a zone, by TLS
    if has_credentials and not is_private:
        raise InputError(
            f"The kubeconfig's server {display(server)} is not HTTPS: the credentials would be "
            "sent in plain text. Plain HTTP is for a server on this machine only."
        )
