"""Every event of a push is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aks_action.model.images.push_events import PushState
from tests.unit.odd_text import odd_text

DIGEST = "sha256:" + "a" * 64


def after(*events: object) -> PushState:
    state = PushState()
    for event in events:
        state = state.after(event)
    return state


def test_a_push_that_works() -> None:
    """Layers are counted, the digest is the one at the end."""
    state = after(
        {"status": "The push refers to repository [x.io/app]"},
        {"status": "Preparing", "progressDetail": {}, "id": "l1"},
        {"status": "Layer already exists", "id": "l2"},
        {"status": "Mounted from library/base", "id": "l3"},
        {"status": "Pushing", "progressDetail": {"current": 1_500_000, "total": 2}, "id": "l1"},
    )
    assert str(state) == "2 of 3 layers, 1.5 MB sent"
    state = state.after({"status": "Pushed", "progressDetail": {}, "id": "l1"})
    state = state.after({"status": f"v1: digest: {DIGEST} size: 528"})
    assert state.digest == ""
    state = state.after({"progressDetail": {}, "aux": {"Tag": "v1", "Digest": DIGEST, "Size": 5}})
    assert (str(state), state.digest, state.error) == ("3 of 3 layers, 1.5 MB sent", DIGEST, "")


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({"errorDetail": {"message": "denied:\n access"}, "error": "x"}, "denied: access"),
        ({"error": "EOF"}, "EOF"),
        ({"errorDetail": {}}, "no reason was given"),
        ({"errorDetail": None, "error": None}, "no reason was given"),
    ],
)
def test_a_push_that_is_refused(event: object, error: str) -> None:
    """The first error is the reason, whatever comes after it."""
    assert after(event, {"errorDetail": {"message": "later"}}).error == error


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["status", "id", "progressDetail", "aux", "current", "total"]),
            st.none() | st.integers() | odd_text(max_size=5) | st.lists(st.integers(), max_size=1),
        )
        | odd_text(max_size=3)
    )
)
def test_odd_events_change_nothing(events: list[object]) -> None:
    """An event of an engine to come does not break the push."""
    state = after(*events)
    assert (state.error, state.digest) == ("", "")
    assert str(state)
