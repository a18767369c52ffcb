"""The file that tells a checkout where everything of the test bed is."""

import shlex

from testbed import gateway, images
from testbed.pki import write_private
from testbed.settings import (
    CHECKOUT,
    GATEWAY_URL,
    NETNS,
    REGISTRY,
    REGISTRY_USERNAME,
    Settings,
)

FILE = CHECKOUT / ".testbed/env"


def write(settings: Settings) -> None:
    """Shell syntax, one assignment a line; read with `set -a; . .testbed/env; set +a`."""
    values = {
        "KUBECONFIG": settings.kubeconfig,
        "REGISTRY": REGISTRY,
        "REGISTRY_USERNAME": REGISTRY_USERNAME,
        "REGISTRY_PASSWORD": settings.registry_password.read_text(),
        "NETNS": NETNS,
        "GATEWAY_URL": GATEWAY_URL,
        "GATEWAY": f"{gateway.NAMESPACE}/{gateway.NAME}",
        "KUBECTL": settings.tool("kubectl"),
        "BASE_IMAGE": images.BASE,
        "COMPOSE_IMAGE": images.COMPOSE,
        "RUNNER_IMAGE": images.RUNNER,
        "SERVER_IMAGE": images.SERVER,
        "BUSYBOX_IMAGE": images.BUSYBOX,
        "TESTBED_STATE": settings.state,
    }
    text = "".join(f"{name}={shlex.quote(str(value))}\n" for name, value in values.items())
    FILE.parent.mkdir(exist_ok=True)
    write_private(FILE, text)
