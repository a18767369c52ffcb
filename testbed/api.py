"""Reading the cluster with the standard library: enough to know when a part is ready."""

import json
import ssl
import urllib.error
import urllib.request
from typing import Any

from testbed.settings import API_URL, Settings


def get(settings: Settings, path: str) -> Any:
    """The decoded answer (text for /readyz), or None when the server does not give one."""
    try:
        context = ssl.create_default_context(cafile=str(settings.pki / "ca.crt"))
        context.load_cert_chain(settings.pki / "admin.crt", settings.pki / "admin.key")
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        with opener.open(API_URL + path, timeout=5) as answer:
            body = answer.read()
            as_json = "json" in answer.headers.get("Content-Type", "")
    except (urllib.error.URLError, OSError, ssl.SSLError):
        return None
    return json.loads(body) if as_json else body.decode()


def has_condition(settings: Settings, path: str, condition: str) -> bool:
    found = get(settings, path) or {}
    listed = found.get("status", {}).get("conditions", [])
    return any(c["type"] == condition and c["status"] == "True" for c in listed)
