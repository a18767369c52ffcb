"""What a plain YAML scalar means to kubectl.

kubectl reads YAML with Go's yaml.v2, turns it into JSON and that into objects: YAML 1.1 booleans,
C-like numbers, no sexagesimals and no dates. Every rule is tested scalar by scalar against a real
kubectl (`tests/contract/test_yaml_as_kubectl.py`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

Scalar = str | int | float | bool | None

_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<bin>[01]+)"
    r"|0[oO]?(?P<oct>[0-7]+)|(?P<dec>0|[1-9][0-9]*))"
)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_BETWEEN_DIGITS = re.compile(r"(?<=[0-9])_(?=[0-9])")
_BASES = {"hex": 16, "bin": 2, "oct": 8, "dec": 10}
_NUMBER_STARTS = frozenset("+-.0123456789")
_LARGEST_FLOAT_WITHOUT_EXPONENT = 1e21
_MOST_DIGITS = 67
"""Of a 64-bit number: binary, with its prefix and sign."""

NOT_IN_JSON = frozenset(
    {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF"}
    | {".nan", ".NaN", ".NAN"}
)
"""Plain scalars that are numbers without a JSON form: kubectl refuses them."""


def _spellings(*words: str) -> list[str]:
    return [form for word in words for form in (word, word.capitalize(), word.upper())]


BOOLEAN_WORDS: Mapping[str, bool] = {
    **dict.fromkeys(_spellings("y", "yes", "on"), True),
    **dict.fromkeys(_spellings("n", "no", "off"), False),
}
"""Words that YAML 1.1 and kubectl take for booleans and most other tools take for text."""

_WORDS: Mapping[str, bool | None] = {
    **BOOLEAN_WORDS,
    **dict.fromkeys(_spellings("true"), True),
    **dict.fromkeys(_spellings("false"), False),
    **dict.fromkeys(["", "~", *_spellings("null")], None),
}


def plain(text: str) -> Scalar:
    """The value of a scalar that has neither quotes nor a tag.

    Raises ValueError with one sentence for infinity and not-a-number.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    if text in NOT_IN_JSON:
        raise ValueError(f"`{text}` is a number that Kubernetes cannot store; quote it as text.")
    digits = _BETWEEN_DIGITS.sub("", text) if text[0] == "." else text.replace("_", "")
    integer = _integer(digits) if digits else None
    return integer if integer is not None else _float(digits, text)


def json_float(text: str) -> int | float:
    """A number with a fraction or exponent, as Go writes it to JSON: `1.0` and `1e3` are whole.

    Raises OverflowError where it is too large for a float.
    """
    value = float(text)
    if math.isinf(value):
        raise OverflowError(text)
    whole = value.is_integer() and abs(value) < _LARGEST_FLOAT_WITHOUT_EXPONENT
    return int(value) if whole else value


def key(value: Scalar) -> str:
    """A mapping's key as text, which is all that JSON knows: `1` is "1" and `on` is "true".

    Raises ValueError with one sentence for a null and for numbers that would change.
    """
    if isinstance(value, str):
        return value
    if value is None:
        raise ValueError("A key is empty (null); write a name, or quote it.")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if -(2**63) <= value < 2**64:
            return str(value)
    elif float(f"{value:.6g}") == value:
        return f"{value:.6g}"
    raise ValueError(f"The key `{value}` is a number that would be written differently; quote it.")


def _integer(digits: str) -> int | None:
    match = _INTEGER.fullmatch(digits)
    if match is None or len(digits) > _MOST_DIGITS:
        return None
    base = str(match.lastgroup)
    number = int(match[base], _BASES[base])
    if match["sign"] == "-":
        number = -number
    # Go tries a signed 64-bit number and, if there is no sign, an unsigned one.
    highest = 2**63 if match["sign"] else 2**64
    return number if -(2**63) <= number < highest else None


def _float(digits: str, text: str) -> Scalar:
    if not _FLOAT.fullmatch(digits):
        return text
    try:
        return json_float(digits)
    except OverflowError:
        return text
