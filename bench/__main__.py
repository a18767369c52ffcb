"""Run the cases (all, or those named on the command line), print the table, write it as JSON."""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import azure, configuration, deploying, releasing, starting, strategies
from bench.contestants import Contestants, gather, install_crane
from bench.measure import Failed
from bench.results import Result, as_json, table
from demo.bed import ROOT, NoBed, find

RESULTS = ROOT / ".bench/results.json"
Case = Callable[[Contestants, deploying.Namespaces], list[Result]]


def _first(contestants: Contestants, namespaces: deploying.Namespaces) -> list[Result]:
    image = _server_image(contestants)
    return deploying.first_and_unchanged(contestants, namespaces, image)


CASES: dict[str, Case] = {
    "first": _first,
    "many": lambda them, namespaces: [deploying.many_unchanged(them, namespaces)],
    "release": lambda them, _: [releasing.ten_images(them)],
    "error": lambda them, _: [starting.input_error(them)],
    "scaling": lambda them, namespaces: [deploying.scaling(them, namespaces)],
    "strategies": lambda them, namespaces: strategies.deploy_and_promote(
        them, namespaces, (_server_image(them), _server_image(them, "2"))
    ),
    "configuration": configuration.search,
    "azure": lambda them, namespaces: [azure.sign_in(them, namespaces)],
    "image": lambda them, _: [starting.image_size(them)],
}


def main(names: list[str]) -> int:
    """Exit code 0 whatever was measured: a benchmark informs, it does not gate."""
    try:
        bed = find(os.environ)
        install_crane()
    except (NoBed, Failed) as error:
        say(str(error))
        return 1
    with tempfile.TemporaryDirectory(prefix="aks-action-bench-") as scratch:
        contestants = gather(bed, Path(scratch), os.environ.get("PEER_ACTION", ""))
        found = {name: _run(name, contestants) for name in names or CASES}
    results = [result for each in found.values() for result in each]
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(_report(found), indent=2) + "\n")
    say(f"\n{table(results)}\n")
    for result in results:
        for tool, seconds in result.seconds.items():
            say(f"{result.case}: {tool} {seconds:.2f} s")
        for note in result.notes:
            say(f"{result.case}: {note}")
    say(f"\nWritten to {RESULTS.relative_to(ROOT)}")
    return 0


def _run(name: str, contestants: Contestants) -> list[Result]:
    say(f"… {name}")
    namespaces = deploying.Namespaces(contestants.bed)
    started = time.monotonic()
    try:
        return CASES[name](contestants, namespaces)
    except (Failed, NoBed, RuntimeError, subprocess.CalledProcessError) as error:
        say(f"  {name} did not run: {error}")
        return [Result(case=name, error=str(error))]
    finally:
        namespaces.clear()
        say(f"  {time.monotonic() - started:.0f} s")


def _report(found: dict[str, list[Result]]) -> dict[str, object]:
    """Cases that were not run this time keep what they found last time."""
    known = json.loads(RESULTS.read_text())["results"] if RESULTS.exists() else {}
    known.update({name: as_json(results) for name, results in found.items()})
    return {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "peer": os.environ.get("PEER_ACTION", ""),
        "one_run": set(found) == set(CASES),
        "results": {name: known[name] for name in CASES if name in known},
    }


def _server_image(contestants: Contestants, tag: str = "1") -> str:
    """The test bed's small server, in the registry, from where pods pull it."""
    bed = contestants.bed
    if not bed.server:
        raise NoBed("pods need a small server as image: this case runs on the test bed only")
    return bed.publish(bed.server, f"bench/server:{tag}")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
