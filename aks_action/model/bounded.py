"""JSON, gzip and numbers that somebody else wrote, read within bounds.

Whoever may write one object of a namespace decides what stands in its annotations and Secrets. A
kilobyte of gzip can be a gigabyte of text, and three bytes of JSON can be a dictionary of two
hundred, so size and number are counted before anything is made of them.
"""

from __future__ import annotations

import json
import math
import zlib
from dataclasses import dataclass
from typing import Any, NoReturn

MOST_LEVELS = 110
"""Of nesting: a little more than manifests may have, which records keep. Some hundreds would do."""

_GZIP = zlib.MAX_WBITS + 16
_LONGEST_NUMBER = 40
"""Characters: enough for every number of 64 bits, with sign, point and exponent."""


class Unpackable(ValueError):  # noqa: N818 - reads as what it says of the data
    """Data that is none of ours, or too much; the message ends no sentence and quotes no data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much is read. items: of lists and dictionaries, all together.

    size: bytes, unpacked; a half or a third of it where Python takes two or four bytes for each
          character, which it does for all of a text that has one such character.
    """

    size: int
    items: int


SMALL = Bounds(size=4 * 1024 * 1024, items=50_000)
"""For what is in one object: a Secret has at most 1 MiB, all annotations together 256 KiB."""


def gunzip(data: bytes, bounds: Bounds) -> bytes:
    """What was packed. Raises Unpackable, before more than `bounds.size` bytes are unpacked."""
    unpacker = zlib.decompressobj(_GZIP)
    try:
        text = unpacker.decompress(data, bounds.size + 1)
    except zlib.error:
        raise Unpackable("it is not gzip, or cut off") from None
    if len(text) > bounds.size:
        raise Unpackable(f"it is larger than {bounds.size} bytes when it is unpacked")
    if not unpacker.eof:
        raise Unpackable("it is not gzip, or cut off")
    return text


def read_json(data: bytes | str, bounds: Bounds = SMALL) -> Any:
    """The value of a JSON text (RFC 8259) that each reader takes for the same.

    Raises Unpackable for what is too large, too deep or has too many parts, and for what JSON
    does not have or readers disagree on: NaN, numbers beyond 64 bits, keys that are there twice,
    half surrogates.
    """
    text = data.encode(errors="surrogatepass") if isinstance(data, str) else data
    check_size(text, bounds)
    try:
        value = _DECODER.decode(text.decode())
        if b"\\ud" in text or b"\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except Unpackable:
        raise
    except RecursionError:
        raise Unpackable(_TOO_DEEP) from None
    except ValueError:  # its message would quote what a Secret holds
        raise Unpackable("it is not JSON") from None
    if is_deeper(value, MOST_LEVELS):
        raise Unpackable(_TOO_DEEP)
    return value


def check_size(text: bytes, bounds: Bounds) -> None:
    """Raises Unpackable for a JSON text that is too large, or has too many items."""
    if len(text) * _weight(text) > bounds.size:
        raise Unpackable(f"it is larger than {bounds.size // _weight(text)} bytes")
    if _marks(text) > bounds.items and _marks(_without_strings(text, bounds)) > bounds.items:
        raise Unpackable(f"it has more than {bounds.items} items")


def is_deeper(value: Any, levels: int) -> bool:
    """Whether lists and dictionaries are nested in more levels than that."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(levels):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True


def whole_number(value: Any, highest: int = 2**31 - 1) -> int | None:
    """A number from 0 to `highest`, also as the text that annotations have; None for all else."""
    if isinstance(value, str):
        is_number = value.isascii() and value.isdecimal() and len(value) <= _LONGEST_NUMBER
        value = int(value) if is_number else None
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= highest else None


_TOO_DEEP = f"it is nested in more than {MOST_LEVELS} levels"


def _weight(text: bytes) -> int:
    """How dear a byte is: a text is in memory twice, once as a whole and once in its values."""
    if text.count(b"\\u") > text.count(b"\\u00") or len(text) > len(text.translate(None, _ASTRAL)):
        return 3
    return 2 if len(text) > len(text.translate(None, _BEYOND_LATIN_1)) else 1


_ASTRAL = bytes(range(0xF0, 0x100))
_BEYOND_LATIN_1 = bytes(range(0xC4, 0x100))
"""First bytes of the UTF-8 of characters that take four bytes in memory, and two."""


def _marks(text: bytes) -> int:
    """At least as many as there are items."""
    return text.count(b",") + text.count(b"[") + text.count(b"{")


def _without_strings(text: bytes, bounds: Bounds) -> bytes:
    plain = text.replace(rb"\\", b"").replace(rb"\"", b"")
    if plain.count(b'"') > 4 * bounds.items + 2:  # a key and a value have two each
        raise Unpackable(f"it has more than {bounds.items} items")
    return b"".join(plain.split(b'"')[::2])


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Unpackable("it has a key twice")
    return value


def _integer(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise Unpackable("it has a number that is too long")
    return int(text)


def _float(text: str) -> float:
    value = float(text) if len(text) <= _LONGEST_NUMBER else math.inf
    if math.isinf(value):
        raise Unpackable("it has a number that is too large or too long")
    return value


def _no_number(_constant: str) -> NoReturn:
    raise Unpackable("it is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_int=_integer,
    parse_float=_float,
    parse_constant=_no_number,
)
