"""What the container, the runner and `.venv/bin/python entrypoint.py` start."""

import os
import signal

if __name__ == "__main__":
    # Until the action has handlers of its own, nothing is begun and nothing is left to report;
    # but a container's first process would not even get a signal that it has no handler for.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda number, _frame: os._exit(128 + number))

    from aks_action.main import entry

    entry()
