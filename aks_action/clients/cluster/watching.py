"""A watch: the lines of one long answer, each a change."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any

from urllib3 import BaseHTTPResponse, HTTPResponse
from urllib3.exceptions import HTTPError

from aks_action.clients.kube.errors import Asked, from_status
from aks_action.clients.ports import WatchEvent


class Watch:
    """The changes of a collection, until the server ends them or the context is left.

    A connection that breaks ends the iteration too: whoever watches lists again anyway.
    """

    def __init__(
        self, opened: Callable[[], BaseHTTPResponse], asked: Asked, api_version: str, kind: str
    ) -> None:
        self._open = opened
        self._asked = asked
        self._kind = {"apiVersion": api_version, "kind": kind}
        self._response: BaseHTTPResponse | None = None
        self._left = threading.Event()

    def __enter__(self) -> Iterator[WatchEvent]:
        self._response = self._open()
        return self._events(self._response)

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._left.set()
        response = self._response
        if isinstance(response, HTTPResponse):
            with suppress(OSError, ValueError, RuntimeError, HTTPError):
                response.shutdown()  # wakes a thread that is reading; close() would wait for it
        if response is not None:
            with suppress(OSError, ValueError, HTTPError):
                response.close()

    def _events(self, response: BaseHTTPResponse) -> Iterator[WatchEvent]:
        rest = b""
        try:
            for chunk in response.stream(64 * 1024, decode_content=False):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    if line.strip():
                        yield self._event(json.loads(line))
        except (HTTPError, OSError, ValueError, AttributeError):
            return

    def _event(self, line: dict[str, Any]) -> WatchEvent:
        if line["type"] == "ERROR":
            raise from_status(line["object"], self._asked)
        return WatchEvent(type=line["type"], object={**self._kind, **line["object"]})
