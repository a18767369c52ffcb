"""Streams that several threads read, and that are closed together, also in the middle of a read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, TypeVar

T = TypeVar("T")


class OpenStreams:
    """What is being read now. What was closed stays so: its threads see that and end."""

    def __init__(self) -> None:
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._streams: set[AbstractContextManager[Any]] = set()

    def are_closed(self) -> bool:
        return self._closed.is_set()

    def pause(self, seconds: float) -> bool:
        """Whether they were closed before so many seconds had passed."""
        return self._closed.wait(seconds)

    @contextmanager
    def reading(self, stream: AbstractContextManager[Iterator[T]]) -> Iterator[Iterator[T]]:
        """What the stream has; nothing if all were closed before this one could be found."""
        with stream as content:
            with self._lock:
                self._streams.add(stream)
            try:
                yield iter(()) if self.are_closed() else content
            finally:
                with self._lock:
                    self._streams.discard(stream)

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            streams = list(self._streams)
        for stream in streams:
            with suppress(Exception):  # a stream that breaks while it is closed is closed
                stream.__exit__(None, None, None)
