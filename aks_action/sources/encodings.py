"""Bytes of a file become text, as kubectl takes them."""

from __future__ import annotations

from aks_action.errors import ManifestError, Problem, Source

_BYTE_ORDER_MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}


def decode(data: bytes, file: str) -> str:
    """The text: UTF-8, or UTF-16 with a byte order mark (what PowerShell's `>` writes).

    Raises ManifestError for everything else, with the line of the first wrong byte; kubectl
    would replace such bytes without a word.
    """
    encoding = "utf-8"
    for mark, code in _BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            encoding = code
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        source = Source(file=file, line=data.count(b"\n", 0, error.start) + 1)
        name = "UTF-16" if encoding == "utf-16" else "UTF-8"
        raise ManifestError(
            Problem(message=f"This is not {name} text. Save the file as UTF-8.", source=source)
        ) from None
