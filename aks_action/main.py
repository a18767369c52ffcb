"""The action: what one step does, in the order in which it does it."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import NoReturn, TextIO

from aks_action import environment, inputs
from aks_action.cancelling import cancellable
from aks_action.errors import ActionError
from aks_action.jobs.results import Results
from aks_action.workflow import Workflow

UNEXPECTED = 70
"""Exit code of a defect of the action itself (EX_SOFTWARE of sysexits.h)."""

LONGEST_TRACEBACK_LINE = 250
"""Characters; the message of a foreign error may quote a whole kubeconfig."""

PLACE_FOR_DEFECTS = "Please report it, with the lines above, where this action is published."


_NO_MASK = (
    "Input `{name}` is so short, or so common a word, that hiding it in the log would hide "
    "parts of other words too. It is not hidden. Use a longer one that nobody can guess."
)


def run(env: Mapping[str, str], workflow: Workflow, results: Results) -> None:
    """One step, from its inputs to its last action. Raises ActionError for what ended it."""
    values = workflow.inputs(inputs.DEFAULTS)
    workflow.mask(*inputs.secrets(values))
    for name in inputs.unmasked(values):
        workflow.warning(_NO_MASK.format(name=name))
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
    with cancellable() as no_longer:
        code = _told(workflow, results, lambda: _finished(env, workflow, results, no_longer))
        # Also after a failure: what was achieved is true, and later steps may need it.
        outputs = _told(workflow, results, lambda: results.set_outputs(workflow))
        summary = _told(workflow, results, lambda: results.write_summary(workflow))
        log = _told(workflow, results, workflow.close)
    return code or outputs or summary or log


def _finished(
    env: Mapping[str, str], workflow: Workflow, results: Results, no_longer: Callable[[], None]
) -> None:
    """Run, and let no signal disturb the report."""
    try:
        run(env, workflow, results)
    finally:
        no_longer()


def _told(workflow: Workflow, results: Results, act: Callable[[], None]) -> int:
    """Act; an error becomes annotations and an exit code."""
    try:
        act()
    except ActionError as error:
        results.failure = results.failure or error
        for problem in error.problems:
            workflow.error(problem, title=error.title)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - whatever else ends the run is a defect
        with workflow.group("What went wrong inside the action"):
            lines = traceback.format_exc().splitlines()
            workflow.write("\n".join(line[:LONGEST_TRACEBACK_LINE] for line in lines))
        workflow.error(
            f"This is a defect of the action: {type(error).__name__}. {PLACE_FOR_DEFECTS}",
            title="The action failed unexpectedly",
        )
        return UNEXPECTED
    return 0


def entry() -> NoReturn:
    """Run and leave at once: a request that was cut off must not hold the step."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # no name that is odd may end a deploy
        sys.stdout.reconfigure(errors="backslashreplace")
    code = main()
    with contextlib.suppress(OSError):  # a log that cannot be written was told by the code
        sys.stdout.flush()
    os._exit(code)
