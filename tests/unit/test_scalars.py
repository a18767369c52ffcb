"""Plain scalars mean what they mean to kubectl (which the contract test asks itself)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aks_action.model import scalars
from tests.unit.odd_text import odd_text

KUBECTL = {
    "true": "on On ON yes y Y True TRUE true",
    "false": "off n N no No False FALSE false",
    "null": "~ null Null NULL",
    "0": "0 00 -0 -0.0 0.0",
    "1": "1. 1.0 1_ 0x_1 0_x1",
    "2": "0b1_0",
    "5": "+5 0b101 .5e1",
    "-5": "-5",
    "7": "0_7",
    "8": "08",
    "9.5": "09.5",
    "0.5": ".5 +.5 .5_0",
    "-0.5": "-.5",
    "-1.5": "-1.50",
    "1.2": "1.20",
    "420": "0644 0o644 0O644",
    "-420": "-0644",
    "15": "+0o17 1.5e1",
    "31": "0x1F 0X1f",
    "-3": "-0b11",
    "-1": "-_1",
    "10": "1__0",
    "10.5": "1_0.5",
    "1.11": "1.1_1",
    "1000": "1e3 1E3 1e+3 1.e3 1_000",
    "12000": "12e03",
    "1e-07": "1e-7",
    "1e+21": "1e21",
    "1e+23": "100000000000000000000000",
    "100000000000000000000": "1e20",
    "12345678901234567890": "12345678901234567890",
    "-9223372036854775808": "-9223372036854775808 -9223372036854775809",
}
"""JSON values, and the scalars that kubectl turns into them."""

TEXTS = [
    "oN",
    "tRUE",
    "nULL",
    "22:22",
    "1:30",
    "2020-01-01",
    "2020-01-01T00:00:00Z",
    "=",
    "1e400",
    "0x",
    "0b",
    "0o8",
    "_1",
    ".",
    "..",
    ".e3",
    "+",
    "1e",
    "1e3x",
    "<<x",
    "0x1p4",
    "inf",
    "nan",
    "NaN",
    "infinity",
    "0xFFFFFFFFFFFFFFFFF",
    "._5",
    ".5.",
    "5.5.5",
    "+-5",
    "1,000",
]


@pytest.mark.parametrize(
    ("text", "value"), [(text, value) for value, texts in KUBECTL.items() for text in texts.split()]
)
def test_a_plain_scalar_has_the_value_it_has_for_kubectl(text: str, value: str) -> None:
    assert json.dumps(scalars.plain(text)) == value


@pytest.mark.parametrize("text", TEXTS)
def test_a_plain_scalar_that_kubectl_reads_as_text_stays_text(text: str) -> None:
    assert scalars.plain(text) == text


@pytest.mark.parametrize("text", [".inf", "-.Inf", "+.INF", ".nan", ".NaN"])
def test_numbers_without_a_json_form_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cannot store"):
        scalars.plain(text)


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("a", "a"),
        (1, "1"),
        (True, "true"),
        (False, "false"),
        (1.5, "1.5"),
        (0.1, "0.1"),
        (-7, "-7"),
    ],
)
def test_keys_become_text(value: scalars.Scalar, key: str) -> None:
    assert scalars.key(value) == key


@pytest.mark.parametrize("value", [None, 1234567.891, 10**20, 1e300 / 3])
def test_keys_that_would_change_are_refused(value: scalars.Scalar) -> None:
    with pytest.raises(ValueError, match="quote it"):
        scalars.key(value)


@given(odd_text(min_size=1) | st.text("0123456789+-._eExXobB", min_size=1, max_size=12))
def test_every_scalar_has_a_json_value(text: str) -> None:
    """Nothing that is not JSON comes out, whatever goes in."""
    try:
        value = scalars.plain(text)
    except ValueError:
        assert text in scalars.NOT_IN_JSON
        return
    json.dumps(value, allow_nan=False)


@given(st.integers(-(2**63), 2**64 - 1))
def test_integers_keep_all_their_digits(number: int) -> None:
    assert scalars.plain(str(number)) == number


def test_a_number_of_thousands_of_digits_is_text_as_it_overflows() -> None:
    assert scalars.plain("9" * 5000) == "9" * 5000
