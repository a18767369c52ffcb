"""What a cluster needs of whatever sends its requests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from aks_action.clients.kube.transport import Call


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


class Sender(Protocol):
    """Sends requests to one API server. Safe to use from several threads."""

    @property
    def host(self) -> str:
        """The server, for messages."""

    def send(self, call: Call) -> Answer:
        """The answer, if it is below 300. Raises ActionError for every other one."""
