"""Why there is no answer, as a sentence; the caller adds what to do and says which error it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from urllib3 import exceptions as faults

from aks_action.clients import tls_faults
from aks_action.clients.http_pools import ForbiddenAddressError
from aks_action.clients.retry import long_wish, retry_after


class Why(Enum):
    UNREACHED = auto()
    UNTRUSTED = auto()
    BUSY = auto()
    """It answered 429."""
    UNWELL = auto()
    """It answered 5xx."""
    TOO_LONG = auto()
    IN_A_CIRCLE = auto()
    FORBIDDEN = auto()
    """It leads where nothing is sent, or would be given what it must not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAnswer:
    """A sentence with the host and without a full stop about why there is no answer.

    again: whether another attempt may have one; after: seconds that the server asked to wait.
    """

    why: Why
    sentence: str
    again: bool = False
    after: float | None = None


def broken(error: faults.HTTPError, host: str, *, is_known: bool) -> NoAnswer:
    """What the connection pool raised.

    is_known: the host has answered before, so that it is no wrong name.
    """
    if isinstance(error, ForbiddenAddressError):
        return NoAnswer(why=Why.FORBIDDEN, sentence=f"{host} is not asked: {words(error)}")
    is_tls = isinstance(error, faults.SSLError)
    if is_tls and tls_faults.is_untrusted(error):
        why = tls_faults.why_untrusted(error)
        sentence = f"The certificate of {host} is refused: {why}. Nothing was sent"
        return NoAnswer(why=Why.UNTRUSTED, sentence=sentence)
    if is_tls and not tls_faults.may_pass(error):
        sentence = f"{host} does not speak HTTPS: {words(error)}"
        return NoAnswer(why=Why.UNREACHED, sentence=sentence)
    doubtful = is_tls or isinstance(error, faults.NewConnectionError)
    return NoAnswer(
        why=Why.UNREACHED,
        sentence=f"{host} cannot be reached: {words(error)}",
        again=is_known or not doubtful,
    )


def not_now(host: str, status: int, headers: Mapping[str, str]) -> NoAnswer:
    """An answer of 429 or 5xx."""
    busy = status == 429
    told = "it is asked too often" if busy else "it is not well"
    after = retry_after(headers.get("retry-after"), date=headers.get("date"))
    wish = long_wish(after)
    return NoAnswer(
        why=Why.BUSY if busy else Why.UNWELL,
        sentence=f"{host} answered {status}: {told}" + (f". {wish}" if wish else ""),
        again=True,
        after=after,
    )


def words(error: Exception) -> str:
    """What a connection pool raised, in a few words without a full stop."""
    match error:
        case faults.NameResolutionError():
            return "its name is unknown"
        case faults.NewConnectionError():
            return "nothing listens there"
        case faults.ConnectTimeoutError() | faults.ReadTimeoutError():
            return "it did not answer in time"
        case faults.ProxyError():
            return "the proxy does not let us through"
        case _:
            text = " ".join(str(error.args[-1] if error.args else error).split())
            return text.rstrip(".")[:200] or type(error).__name__
