"""Texts that nobody expects: controls, accents, other scripts, what looks empty, what breaks lines.

Hypothesis' own alphabet is all of Unicode, whose tables alone take a second in each worker.
"""

from hypothesis import strategies as st

_ALPHABET = (
    "".join(map(chr, range(0x180))) + "\u0301\u05d0\u200b\u2028\u202e\ufeff\uffff漢😀\U0010ffff"
)


def odd_text(*, min_size: int = 0, max_size: int | None = None) -> st.SearchStrategy[str]:
    """Text of min_size to max_size characters."""
    return st.text(_ALPHABET, min_size=min_size, max_size=max_size)
