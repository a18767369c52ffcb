"""A WATCH: one request whose answer grows by a line for each change."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from types import TracebackType

from aks_action.clients.kube.errors import Asked, from_answer, from_status
from aks_action.clients.kube.transport import Stream
from aks_action.clients.ports import WatchEvent


class Watch:
    """Opens on entering; ends when the server ends it, the connection breaks, or on leaving.

    Leaving (`__exit__`) may be called from another thread, also while the first one waits for
    the next event or still opens the connection; the iteration then just ends.
    """

    def __init__(self, open_stream: Callable[[], Stream], asked: Asked) -> None:
        self._open = open_stream
        self._asked = asked
        self._lock = threading.Lock()
        self._stream: Stream | None = None
        self._left = False

    def __enter__(self) -> Iterator[WatchEvent]:
        stream = self._open()
        with self._lock:
            self._stream = stream
            if self._left:
                stream.close()
        return self._events(stream)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._left = True
            if self._stream is not None:
                self._stream.close()

    def _events(self, stream: Stream) -> Iterator[WatchEvent]:
        for line in stream.lines():
            if event := self._event(line):
                yield event

    def _event(self, line: bytes) -> WatchEvent | None:
        """Raises ApiError for an ERROR event: 410 when the resourceVersion is too old."""
        if not line.strip():
            return None
        try:
            event = json.loads(line)
            type_, document = event["type"], event["object"]
        except (ValueError, KeyError, TypeError):
            raise from_answer(200, line, "text/plain", self._asked) from None
        if type_ == "ERROR":
            raise from_status(document, self._asked)
        return WatchEvent(type=type_, object=document)
