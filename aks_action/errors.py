"""Every error the action raises on purpose, and the exit code each one ends the step with.

A message is one or more sentences: what happened, where (file:line, kind/namespace/name or
host), and what to do. Whatever is not an `ActionError` is a defect of the action itself.

    ActionError
    ├── InputError       2   the step's inputs, or what they point at, cannot be used
    ├── ManifestError    3   a manifest is wrong, by our reading or the API server's
    ├── AuthError        4   somebody may not do this: credentials, certificates, roles
    ├── RegistryError    5   a registry or the engine refused or failed
    ├── ApplyError       6   the cluster refused or failed a request
    ├── RolloutFailed    7   something that was deployed can never become healthy
    ├── RolloutTimeout   8   something that was deployed is not healthy yet
    ├── Locked           8   another run deploys to the same place, and goes on for too long
    ├── Conflict         9   what is there already contradicts what was asked for
    ├── ReportError     10   all went well, but the log, outputs or summary cannot be written
    └── Cancelled      130   SIGINT (130) or SIGTERM (143) ended the run
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Source:
    """Where a document was read: a path relative to the workspace (or a URL), lines from 1."""

    file: str
    line: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong: a sentence, and the line it is about where there is one."""

    message: str
    source: Source | None = None

    def __str__(self) -> str:
        return f"{self.source}: {self.message}" if self.source else self.message


class ActionError(Exception):
    """One or more problems that end the run; `exit_code` tells callers which kind."""

    exit_code = 1
    title = "The action failed"

    def __init__(self, *problems: Problem | str) -> None:
        self.problems: tuple[Problem, ...] = tuple(
            problem if isinstance(problem, Problem) else Problem(message=problem)
            for problem in problems
        )
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def add(self, *sentences: str) -> None:
        """Tell more with it, such as what was done about it."""
        self.problems += tuple(Problem(message=each) for each in sentences)

    def counts_as(self, kind: type[ActionError]) -> None:
        """End the run as an error of another kind would: with its exit code and its title."""
        self.exit_code, self.title = kind.exit_code, kind.title


class InputError(ActionError):
    exit_code = 2
    title = "The inputs cannot be used"


class ManifestError(ActionError):
    exit_code = 3
    title = "The manifests are not valid"


class AuthError(ActionError):
    exit_code = 4
    title = "Access was refused"


class RegistryError(ActionError):
    exit_code = 5
    title = "An image could not be published or found"


class ApplyError(ActionError):
    exit_code = 6
    title = "The cluster refused a change"


class RolloutFailed(ActionError):  # noqa: N818 - reads as the sentence that the user sees
    exit_code = 7
    title = "The rollout failed"


class RolloutTimeout(ActionError):  # noqa: N818
    exit_code = 8
    title = "The rollout did not finish in time"


class Locked(ActionError):  # noqa: N818
    exit_code = 8
    title = "Another run is deploying"


class Conflict(ActionError):  # noqa: N818
    exit_code = 9
    title = "What is there contradicts what was asked for"


class LockLost(Conflict):
    """Another run has the lock by now: nothing more may be written."""


class ReportError(ActionError):
    """What the step did stands; a failure of its own keeps its exit code."""

    exit_code = 10
    title = "The report could not be written"


class Cancelled(ActionError):  # noqa: N818
    """Raised by the signal handler; `signal_number` is 2 (SIGINT) or 15 (SIGTERM)."""

    title = "The run was cancelled"

    def __init__(self, signal_number: int) -> None:
        name = {2: "SIGINT", 15: "SIGTERM"}.get(signal_number, f"signal {signal_number}")
        super().__init__(f"{name} ended the run before it was complete. Run it again to finish.")
        self.exit_code = 128 + signal_number


def raise_all(error: type[ActionError], problems: Sequence[Problem]) -> None:
    """Raise `error` with every problem, or do nothing when there is none."""
    if problems:
        raise error(*problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One entry of a Kubernetes `Status.details.causes`: reason, message and field path."""

    reason: str
    message: str
    field: str = ""


class ApiError(ApplyError):
    """An error answer of the API server, read from its `Status` object.

    status:  the HTTP status code.     reason: the Status' reason (`Invalid`, `Forbidden`, …).
    message: the Status' message; never the body of a Secret.
    """

    def __init__(
        self,
        sentence: str,
        *,
        status: int,
        reason: str = "",
        message: str = "",
        causes: tuple[Cause, ...] = (),
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.reason = reason
        self.message = message
        self.causes = causes
        if status in (401, 403):
            self.counts_as(AuthError)
