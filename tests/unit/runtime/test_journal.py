"""The journal: true before, during and after every write."""

from aks_action.errors import Source
from aks_action.model.health import Health, HealthStatus
from aks_action.model.manifests import Manifest, ObjectRef
from aks_action.model.outcomes import Outcome
from aks_action.model.plan import Change
from aks_action.runtime.executing.journal import Journal
from aks_action.runtime.waiting.result import Waited, WaitResult
from tests.fakes.clock import FakeClock

REF = ObjectRef(api_version="v1", kind="Pod", name="p", namespace="prod")
SOURCE = Source(file="p.yml", line=2)
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "prod"}}


def test_what_has_ended_has_its_change_and_its_time() -> None:
    clock = FakeClock()
    journal = Journal(clock.now)
    entry = journal.begin(REF, SOURCE, Change.CREATED)
    clock.advance(1.5)
    journal.end(entry)
    assert journal.outcomes == (
        Outcome(ref=REF, source=SOURCE, change=Change.CREATED, seconds=1.5),
    )
    assert journal.has_written


def test_what_is_under_way_says_so_and_how_far_it_is() -> None:
    journal = Journal(FakeClock().now)
    entry = journal.begin(REF, SOURCE, Change.RECREATED)
    (outcome,) = journal.outcomes
    assert outcome.error.endswith("Whether the server carried it out is not known.")
    journal.reached(entry, "It was deleted, and not created again.")
    (outcome,) = journal.outcomes
    assert outcome.error.endswith("under way. It was deleted, and not created again.")


def test_a_failure_tells_how_far_it_came() -> None:
    journal = Journal(FakeClock().now)
    entry = journal.begin(REF, SOURCE, Change.RECREATED)
    journal.reached(entry, "It was deleted, and not created again.")
    journal.end(entry, error="The server said no.")
    (outcome,) = journal.outcomes
    assert outcome.error == "The server said no. It was deleted, and not created again."


def test_objects_without_a_change_are_no_writes() -> None:
    journal = Journal(FakeClock().now)
    journal.skip(REF, SOURCE)
    assert [each.change for each in journal.outcomes] == [Change.UNCHANGED]
    assert not journal.has_written


def test_a_wait_adds_health_and_time_to_what_was_written() -> None:
    journal = Journal(FakeClock().now)
    journal.skip(REF, SOURCE)
    manifest = Manifest(document=POD, source=SOURCE)
    waited = Waited(
        manifest=manifest,
        health=Health(status=HealthStatus.READY, message="1 of 1 is ready"),
        seconds=2.0,
    )
    journal.waited(WaitResult(targets=(waited,)))
    (outcome,) = journal.outcomes
    assert (outcome.health, outcome.seconds, outcome.error) == ("1 of 1 is ready", 2.0, "")
    failed = Waited(
        manifest=manifest,
        health=Health(status=HealthStatus.FAILED, message="it crashes"),
        seconds=1.0,
    )
    journal.waited(WaitResult(targets=(failed,)))
    (outcome,) = journal.outcomes
    assert (outcome.error, outcome.seconds) == ("it crashes", 3.0)
