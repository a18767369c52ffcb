"""What the container, the runner and `.venv/bin/python entrypoint.py` start."""

import gc
import os
import signal

if __name__ == "__main__":
    # Until the action has handlers of its own, nothing is begun and nothing is left to report;
    # but a container's first process would not even get a signal that it has no handler for.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda number, _frame: os._exit(128 + number))
    # Nearly all that a run makes, modules first, lives to its end: looking for garbage every 700
    # objects is 7-10 % of the CPU time of a small deploy.
    gc.set_threshold(100_000, 50, 50)

    from aks_action.main import entry

    entry()
