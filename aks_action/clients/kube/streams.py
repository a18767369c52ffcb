"""Answers that are read as they grow, line by line, and that any thread can end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Generic, TypeVar

from urllib3.exceptions import HTTPError

from aks_action.clients.kube.sending import Answer

T = TypeVar("T")

_LONGEST_LINE = 8 * 1024 * 1024
"""Bytes; what comes after them is dropped."""


class Stream:
    """An answer that is read line by line; `close` ends it from any thread."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._closed = False
        self._reading = threading.Lock()

    def lines(self, *, last: bool = False) -> Iterator[bytes]:
        """Complete lines until the server ends, the connection breaks, or `close` is called.

        A line that was cut short is dropped: the reader asks again from what it has seen.
        last: one at the proper end counts as complete.
        """
        rest = b""
        with self._reading:
            try:
                for chunk in self._answer.stream(65_536, decode_content=False):
                    *lines, rest = (rest + chunk).split(b"\n")
                    yield from lines
                    rest = rest[:_LONGEST_LINE]
                    if self._closed:
                        return
                if last and rest:
                    yield rest
            except (HTTPError, OSError):
                return
            except (ValueError, AttributeError):  # what a closed file says, in several ways
                if not self._closed:
                    raise

    def close(self) -> None:
        """End the reading. A blocked read wakes up; closing alone would not wake it."""
        self._closed = True
        with suppress(ValueError, RuntimeError, OSError, AttributeError):
            self._answer.shutdown()
        self._answer.close()


class Growing(Generic[T]):
    """Sends on entering; ends when the server ends it, the connection breaks, or on leaving.

    Leaving (`__exit__`) may be called from another thread, also while the first one waits for
    the next line or still opens the connection; the iteration then just ends.

    send: asks for the answer.     read: makes an item of a line, or None.
    last: see `Stream.lines`.
    """

    def __init__(
        self,
        send: Callable[[], Answer],
        read: Callable[[bytes], T | None],
        *,
        last: bool = False,
    ) -> None:
        self._send = send
        self._read = read
        self._last = last
        self._lock = threading.Lock()
        self._stream: Stream | None = None
        self._left = False

    def __enter__(self) -> Iterator[T]:
        stream = Stream(self._send())
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
