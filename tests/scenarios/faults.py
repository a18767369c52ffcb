"""What may go wrong around a run, and how the run ends then: one row for each fault and action.

`test_faults` plays every row before the real API server, and `docs/reliability.md` is made of the
rows by `make docs`, so that it says what was seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tests.faults import acts
from tests.faults.proxy import LIST, WATCH, WRITE, Fault


class Left(StrEnum):
    """What a run leaves of the two ConfigMaps `first` and `second` that are to change."""

    OLD = "everything as before"
    NEW = "everything new"
    PART = "what was written until then, by name in the report"
    GONE = "nothing: the namespace is gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """fault: in words; what the proxy does is in `faults`, or in the test by the row's `play`.

    code: the exit code.    says: a part of what the log says, empty where nothing needs to be said.
    pods: whether there is a Deployment to wait for.    within: seconds after which it has ended.
    """

    action: str
    fault: str
    code: int
    left: Left
    says: str = ""
    faults: tuple[Fault, ...] = ()
    play: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    pods: bool = False
    within: float = 40.0

    @property
    def name(self) -> str:
        """The test's parameter."""
        return f"{self.action}: {self.fault}"


SECOND = r"^(PATCH|POST) .*configmaps/second(?!.*dryRun)"
STARTING = "refused for the first 5 s (503), as of an API server that starts"
DENIED = 'admission webhook "policy.example" denied the request: no'
BACK = {"rollback-on-failure": "true"}
SHORT = {"timeout": "10s"}

ROWS = (
    Row(
        action="deploy",
        fault=f"every request is {STARTING}",
        code=0,
        left=Left.NEW,
        faults=(Fault(at="", act=acts.refused(503, "ServiceUnavailable"), seconds=5),),
    ),
    Row(
        action="plan",
        fault=f"every request is {STARTING}",
        code=0,
        left=Left.OLD,
        faults=(Fault(at="", act=acts.refused(503, "ServiceUnavailable"), seconds=5),),
    ),
    Row(
        action="deploy",
        fault="each write is refused once by 429, with Retry-After",
        code=0,
        left=Left.NEW,
        faults=(
            Fault(at=WRITE, act=acts.refused(429, "TooManyRequests", retry_after="1"), times=2),
        ),
    ),
    Row(
        action="deploy",
        fault="the connection breaks before the server has the write",
        code=0,
        left=Left.NEW,
        faults=(Fault(at=WRITE, act=acts.reset, times=1),),
    ),
    Row(
        action="deploy",
        fault="the answer of a write is lost",
        code=0,
        left=Left.NEW,
        faults=(Fault(at=WRITE, act=acts.lost, times=1),),
    ),
    Row(
        action="deploy",
        fault="half of the answer of a write comes",
        code=0,
        left=Left.NEW,
        faults=(Fault(at=WRITE, act=acts.half, times=1),),
    ),
    Row(
        action="deploy",
        fault="a write takes 8 s",
        code=0,
        left=Left.NEW,
        faults=(Fault(at=SECOND, act=acts.delayed(8), times=1),),
    ),
    Row(
        action="deploy",
        fault="a write is refused, though its dry run was not",
        code=6,
        left=Left.PART,
        says=DENIED,
        faults=(Fault(at=SECOND, act=acts.refused(403, "Forbidden", DENIED)),),
    ),
    Row(
        action="deploy",
        fault="a write is refused, though its dry run was not, with `rollback-on-failure`",
        code=6,
        left=Left.OLD,
        says="Rolled back",
        inputs=BACK,
        faults=(Fault(at=SECOND, act=acts.refused(403, "Forbidden", DENIED)),),
    ),
    Row(
        action="deploy",
        fault="the API server goes for good amid the writes",
        code=6,
        left=Left.PART,
        inputs=SHORT,
        faults=(Fault(at=SECOND, act=acts.vanish),),
    ),
    Row(
        action="deploy",
        fault="a LIST never comes to its last page",
        code=6,
        left=Left.OLD,
        inputs=SHORT,
        faults=(Fault(at=LIST, act=acts.endless),),
    ),
    Row(
        action="plan",
        fault="a LIST comes as one byte every 2 s, without an end",
        code=6,
        left=Left.OLD,
        inputs=SHORT,
        faults=(Fault(at=LIST, act=acts.dripping(2)),),
    ),
    Row(
        action="deploy",
        fault="nothing is ever answered",
        code=6,
        left=Left.OLD,
        inputs=SHORT,
        faults=(Fault(at="", act=acts.mute),),
    ),
    Row(
        action="deploy",
        fault="the credentials are refused (401)",
        code=4,
        left=Left.OLD,
        says="does not accept the credentials",
        faults=(Fault(at="", act=acts.refused(401, "Unauthorized")),),
    ),
    Row(
        action="deploy",
        fault="the credentials are refused once on a watch (401)",
        code=0,
        left=Left.NEW,
        pods=True,
        faults=(Fault(at=WATCH, act=acts.refused(401, "Unauthorized"), times=1),),
    ),
    Row(
        action="deploy",
        fault="watches are open and silent",
        code=0,
        left=Left.NEW,
        pods=True,
        inputs={"timeout": "30s"},
        faults=(Fault(at=WATCH, act=acts.silent),),
    ),
    Row(
        action="deploy",
        fault="watches break off within their first event",
        code=0,
        left=Left.NEW,
        pods=True,
        faults=(Fault(at=WATCH, act=acts.cut_after(0), times=3),),
    ),
    Row(
        action="deploy",
        fault="watches say that their version is too old (410)",
        code=0,
        left=Left.NEW,
        pods=True,
        faults=(Fault(at=WATCH, act=acts.expired, times=3),),
    ),
    Row(
        action="deploy",
        fault="the namespace is deleted while its last object is written",
        code=7,
        left=Left.GONE,
        says="being deleted, and what was deployed into it goes with it",
        play="delete-namespace",
    ),
    Row(
        action="deploy",
        fault="SIGTERM comes between two writes",
        code=143,
        left=Left.PART,
        says="SIGTERM ended the run",
        play="signal",
    ),
    Row(
        action="deploy",
        fault="another run holds the lock, with `lock-timeout: 0`",
        code=8,
        left=Left.OLD,
        says="Another run deploys to namespace",
        inputs={"lock-timeout": "0"},
        play="lock",
    ),
    Row(
        action="deploy",
        fault="the disk is full for the outputs",
        code=10,
        left=Left.NEW,
        says="What the step did stands",
        play="full-disk",
    ),
    Row(
        action="rollback",
        fault="the answer of a write is lost",
        code=0,
        left=Left.OLD,
        faults=(Fault(at=WRITE, act=acts.lost, times=1),),
    ),
    Row(
        action="rollback",
        fault="a write is refused, though its dry run was not",
        code=6,
        left=Left.PART,
        says=DENIED,
        faults=(Fault(at=SECOND, act=acts.refused(403, "Forbidden", DENIED)),),
    ),
    Row(
        action="rollback",
        fault=f"every request is {STARTING}",
        code=0,
        left=Left.OLD,
        faults=(Fault(at="", act=acts.refused(503, "ServiceUnavailable"), seconds=5),),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A fault that a test of its own shows. test: its file and name."""

    action: str
    fault: str
    verdict: str
    left: str
    test: str


ELSEWHERE = (
    Shown(
        action="deploy, promote, reject",
        fault="killed after any write of a canary or blue-green, and run again",
        verdict="0",
        left="what an undisturbed run leaves",
        test="tests/scenarios/test_cut_off.py::"
        "test_an_action_that_was_killed_after_any_write_ends_as_an_undisturbed_one",
    ),
    Shown(
        action="deploy",
        fault="killed after any write, with changed configuration, and run again",
        verdict="0",
        left="what an undisturbed run leaves",
        test="tests/scenarios/test_cut_off_configuration.py::"
        "test_a_deploy_that_was_killed_after_any_write_is_finished_by_the_next",
    ),
    Shown(
        action="deploy",
        fault="killed after any write of the way back of `rollback-on-failure`, and run again",
        verdict="0",
        left="what the manifests say",
        test="tests/scenarios/test_rollback_on_failure.py::"
        "test_killed_after_any_write_of_its_way_back_the_next_run_converges",
    ),
    Shown(
        action="rollback",
        fault="killed after any write, also of a prune, and run again",
        verdict="0",
        left="what an undisturbed run leaves",
        test="tests/scenarios/test_going_back.py::"
        "test_a_rollback_and_a_prune_that_are_killed_after_any_write_end_as_undisturbed",
    ),
    Shown(
        action="rollback",
        fault="cut off, and the record that it came from dropped meanwhile",
        verdict="0",
        left="the version that was chosen at first, never a newer one",
        test="tests/contract/test_releases.py::"
        "test_a_rollback_that_was_cut_off_goes_on_to_the_record_that_it_had_chosen",
    ),
    Shown(
        action="deploy",
        fault="another run holds the lock, and ends",
        verdict="0",
        left="everything new, by a plan that was made anew",
        test="tests/scenarios/test_locks.py::"
        "test_the_second_of_two_runs_waits_and_sees_what_the_first_has_left",
    ),
    Shown(
        action="deploy",
        fault="the holder of the lock was killed",
        verdict="0",
        left="everything new, after 15 s in which the lock did not change",
        test="tests/scenarios/test_locks.py::test_the_lock_of_a_run_that_was_killed_is_taken_over",
    ),
    Shown(
        action="deploy",
        fault="the lock is lost amid the writes",
        verdict="9",
        left="what was written until then",
        test="tests/contract/test_locking.py::"
        "test_one_that_is_not_renewed_is_taken_over_and_its_holder_stops",
    ),
    Shown(
        action="deploy",
        fault="an event says falsely of a pod that it can never start",
        verdict="as without it",
        left="as without it",
        test="tests/unit/runtime/test_waiting.py::"
        "test_a_mount_that_fails_by_an_event_fails_the_wait_only_if_what_it_takes_is_not_there",
    ),
    Shown(
        action="release",
        fault="the registry fails half way",
        verdict="5",
        left="no image has the version",
        test="tests/wire/test_registry_faults.py::test_a_release_that_fails_half_way_is_taken_back",
    ),
    Shown(
        action="release",
        fault="cancelled half way",
        verdict="130, 143",
        left="no image has the version",
        test="tests/wire/test_registry_faults.py::"
        "test_a_release_that_is_cancelled_half_way_is_taken_back",
    ),
    Shown(
        action="release",
        fault="the registry stays down",
        verdict="5",
        left="everything as before",
        test="tests/wire/test_registry_faults.py::"
        "test_a_registry_that_stays_down_is_given_up_at_the_deadline",
    ),
    Shown(
        action="deploy, private cluster",
        fault="the answer of a run command is cut off",
        verdict="6",
        left="what the command has done; run it again",
        test="tests/wire/test_azure.py::test_an_answer_that_was_cut_off_is_told",
    ),
)
