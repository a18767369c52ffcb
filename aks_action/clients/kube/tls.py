"""The TLS context of an access, made from memory: no key is written to a disk."""

from __future__ import annotations

import os
import re
import ssl
from datetime import UTC, datetime

from aks_action.clients.kube.access import Access
from aks_action.clients.kube.credentials import Credential
from aks_action.errors import AuthError, InputError

_DATES = re.compile(rb"\x17\x0d(\d{12})Z|\x18\x0f(\d{14})Z")


def context(access: Access, credential: Credential, *, verify: bool) -> ssl.SSLContext:
    """Trust and client certificate of an access.

    Not `ssl.create_default_context`: since Python 3.13 that refuses authorities without some
    extensions (VERIFY_X509_STRICT), which clusters have and kubectl accepts.
    Raises InputError for what is not PEM, AuthError for a client certificate that has expired.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    elif access.authority:
        try:
            made.load_verify_locations(cadata=access.authority.decode("ascii"))
        except (ssl.SSLError, UnicodeError, ValueError) as error:
            raise InputError(
                "The certificate authority of the kubeconfig is not a PEM certificate."
            ) from error
    else:
        made.load_default_certs()
    if credential.client_certificate:
        _check_dates(credential.client_certificate, access.context)
        _load(made, credential)
    return made


def _load(made: ssl.SSLContext, credential: Credential) -> None:
    """`ssl` reads certificates from files only; this file never touches a disk."""
    with os.fdopen(os.memfd_create("client"), "wb") as file:
        file.write(credential.client_certificate + b"\n" + credential.client_key)
        file.flush()
        try:
            made.load_cert_chain(f"/proc/self/fd/{file.fileno()}", password=b"")
        except (ssl.SSLError, OSError) as error:
            raise InputError(
                "The client certificate and key of the kubeconfig are not a PEM certificate and "
                "its unencrypted key."
            ) from error


def _check_dates(certificate: bytes, name: str) -> None:
    """An API server only says 401 to an expired certificate; this says why."""
    try:
        text = certificate.decode("ascii")
        end = text.index(ssl.PEM_FOOTER) + len(ssl.PEM_FOOTER)
        der = ssl.PEM_cert_to_DER_cert(text[text.index(ssl.PEM_HEADER) : end])
    except (ValueError, UnicodeError):
        return  # `_load` tells
    dates = [short or long for short, long in _DATES.findall(der)]
    if len(dates) < 2:
        return
    digits = dates[1].decode()  # RFC 5280, 4.1.2.5: two-digit years below 50 are of this century
    expires = datetime.strptime(
        digits if len(digits) == 14 else f"{'20' if digits < '50' else '19'}{digits}",
        "%Y%m%d%H%M%S",
    ).replace(tzinfo=UTC)
    if expires < datetime.now(UTC):
        raise AuthError(
            f"The client certificate of the context {name} in the kubeconfig expired on "
            f"{expires:%Y-%m-%d %H:%M} UTC. Get a new kubeconfig."
        )
