"""Being cancelled: a signal becomes an exception in the main thread, wherever that waits."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aks_action.errors import Cancelled

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_AGAIN_SECONDS = 0.1


@contextmanager
def cancellable() -> Iterator[Callable[[], None]]:
    """SIGINT and SIGTERM raise `Cancelled` here, once; a second one changes nothing.

    Yields what to call when there is nothing left to cancel.

    The runner sends SIGINT, SIGTERM after 7.5 s and kills after 2.5 s more; as a container's
    first process, a signal without a handler would not even reach us.
    """
    over = threading.Event()

    def cancel(number: int, _frame: object) -> None:
        if not over.is_set():
            over.set()  # not by SIG_IGN: Python prints a traceback for a signal on its way
            raise Cancelled(number)

    before = {each: signal.signal(each, cancel) for each in SIGNALS}
    try:
        with _insisting(over):
            yield over.set
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def _insisting(over: threading.Event) -> Iterator[None]:
    """Send the main thread its signals again until it has noticed.

    One that comes right before a thread begins to wait does not wake it, and its handler would
    run when the wait is over: on a busy machine that was after the last write of a deploy.
    """
    main = threading.get_ident()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def insist() -> None:
        while numbers := os.read(reader, 1):
            while numbers[0] in SIGNALS and not over.wait(_AGAIN_SECONDS):
                signal.pthread_kill(main, numbers[0])

    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    thread = threading.Thread(target=insist, name="signals", daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        over.set()
        os.close(writer)
        thread.join()
        os.close(reader)
