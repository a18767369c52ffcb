"""`python3 -m testbed up|down|status|kwok`."""

import argparse
import os
import sys

from testbed import azure, bed, kwok, storage
from testbed.processes import Processes
from testbed.settings import Settings
from testbed.shell import TestbedError, say


def status(settings: Settings) -> int:
    processes = Processes(settings=settings)
    broken = [*bed.faults(processes), *storage.faults(processes), *azure.faults(processes)]
    for fault in broken:
        say(fault)
    if not broken:
        say("all parts work")
    return 1 if broken else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="testbed", description="A real cluster on one machine.")
    parser.add_argument("command", choices=("up", "down", "status", "kwok"))
    fake = "kwok: how many fake nodes; 0: no more"
    parser.add_argument("--nodes", type=int, default=10, help=fake)
    given = parser.parse_args()
    settings = Settings.of(os.environ)
    try:
        if given.command == "up":
            bed.up(settings)
        elif given.command == "down":
            bed.down(settings)
        elif given.command == "kwok":
            kwok.start(settings, given.nodes) if given.nodes else kwok.stop(settings)
        else:
            return status(settings)
    except TestbedError as error:
        say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
