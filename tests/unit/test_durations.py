"""Durations in k8s-deploy's grammar."""

import pytest

from aks_action.model import durations


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("10m", 600),
        ("1h", 3600),
        ("500ms", 0.5),
        ("1.5h", 5400),
        ("10", 600),
        (" 005S ", 5),
        ("5.0m", 300),
        ("24h", 86400),
        ("1ms", 0.001),
    ],
)
def test_a_duration_is_read_as_k8s_deploy_reads_it(text: str, seconds: float) -> None:
    assert durations.parse(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "0", "0s", "25h", "-1m", "1d", "1m30s", "ten", "1 m", "1e3s", "٣m"]
)
def test_another_form_or_a_length_out_of_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write it like|between 1ms and 24h"):
        durations.parse(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.44, "0.4 s"),
        (59.94, "59.9 s"),
        (60, "1 min"),
        (125, "2 min 5 s"),
        (4200, "1 h 10 min"),
        (7200, "2 h"),
    ],
)
def test_seconds_are_shown_as_people_read_them(seconds: float, text: str) -> None:
    assert durations.readable(seconds) == text
