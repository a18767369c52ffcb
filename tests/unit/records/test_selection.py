"""Where a rollback goes, and what it says when it cannot."""

from dataclasses import replace

import pytest

from aks_action.errors import ActionError, Conflict, InputError
from aks_action.model.records import Attempt, History, Record
from aks_action.model.records.selection import chosen, told
from tests.unit.records.words import attempt, found, history, record, secrets_of


def past(*versions: str, begun: Attempt | None = None) -> History:
    """Records 1, 2, … of some versions; `v1<3` is a rollback to record 3."""
    made = []
    for number, text in enumerate(versions, start=1):
        version, _, origin = text.partition("<")
        made.append(_record(number, version, int(origin or 0)))
    return history(*made, begun=begun)


def _record(number: int, version: str, origin: int) -> Record:
    return record(
        number, version, commit=f"{number}" * 40, run=f"run-{number}", rollback_of=origin
    )[0]


@pytest.mark.parametrize(
    ("known", "to", "number"),
    [
        (past("v1", "v2"), "", 1),
        (past("v1", "v2", "v3"), "", 2),
        (past("v1", "v2", "v2"), "", 1),
        (past("v1", "v2", "v1<1", "v3"), "", 3),
        (past("v0", "v1", "v2", "v1<2"), "", 1),
        (past("v1", "v2", begun=attempt(3, "v3")), "", 2),
        (past("v1", "v2", begun=attempt(3, "v1", rollback_of=1)), "", 1),
        (past("v1", "v2<9", "v3", begun=attempt(4, "v0", rollback_of=9)), "", 2),
        (past("v0", "v1", "v2<9", begun=attempt(4, "v1", rollback_of=2, target=2)), "", 2),
        (past("v1", "v2", "v1<1", "v3"), "v1", 3),
        (past("v1", "2", "v3"), "2", 2),
        (past("v1", "v2", "v3"), "2", 2),
        (past("v1", "v2", "v3"), "2222222", 2),
        (past("v1", "v2"), "v2", 2),
    ],
    ids=[
        "the-one-before",
        "only-one-back",
        "one-that-differs",
        "a-rollback-is-good-too",
        "never-forward-again",
        "after-a-failure-the-last-good-one",
        "a-rollback-that-was-cut-off-goes-on",
        "which-an-earlier-version-began-and-whose-record-was-made-again",
        "to-the-very-record-that-it-had-chosen",
        "the-newest-of-a-version",
        "a-version-before-a-number",
        "a-number",
        "a-commit",
        "where-it-is",
    ],
)
def test_where_a_rollback_goes(known: History, to: str, number: int) -> None:
    assert chosen(known, to, "run-now").number == number


def test_the_same_run_again_goes_to_the_same_place() -> None:
    """A run that was killed after its last write is run again by whoever saw it die."""
    known = past("v0", "v1", "v2", "v1<2")
    assert chosen(known, "", "run-4").number == 4
    assert chosen(known, "", "").number == 1


@pytest.mark.parametrize(
    "begun",
    [
        attempt(4, "v0", rollback_of=9),
        attempt(4, "v0", rollback_of=9, target=9),
        attempt(4, "v0", rollback_of=9, target=2),
    ],
    ids=["begun-by-an-earlier-version", "its-record-is-gone", "its-record-is-another"],
)
def test_a_rollback_that_was_cut_off_and_has_no_record_to_go_to_goes_nowhere(
    begun: Attempt,
) -> None:
    """Forward to the newest version, which somebody wanted to be rid of, least of all."""
    with pytest.raises(Conflict) as caught:
        chosen(past("v1", "v2", "v3", begun=begun), "", "")
    assert "the rollback to v0" in str(caught.value)
    assert "There are: v3 (record 3) of 2026-01-31, v2 (record 2)" in str(caught.value)
    assert chosen(past("v1", "v2", "v3", begun=begun), "v1", "").number == 1


def test_what_was_begun_last_has_to_be_known_to_go_on_from_it() -> None:
    known = past("v1", "v2", "v3")
    doubtful = replace(known, doubt="Secret/shop/aks-action.shop: it is not JSON")
    with pytest.raises(
        Conflict, match=r"what was begun last is not known \(Secret/shop/aks-action"
    ):
        chosen(doubtful, "", "")
    assert chosen(doubtful, "v1", "").number == 1


@pytest.mark.parametrize(
    ("known", "to", "kind", "parts"),
    [
        (past(), "", Conflict, ("no good record to go back to", "leaves one when")),
        (past("v1"), "", Conflict, ("no good record", "before v1 (record 1)")),
        (
            past("v1", "v2"),
            "v9",
            InputError,
            ("Input `to`", "`v9`", "There are: v2 (record 2) of 2026-01-31, v1 (record 1)"),
        ),
        (past("v1", "v2"), "22", InputError, ("`22`",)),
    ],
)
def test_a_refusal_lists_what_there_is(
    known: History, to: str, kind: type[ActionError], parts: tuple[str, ...]
) -> None:
    with pytest.raises(kind) as caught:
        chosen(known, to, "")
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_a_broken_record_is_no_place_to_go_to_nor_from() -> None:
    good, broken = secrets_of(record(1, "v1"), record(2, "v2"))
    known = found(good, {**broken, "data": {}})
    for to in ("", "2"):
        with pytest.raises(Conflict) as caught:
            chosen(known, to, "")
        assert "record 2, Secret/shop/aks-action.shop.2" in str(caught.value)
        assert "There are: v1 (record 1)" in str(caught.value)
    assert chosen(known, "v1", "").number == 1


def test_the_plan_tells_where_it_goes_and_what_failed() -> None:
    failed = attempt(3, "v3", error="The rollout failed: web crashed.")
    known = past("v1", "v2", begun=failed)
    target = chosen(known, "", "")
    going, failure = told(known, target)
    assert going == "Going back to v2 (record 2), deployed 2026-01-31T10:00:00Z."
    assert failure == "What was begun last is v3. The rollout failed: web crashed."
