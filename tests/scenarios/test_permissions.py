"""The Roles of `examples/rbac`: each suffices for its actions, and has nothing beyond."""

import base64
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from demo.bed import ROOT, Bed
from tests.faults.proxy import Proxy, api_server, proxy_before
from tests.scenarios import manifests
from tests.scenarios.support import Step

ROLES = ROOT / "examples/rbac"
FORBIDDEN = 403
OPEN_TO_ALL = ("authorization.k8s.io",)
"""Groups in which everybody may ask about himself."""

Rights = frozenset[tuple[str, str, str]]
"""Group, resource and verb of each."""

_PATH = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/[^/]+(?:/namespaces/(?P<namespace>[^/]+))?"
    r"(?:/(?P<resource>[a-z]+)(?:/(?P<name>[^/]+)(?:/(?P<sub>[a-z]+))?)?)?"
)


def used(line: str) -> tuple[str, str, str] | None:
    """The right that a request needs. line: `METHOD target`; None for discovery."""
    method, _, target = line.partition(" ")
    parts = urlsplit(target)
    found = _PATH.fullmatch(parts.path)
    if not found or not (found["resource"] or found["namespace"]):
        return None
    resource, name = found["resource"], found["name"]
    if resource is None:  # the namespace itself
        resource, name = "namespaces", found["namespace"]
    if found["sub"]:
        resource = f"{resource}/{found['sub']}"
    reads = "watch" if "watch" in parse_qs(parts.query) else "get" if name else "list"
    verbs = {"GET": reads, "POST": "create", "PATCH": "patch", "PUT": "update", "DELETE": "delete"}
    return found["group"] or "", resource, verbs[method]


def granted(documents: list[dict[str, Any]]) -> Rights:
    """What the Roles and ClusterRoles among some manifests grant."""
    rules = [rule for each in documents for rule in each.get("rules") or ()]
    return frozenset(
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    )


@contextmanager
def signed_in(bed: Bed, namespace: str, role: Path) -> Iterator[Proxy]:
    """A proxy that is, to the API server, whoever has the role alone."""
    text = role.read_text().replace("namespace: shop", f"namespace: {namespace}")
    bed.kubectl("apply", "--filename=-", stdin=text)
    token = bed.kubectl("create", "token", "deployer", f"--namespace={namespace}").strip()
    upstream = api_server(bed.kubeconfig)
    upstream = replace(upstream, authorization=f"Bearer {token}", tls=authority_alone(bed))
    with proxy_before(upstream) as proxy:
        yield proxy


def authority_alone(bed: Bed) -> ssl.SSLContext:
    """TLS that knows the API server, without the certificate of the kubeconfig's user."""
    cluster = yaml.safe_load(Path(bed.kubeconfig).read_text())["clusters"][0]["cluster"]
    data = base64.b64decode(cluster["certificate-authority-data"]).decode()
    return ssl.create_default_context(cadata=data)


def app(level: str, *, more: str = "", broken: bool = False) -> str:
    env = [
        {"name": "SETTING", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "LEVEL"}}},
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "key", "key": "KEY"}}},
        {"name": "VERSION", "value": level},
        *([{"name": "CRASH_AFTER", "value": "0s"}] if broken else []),
    ]
    service = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    return (
        manifests.config_map(LEVEL=level)
        + manifests.document("v1", "Secret", "key", stringData={"KEY": level})
        + manifests.document("v1", "Service", "web", spec=service)
        + manifests.deployment(env=env)
        + more
    )


NEW = (
    manifests.config_map("extra", LEVEL="x")
    + manifests.document("v1", "Secret", "extra", stringData={"KEY": "x"})
    + manifests.document("v1", "Service", "extra", spec={"ports": [{"port": 80}]})
    + manifests.deployment("extra")
)
Flow = list[tuple[str, dict[str, str], int]]
CANARY = {"strategy": "canary", "percentage": "50"}
BLUE_GREEN = {"strategy": "blue-green"}
RELEASE = {"release-name": "shop", "prune": "true"}
FLOWS: Mapping[str, Flow] = {
    "plan": [(app("one"), {"action": "plan"}, 0)],
    "deploy": [
        (app("one"), {}, 0),
        (app("two"), {}, 0),
        (app("two"), {"action": "plan"}, 0),
        (app("three", broken=True, more=NEW), {"rollback-on-failure": "true"}, 7),
    ],
    "canary": [
        (app("one"), {}, 0),
        (app("two"), CANARY, 0),
        (app("two"), {**CANARY, "action": "reject"}, 0),
        (app("three"), CANARY, 0),
        (app("three"), {**CANARY, "action": "promote"}, 0),
    ],
    "blue-green": [
        (app("one"), {}, 0),
        (app("two"), BLUE_GREEN, 0),
        (app("two"), {**BLUE_GREEN, "action": "reject"}, 0),
        (app("three"), BLUE_GREEN, 0),
        (app("three"), {**BLUE_GREEN, "action": "promote"}, 0),
    ],
    "rollback": [
        (app("one", more=NEW), RELEASE, 0),
        (app("two"), RELEASE, 0),
        (app("two"), {**RELEASE, "action": "rollback"}, 0),
    ],
}


RARE: Mapping[str, str] = {
    "coordination.k8s.io leases get": "the lock was taken over, or its answer was lost",
    "coordination.k8s.io leases list": "another run is waited for",
    "coordination.k8s.io leases watch": "another run is waited for",
    "coordination.k8s.io leases patch": "the lock of a run of more than five seconds is renewed",
    " configmaps get": "one that is pruned does not go at once",
    " secrets get": "one that is pruned does not go at once",
    "apps deployments get": "one that is pruned does not go at once",
    "discovery.k8s.io endpointslices watch": "endpoints do not follow at once",
    " pods/log get": "a container has crashed",
    " secrets delete": "there are more than ten records",
}
"""Rights that a short run without trouble does not use, and when one does."""


@pytest.mark.timeout(250)
@pytest.mark.parametrize("name", FLOWS)
def test_a_role_suffices_and_has_nothing_that_is_not_used(
    name: str, step: Step, bed: Bed, namespace: str
) -> None:
    """Every action runs to its end as somebody with this role alone."""
    role = ROLES / f"{name}.yml"
    needed: set[tuple[str, str, str]] = set()
    with signed_in(bed, namespace, role) as proxy:
        for text, inputs, code in FLOWS[name]:
            proxy.arm()
            step.write("k8s/all.yml", text)
            finished = step.run({**inputs, "kubeconfig": proxy.kubeconfig})
            assert finished.code == code, finished.log
            assert " may not " not in finished.log
            answered = (each.line for each in proxy.requests if each.status != FORBIDDEN)
            needed |= {found for line in answered if (found := used(line))}
    needed = {each for each in needed if each[0] not in OPEN_TO_ALL}
    # A server-side apply of what is not there yet is a PATCH that needs both verbs.
    needed |= {(*each[:2], "create") for each in needed if each[2] == "patch"}
    needed.discard(("", "namespaces", "create"))
    rights = granted([each for each in yaml.safe_load_all(role.read_text()) if each])
    assert needed <= rights
    assert {each for each in rights - needed if " ".join(each) not in RARE} == set()


def test_every_role_of_the_examples_is_tested() -> None:
    assert {path.stem for path in ROLES.glob("*.yml")} == set(FLOWS)
