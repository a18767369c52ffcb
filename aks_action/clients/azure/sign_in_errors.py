"""What Entra says when it refuses, as one sentence with what to do.

Codes: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from aks_action.errors import AuthError
from aks_action.model.azure import AKS_SERVER, AuthType, AzureSettings

_CODE = re.compile(r"AADSTS(\d+)")
_NOISE = re.compile(r"\s*(Trace ID|Correlation ID|Timestamp):.*$", re.DOTALL)

_TOLD: Mapping[str, str] = {
    "7000215": "the client secret in `creds` is wrong. Give the secret's value, not its ID.",
    "7000222": "the client secret in `creds` has expired. Make a new one with `az ad app "
    "credential reset --id {client}`, or sign in by OIDC, which needs no secret.",
    "7000112": "its application is disabled. Have it enabled in Entra.",
    "700016": "the tenant {tenant} has no application {client}. Check `client-id` and "
    "`tenant-id`: one of them is another directory's.",
    "90002": "there is no tenant {tenant}. Check `tenant-id`, and `environment` for another cloud.",
    "900021": "{tenant} is no tenant. Check `tenant-id`.",
    "900023": "{tenant} is no tenant. Check `tenant-id`.",
    "500011": "the tenant {tenant} does not know {what}. Check `tenant-id` and `environment`.",
    "700024": "the assertion has expired. Check the clock of the runner.",
    "700027": "the assertion's signature is not valid.",
    "70021": "{federated}",
    "700213": "{federated}",
    "700211": "the application trusts another issuer than this runner's. Check `--issuer` of its "
    "federated credential.",
    "700212": "the application's federated credential has another audience than "
    "api://AzureADTokenExchange.",
    "53003": "a conditional access policy of the tenant forbids it. Exempt this application.",
    "530035": "security defaults of the tenant forbid it.",
}


def refused(text: str, settings: AzureSettings, scope: str) -> AuthError:
    """The error for what azure-identity said. `text` is its message, of which little is shown."""
    who = settings.identity
    code = _CODE.search(text)
    if code is None:
        return _unavailable(text, settings)
    said = text[code.start() :].partition(": ")[2]
    values = {
        "client": who.client_id,
        "tenant": who.tenant_id,
        "what": "AKS" if scope.startswith(AKS_SERVER) else scope.removesuffix("/.default"),
        "federated": _federated(said),
    }
    known = _TOLD.get(code[1])
    told = known.format(**values) if known else f"{_short(said)}."
    return AuthError(f"{_who(settings)} cannot sign in to Azure: {told} (AADSTS{code[1]})")


def _federated(said: str) -> str:
    """The subject that Entra saw is what a federated credential must have."""
    subject = re.search(r"[Ss]ubject:? '([^']+)'", said)
    seen = f" with the subject `{subject[1]}`" if subject else " for this repository and branch"
    return (
        f"the application has no federated credential{seen}. Add one with "
        "`az ad app federated-credential create`."
    )


def _unavailable(text: str, settings: AzureSettings) -> AuthError:
    who = settings.identity
    if "authority configuration" in text:  # how MSAL tells a tenant without metadata
        return AuthError(
            f"{settings.cloud.authority} knows no tenant {who.tenant_id}. Check `tenant-id`, and "
            "`environment` for another cloud."
        )
    if who.kind is AuthType.MANAGED_IDENTITY:
        which = f" {who.client_id}" if who.client_id else ""
        return AuthError(
            f"This runner has no managed identity{which} ({_short(text)}). Assign it to the "
            "machine of the runner, or sign in by OIDC; runners of GitHub have none."
        )
    return AuthError(
        f"{_who(settings)} cannot sign in to Azure at {settings.cloud.authority}: {_short(text)}. "
        "Check the network of the runner, HTTPS_PROXY and SSL_CERT_FILE."
    )


def _who(settings: AzureSettings) -> str:
    who = settings.identity
    match who.kind:
        case AuthType.SERVICE_PRINCIPAL:
            return f"The service principal {who.client_id}"
        case AuthType.OIDC:
            return f"This job (OIDC, client {who.client_id})"
        case AuthType.WORKLOAD_IDENTITY:
            return "The workload identity of the runner"
        case AuthType.MANAGED_IDENTITY:
            return "The managed identity of the runner"


def _short(text: str) -> str:
    line = " ".join(_NOISE.sub("", text).split()).rstrip(".")
    return line if len(line) <= 240 else line[:240] + " …"
