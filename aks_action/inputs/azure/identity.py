"""Who signs in to Azure: a service principal, a workflow by OIDC, or the runner's identity."""

from __future__ import annotations

from aks_action.inputs.azure.creds import Creds, one_of
from aks_action.inputs.reader import Reader
from aks_action.model.azure import AuthType, Identity

INPUTS = ("creds", "client-id", "tenant-id", "subscription-id", "auth-type")
HOW = (
    "give `creds`; or `client-id`, `tenant-id` and `subscription-id` for OIDC; or `auth-type` for "
    "the identity of the runner"
)


def is_given(reader: Reader) -> bool:
    """Whether any input says who signs in."""
    return any(reader.text(name) for name in INPUTS)


def read(reader: Reader, creds: Creds) -> Identity:
    """Who signs in, with what it needs for that."""
    found = Identity(
        kind=_kind(reader, creds),
        client_id=one_of(reader, "client-id", creds.client_id),
        tenant_id=one_of(reader, "tenant-id", creds.tenant_id),
        client_secret=creds.secret,
    )
    kind = found.kind
    if kind is AuthType.SERVICE_PRINCIPAL and not creds.secret:
        reader.missing("creds", "a service principal needs its `clientSecret`")
    if kind in (AuthType.SERVICE_PRINCIPAL, AuthType.OIDC) and is_given(reader):
        for name, value in (("client-id", found.client_id), ("tenant-id", found.tenant_id)):
            if not value:
                reader.missing(name, f"the sign-in as {kind} needs it")
    return found


def _kind(reader: Reader, creds: Creds) -> AuthType:
    word = reader.text("auth-type").lower()
    if word:
        try:
            return AuthType(word)
        except ValueError:
            reader.wrong("auth-type", f"it is not one of {', '.join(AuthType)}")
    if creds.secret:
        return AuthType.SERVICE_PRINCIPAL
    alone = not any((creds.client_id, reader.text("client-id"), reader.text("tenant-id")))
    if alone and reader.text("subscription-id") and not word and not reader.text("creds"):
        reader.missing("auth-type", f"a subscription alone does not tell who signs in; {HOW}")
        return AuthType.MANAGED_IDENTITY
    return AuthType.OIDC
