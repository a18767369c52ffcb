"""What a failed TLS connection means: told at once, or tried again."""

from __future__ import annotations

import ssl

_LASTING = (
    "CERTIFICATE",
    "UNKNOWN_CA",
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "PROTOCOL_VERSION",
    "UNSUPPORTED_PROTOCOL",
    "HANDSHAKE_FAILURE",
)
"""In OpenSSL's reasons: trust, another protocol than TLS, or no version or cipher in common."""


def chain(error: BaseException) -> list[BaseException]:
    """The error and what it wraps, by cause, or by argument as urllib3 does."""
    found = [error]
    while len(found) < 10:
        last = found[-1]
        inside = [each for each in last.args if isinstance(each, BaseException)]
        inner = last.__cause__ or (inside[-1] if inside else None)
        if inner is None or isinstance(last, ssl.SSLCertVerificationError):
            break
        found.append(inner)
    return found


def may_pass(error: BaseException) -> bool:
    """Whether the same connection may work in a moment, as when a load balancer changes hands.

    error: what the connection pool raised, with the error of `ssl` inside.
    """
    text = " ".join(str(each) for each in chain(error)).upper().replace(" ", "_")
    return not any(reason in text for reason in _LASTING)


def is_untrusted(error: BaseException) -> bool:
    """Whether it is about the server's certificate, or about ours."""
    text = " ".join(str(each) for each in chain(error)).upper()
    return "CERTIFICATE" in text or "UNKNOWN_CA" in text or "UNKNOWN CA" in text


def why_untrusted(error: BaseException) -> str:
    """The reason that ends `The certificate is refused: …`, without a full stop."""
    cause = chain(error)[-1]
    text = str(cause)
    if "expired" in text:
        return "it has expired"
    if "self-signed" in text or "self signed" in text or "local issuer" in text:
        return (
            "nobody that this machine trusts has signed it. Behind a proxy that opens TLS, name "
            "its authority by SSL_CERT_FILE"
        )
    if "mismatch" in text or "not valid for" in text:
        return "it is not for this name"
    return " ".join(text.split()).rstrip(".")[:200]
