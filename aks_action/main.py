"""The action: what one step does, in the order in which it does it."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NoReturn, TextIO

from aks_action import environment, inputs
from aks_action.errors import ActionError, Cancelled
from aks_action.jobs.results import Results
from aks_action.workflow import Workflow

UNEXPECTED = 70
"""Exit code of a defect of the action itself (EX_SOFTWARE of sysexits.h)."""

PLACE_FOR_DEFECTS = "Please report it, with the lines above, where this action is published."


def run(env: Mapping[str, str], workflow: Workflow, results: Results) -> None:
    """One step, from its inputs to its last action. Raises ActionError for what ended it."""
    values = workflow.inputs(inputs.DEFAULTS)
    workflow.mask(*(values.get(name, "") for name in inputs.SECRETS))
    settings = inputs.parse(values, environment.run_context(env), git_tag=environment.git_tag(env))
    results.settings = settings
    for note in settings.notes:
        workflow.write(note)
    for action in settings.actions:
        # What an action needs is imported when it runs: a wrong input is told at once.
        if action.needs_images:
            from aks_action.jobs import publish  # noqa: PLC0415

            publish.run(action, settings, env, workflow, results)
        else:
            from aks_action.jobs import deploy  # noqa: PLC0415

            deploy.run(action, settings, env, workflow, results)


def main(env: Mapping[str, str] = os.environ, stdout: TextIO | None = None) -> int:
    """Run the step and tell how it ended; returns the exit code (see `errors`)."""
    workflow = Workflow(env, stdout or sys.stdout)
    results = Results()
    with _cancellable():
        code = _told(workflow, results, lambda: run(env, workflow, results))
        # Also after a failure: what was achieved is true, and later steps may need it.
        published = _told(workflow, results, lambda: results.publish(workflow))
    return code or published


def _told(workflow: Workflow, results: Results, act: Callable[[], None]) -> int:
    """Act; an error becomes annotations and an exit code."""
    try:
        act()
    except ActionError as error:
        results.failure = error
        for problem in error.problems:
            workflow.error(problem, title=error.title)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - whatever else ends the run is a defect
        with workflow.group("What went wrong inside the action"):
            workflow.write(traceback.format_exc())
        workflow.error(
            f"This is a defect of the action: {type(error).__name__}. {PLACE_FOR_DEFECTS}",
            title="The action failed unexpectedly",
        )
        return UNEXPECTED
    return 0


def entry() -> NoReturn:
    """Run and leave at once: a request that was cut off must not hold the step."""
    code = main()
    sys.stdout.flush()
    os._exit(code)


@contextmanager
def _cancellable() -> Iterator[None]:
    """SIGINT and SIGTERM raise `Cancelled` here, once; a second one changes nothing.

    The runner sends SIGINT, SIGTERM after 7.5 s and kills after 2.5 s more; as a container's
    first process, a signal without a handler would not even reach us.
    """

    def cancel(number: int, _frame: object) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        raise Cancelled(number)

    before = {each: signal.signal(each, cancel) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
