"""An Ingress that names a Service without sending it traffic."""

import re
from typing import Any

from aks_action.model.traffic.ingress_paths import asked, knowing


def ingress(name: str, *, port: int = 80) -> dict[str, Any]:
    path = {"path": "/shop", "pathType": "Prefix", "backend": backend(name, port)}
    return {"kind": "Ingress", "spec": {"rules": [{"host": "a.b", "http": {"paths": [path]}}]}}


def backend(name: str, port: int = 80) -> dict[str, Any]:
    return {"service": {"name": name, "port": {"number": port}}}


def test_the_other_service_is_named_in_a_rule_for_the_same_host() -> None:
    """No host of its own: that could need a listener, a DNS record or a policy's consent."""
    made = knowing(ingress("web"), ingress("web-green", port=8080))
    asked_for, unasked = made["spec"]["rules"]
    assert [asked_for] == ingress("web")["spec"]["rules"]
    path = {
        "path": "/aks-action-unasked/web-green",
        "pathType": "Prefix",
        "backend": backend("web-green", 8080),
    }
    assert unasked == {"host": "a.b", "http": {"paths": [path]}}


def test_an_ingress_with_nothing_but_a_default_backend_gets_a_rule() -> None:
    made = knowing(
        {"spec": {"defaultBackend": backend("web")}},
        {"spec": {"defaultBackend": backend("web-green")}},
    )
    assert made["spec"]["defaultBackend"] == backend("web")
    (rule,) = made["spec"]["rules"]
    assert "host" not in rule
    assert rule["http"]["paths"][0]["backend"] == backend("web-green")


def test_the_path_has_no_character_that_a_controller_refuses() -> None:
    """ingress-nginx takes only these in paths of type Prefix, since its version 1.12."""
    made = knowing(ingress("web"), ingress("web-green"))
    path = made["spec"]["rules"][1]["http"]["paths"][0]["path"]
    assert re.fullmatch(r"/[A-Za-z0-9_/-]+", path)


def test_what_both_name_is_not_named_again() -> None:
    given = ingress("web")
    assert knowing(given, ingress("web")) is given


def test_what_gets_traffic_is_told_from_what_is_only_known() -> None:
    given = ingress("web")
    assert asked(knowing(given, ingress("web-green"))) == given
    assert asked(given) is given
