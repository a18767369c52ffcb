"""All of Azure that the action meets, as one thing to start, and the environment to reach it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.standins import entra, github, manager, metadata
from tests.standins.entra import App, Entra
from tests.standins.github import GitHub
from tests.standins.keys import Keys
from tests.standins.manager import Manager
from tests.standins.metadata import Metadata
from tests.standins.registry import AzureRegistry
from tests.standins.web import Web, proxy_to, serving, serving_plain

TENANT = "11111111-1111-4111-8111-111111111111"
SUBSCRIPTION = "22222222-2222-4222-8222-222222222222"
CLIENT = "33333333-3333-4333-8333-333333333333"
SECRET = "s3cr3t~of.the-service_principal"
REGISTRY = "shop.azurecr.io"
_NAMES = (entra.HOST, manager.HOST, github.HOST, REGISTRY, "*.azurecr.io")


@dataclass(kw_only=True)
class Azure:
    """Everything that answers. `env` is what a process needs to find it."""

    web: Web
    entra: Entra
    github: GitHub
    manager: Manager
    metadata: Metadata
    registry: AzureRegistry
    app: App
    ca_file: Path
    env: Mapping[str, str]

    @property
    def secrets(self) -> tuple[str, ...]:
        """All that no output may show."""
        return (
            self.app.secret,
            self.github.request_token,
            *self.entra.issued,
            *self.github.issued,
            *self.registry.issued,
        )

    @property
    def creds(self) -> str:
        """As `az ad sp create-for-rbac --json-auth` prints it."""
        return (
            "{\n"
            f'  "clientId": "{self.app.client_id}",\n'
            f'  "clientSecret": "{self.app.secret}",\n'
            f'  "subscriptionId": "{SUBSCRIPTION}",\n'
            f'  "tenantId": "{TENANT}",\n'
            '  "activeDirectoryEndpointUrl": "https://login.microsoftonline.com",\n'
            '  "resourceManagerEndpointUrl": "https://management.azure.com/",\n'
            '  "activeDirectoryGraphResourceId": "https://graph.windows.net/",\n'
            '  "managementEndpointUrl": "https://management.core.windows.net/"\n'
            "}"
        )


@contextmanager
def running_azure(
    folder: Path, keys: Keys | None = None, *, port: int = 0, proxy_port: int = 0
) -> Iterator[Azure]:
    """Start all of it on loopback (0: on free ports). One app has a secret and trusts GitHub."""
    keys = keys or Keys.made()
    ca = keys.authority
    ca_file = folder / "azure-ca.pem"
    ca.cert_pem.write_to_path(str(ca_file))
    directory, hub = Entra(TENANT, keys.entra), GitHub()
    app = directory.add(App(client_id=CLIENT, secret=SECRET, trusted={github.SUBJECT: hub.issuer}))
    resources = Manager(directory, SUBSCRIPTION)
    registry = AzureRegistry(REGISTRY, directory, keys)
    machine = Metadata(directory)
    web = Web(
        sites={
            entra.HOST: directory,
            "127.0.0.1": directory,  # for API servers, which know no proxy
            manager.HOST: resources,
            github.HOST: hub,
            metadata.HOST: machine,
            REGISTRY: registry,
        }
    )
    with ExitStack() as stack:
        serves = stack.enter_context(serving(web, ca, *_NAMES, port=port))
        proxy = stack.enter_context(proxy_to(serves, proxy_port))
        plain = stack.enter_context(serving_plain(web, metadata.HOST))
        yield Azure(
            web=web,
            entra=directory,
            github=hub,
            manager=resources,
            metadata=machine,
            registry=registry,
            app=app,
            ca_file=ca_file,
            env={
                "HTTPS_PROXY": f"http://127.0.0.1:{proxy}",
                "NO_PROXY": "127.0.0.1,localhost",
                "SSL_CERT_FILE": str(ca_file),
                "AZURE_POD_IDENTITY_AUTHORITY_HOST": f"http://127.0.0.1:{plain}",
            },
        )
