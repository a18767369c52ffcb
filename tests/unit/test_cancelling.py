"""A signal ends whatever the main thread does, also when it did not wake it."""

import os
import signal
import threading
import time

import pytest

from aks_action.cancelling import SIGNALS, cancellable
from aks_action.errors import Cancelled


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_did_not_wake_the_main_thread_is_sent_again(number: signal.Signals) -> None:
    """As one that came right before it began to wait; here another thread gets it instead."""

    def interrupt() -> None:
        signal.pthread_kill(threading.get_ident(), number)

    began = time.monotonic()
    timer = threading.Timer(0.05, interrupt)
    with cancellable():
        timer.start()
        with pytest.raises(Cancelled) as raised:
            threading.Event().wait(10)
    assert raised.value.exit_code == 128 + number
    assert time.monotonic() - began < 5


def test_nothing_is_cancelled_once_there_is_nothing_left_to_cancel() -> None:
    before = [signal.getsignal(each) for each in SIGNALS]
    with cancellable() as no_longer:
        no_longer()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)
    assert [signal.getsignal(each) for each in SIGNALS] == before
    assert "signals" not in {each.name for each in threading.enumerate()}
