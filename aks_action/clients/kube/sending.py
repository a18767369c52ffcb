"""One request to an API server: what it says, who sends it, and its answer read as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode

from aks_action.clients.kube.errors import Asked, from_answer
from aks_action.errors import ApplyError
from aks_action.model.bounded import is_deeper

_MOST_LEVELS = 150
"""Of nesting: what manifests may have, and what the server keeps of who owns their fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request. `path` has its query; `repeatable`: doing it twice does no harm.

    stream: seconds that an answer may take which is read as it comes; None: it is read at once.
    """

    method: str
    path: str
    asked: Asked
    body: bytes | None = None
    content_type: str = ""
    accept: str = "application/json"
    repeatable: bool = True
    stream: float | None = None


class Answer(Protocol):
    """An answer below 300, as urllib3 has it; `stream` is for one that is read as it comes."""

    @property
    def status(self) -> int: ...
    @property
    def data(self) -> bytes: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    def stream(self, amt: int, *, decode_content: bool) -> Iterator[bytes]: ...
    def shutdown(self) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """An answer that is known whole. Implements `Answer`."""

    data: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def stream(self, _amount: int, *, decode_content: bool) -> Iterator[bytes]:  # noqa: ARG002
        yield self.data

    def shutdown(self) -> None:
        """Nothing is open."""

    def close(self) -> None:
        """Nothing is open."""


class TooLong(ApplyError):  # noqa: N818 - as the errors of the package
    """An answer is longer than any that is read."""


class Sender(Protocol):
    """Sends requests to one API server. Safe to use from several threads."""

    @property
    def host(self) -> str:
        """The server, for messages."""

    def send(self, call: Call) -> Answer:
        """The answer, if it is below 300. Raises ActionError for every other one."""


def json_answer(sender: Sender, call: Call) -> dict[str, Any]:
    """The document that answers a call. Raises ActionError when the answer is none."""
    answer = sender.send(call)
    try:
        document = parsed(answer.data)
    except TooDeep as reason:
        asked = call.asked
        raise ApplyError(
            f"{asked.host} answered to {asked.verb} {asked.resource} with what cannot be read: "
            f"{reason}. Look for an object whose fields or `metadata.managedFields` are."
        ) from None
    except ValueError:
        document = None
    if not isinstance(document, dict):
        kind = answer.headers.get("Content-Type", "")
        raise from_answer(answer.status, b"", kind, call.asked)
    return document


class TooDeep(ValueError):  # noqa: N818 - reads as what it says of the data
    """JSON is nested in more levels than any object; the message ends no sentence."""


def parsed(data: bytes) -> Any:
    """An answer as JSON. Raises TooDeep, and ValueError for what is no JSON.

    Whoever may write one object of a kind decides how deep the LIST of it is.
    """
    try:
        value = json.loads(data)
    except RecursionError:
        value = None
    else:
        if not is_deeper(value, _MOST_LEVELS):
            return value
    raise TooDeep(f"it is nested in more than {_MOST_LEVELS} levels")


def with_query(path: str, **query: str) -> str:
    """The path of a call with those parameters that are not empty."""
    return f"{path}?{urlencode({key: value for key, value in query.items() if value})}"


def to_json(document: object) -> bytes:
    """A body. JSON is YAML, which is what server-side apply takes."""
    return json.dumps(document, separators=(",", ":")).encode()
