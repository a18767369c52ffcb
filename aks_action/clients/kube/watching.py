"""Answers that are read as they grow, line by line: a WATCH, and a log that is followed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Generic, TypeVar

from aks_action.clients.kube.errors import Asked, from_answer, from_status
from aks_action.clients.kube.transport import Stream
from aks_action.clients.ports import WatchEvent

T = TypeVar("T")


class Growing(Generic[T]):
    """Opens on entering; ends when the server ends it, the connection breaks, or on leaving.

    Leaving (`__exit__`) may be called from another thread, also while the first one waits for
    the next line or still opens the connection; the iteration then just ends.

    read: makes an item of a line, or None.     last: see `Stream.lines`.
    """

    def __init__(
        self,
        open_stream: Callable[[], Stream],
        read: Callable[[bytes], T | None],
        *,
        last: bool = False,
    ) -> None:
        self._open = open_stream
        self._read = read
        self._last = last
        self._lock = threading.Lock()
        self._stream: Stream | None = None
        self._left = False

    def __enter__(self) -> Iterator[T]:
        stream = self._open()
        with self._lock:
            self._stream = stream
            if self._left:
                stream.close()
        return self._items(stream)

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

    def _items(self, stream: Stream) -> Iterator[T]:
        for line in stream.lines(last=self._last):
            if (item := self._read(line)) is not None:
                yield item


def watch_event(line: bytes, asked: Asked) -> WatchEvent | None:
    """Raises ApiError for an ERROR event: 410 when the resourceVersion is too old."""
    if not line.strip():
        return None
    try:
        event = json.loads(line)
        type_, document = event["type"], event["object"]
    except (ValueError, KeyError, TypeError):
        raise from_answer(200, line, "text/plain", asked) from None
    if type_ == "ERROR":
        raise from_status(document, asked)
    return WatchEvent(type=type_, object=document)


def log_line(line: bytes) -> str:
    """Bytes of a container, which may be anything."""
    return line.decode(errors="replace")
