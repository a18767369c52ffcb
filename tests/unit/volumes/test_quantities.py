"""Quantities, compared as the API server compares them."""

from decimal import Decimal

import pytest

from aks_action.model.volumes import quantities


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1Gi", 2**30),
        ("1.5Gi", 3 * 2**29),
        ("500M", 500 * 10**6),
        ("2e9", 2 * 10**9),
        ("2E", 2 * 10**18),
        ("100m", Decimal("0.1")),
        (".5Ki", 512),
        (1073741824, 2**30),
    ],
)
def test_a_quantity_is_a_number(text: object, number: Decimal | int) -> None:
    assert quantities.parsed(text) == number


@pytest.mark.parametrize(
    "text", ["1e99999999", "1e-99999999", "1e9999", "", "1gb", "1 Gi", "Gi", "ten", None, ["1Gi"]]
)
def test_what_is_no_quantity_is_not_compared(text: object) -> None:
    assert quantities.parsed(text) is None
    assert not quantities.is_more(text, "1Gi")
    assert not quantities.is_more("1Gi", text)


def test_the_same_size_in_other_units_is_no_larger() -> None:
    assert not quantities.is_more("1024Mi", "1Gi")
    assert quantities.is_more("1025Mi", "1Gi")
