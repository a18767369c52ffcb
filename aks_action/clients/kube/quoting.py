"""What of an API server's words may be told: short scalars, and of a Secret none of its text.

The server quotes what it refuses, as JSON, as Go prints it, or in the words of a webhook, and no
rule tells for sure where such a quotation ends (seen in 1.37). So of a Secret only sentences are
told that are known to quote nothing but a field's path or a name. All of it takes linear time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

LONGEST = 400
"""Characters of a message, after its values are cut out."""

NOT_SHOWN = "what the server says is not shown, because it may quote the Secret"

_LONGEST_VALUE = 60
_INVALID = "Invalid value: "
_MOST_VALUES = 50
"""Of one message, one after the other; what comes later is not shown."""

_GOT = re.compile(r"\bgot (?:&?value\.\w+\{Value:|&\{)")
_GOT_END = re.compile(r"\}(?=\s+\.|\Z)")
"""How Go prints the value that has a wrong type; the next error begins with a path."""

_PATH = r"[A-Za-z0-9_./\-\[\]\"=,*]{1,300}"
_NAME = r"[A-Za-z0-9_.:/\-]{1,253}"
_TYPED = re.compile(
    r"failed to (?:create typed patch object|convert new object) \([^()]{1,600}\)"
    r"(?: to proper version)?:"
)
_WRONG = re.compile(
    rf"(?<!\S)\.(?P<path>{_PATH}): (?P<why>expected \w{{1,20}}, got|field not declared in schema)"
)
_HANDLED = (
    r'(?:Secret in version "v1" cannot be handled as a Secret: )?(?:strict decoding error: )?'
)
_DECODED = re.compile(
    rf"{_HANDLED}json: cannot unmarshal (?P<got>\w+) into Go struct field (?:{_NAME}\.)?"
    rf"(?P<path>[A-Za-z.]{{1,100}}) of type (?P<type>[\w\[\].]{{1,60}})"
)
_REFUSED = rf'(?:{_NAME}(?: "{_NAME}")? is forbidden: |Internal error occurred: |{_HANDLED})'
_BEGINNINGS = tuple(
    re.compile(_REFUSED + pattern)
    for pattern in (
        rf'(?:unknown|duplicate) field "{_PATH}"',
        rf'(?:{_NAME} )?"{_NAME}" not found',
        rf'(?:object is being deleted: )?{_NAME} "{_NAME}" already exists',
        rf"unable to create new content in namespace {_NAME} because it is being terminated",
        rf"exceeded quota: {_NAME}, requested: [\w=:,./\- ]{{1,200}}",
        rf'failed calling webhook "{_NAME}"',
        rf'admission webhook "{_NAME}" denied the request',
        rf"ValidatingAdmissionPolicy '{_NAME}' with binding '{_NAME}' denied request",
        (
            rf'User "[^"]{{0,300}}" cannot \w{{1,30}} (?:resource|path) "{_NAME}"'
            rf'(?: in API group "[\w.\-]{{0,253}}")?(?: in the namespace "{_NAME}")?'
        ),
    )
)
"""Names stand in these; what begins a message is the server's own."""

_CONSTANTS = re.compile(
    r"illegal base64 data at input byte \d{1,9}|does not support dry run"
    r"|the object has been modified|UID in (?:the )?precondition|context deadline exceeded"
    r"|connection refused|no endpoints available for service|request timed out|too many requests"
    r"|the server is currently unable to handle the request"
)
_WHYS = tuple(
    re.compile(pattern + r"\Z")
    for pattern in (
        r"field is immutable(?: when `immutable` is set)?",
        (
            r"(?:[Tt]oo long: )?(?:may not be more than|must be no more than|must have at most)"
            r" \d{1,9} (?:bytes|characters|items)"
        ),
        r"(?:Required value|may not be changed|may not change once set)",
    )
)
_REASONS = {
    "FieldValueDuplicate": "is there twice",
    "FieldValueForbidden": "is not allowed there",
    "FieldValueInvalid": "is not a valid value",
    "FieldValueNotFound": "names what does not exist",
    "FieldValueNotSupported": "is none of the values that are allowed",
    "FieldValueRequired": "is required",
    "FieldValueTooLong": "is too long",
    "FieldValueTooMany": "has too many items",
    "FieldValueTypeInvalid": "has the wrong type",
    "FieldManagerConflict": "belongs to another field manager",
}
"""`metav1.CauseType`, as k8s.io/apimachinery has it."""


def cleaned(message: str) -> str:
    """A message without long values, on one line, trimmed."""
    message = " ".join(_without_values(_without_types(message)).split()).rstrip(".;")
    return message if len(message) <= LONGEST else message[:LONGEST] + " …"


def of_secret(message: str, sent: bytes) -> str:
    """What of a message about a Secret quotes no text of it; a sentence where that is nothing.

    sent: the Secret as JSON, or what was to be changed of it; only its own paths are told.
    """
    if typed := _TYPED.match(message):
        own = _paths(sent)
        found = (each for each in _WRONG.finditer(message) if each["path"] in own)
        wrong = dict.fromkeys(f".{each['path']}: {each['why']}" for each in found)
        return f"{typed[0]} {'; '.join(wrong).replace(', got', ', got another type') or NOT_SHOWN}"
    if decoded := _DECODED.match(message):
        return f"{decoded['path']}: expected {decoded['type']}, got {decoded['got']}"
    begun = next((known[0] for each in _BEGINNINGS if (known := each.match(message))), "")
    told = [each for each in (begun, *_CONSTANTS.findall(message)[:1]) if each]
    return "; ".join(told if told and "denied" not in begun else [*told, NOT_SHOWN])


def why_of_secret(reason: str, message: str) -> str:
    """Why a field of a Secret is refused, by what the server always says so."""
    text = message.strip().rstrip(".")[-200:]
    known = next((found[0] for each in _WHYS if (found := each.search(text))), "")
    return known or _REASONS.get(reason, f"is refused; {NOT_SHOWN}")


def _paths(sent: bytes) -> frozenset[str]:
    """Paths of all fields, as the API server writes them: `data.key`, `metadata.labels.part`."""
    try:
        left: list[tuple[str, Any]] = [("", json.loads(sent or b"null"))]
    except (ValueError, RecursionError):
        return frozenset()
    found: set[str] = set()
    while left:
        path, value = left.pop()
        found.add(path)
        if isinstance(value, dict):
            left += ((f"{path}.{key}" if path else key, each) for key, each in value.items())
    return frozenset(found)


def _without_types(message: str) -> str:
    """`got &{…}` without what Go prints around the value."""
    return "".join(_cut(message.rstrip(), _GOT, _GOT_END, lambda value: f"got {value};"))


def _cut(
    text: str, start: re.Pattern[str], end: re.Pattern[str], shown: Callable[[str], str]
) -> Iterator[str]:
    """The text with what stands between both; each place is looked at once."""
    done = 0
    stops = end.finditer(text)
    stop = next(stops, None)
    for begin in start.finditer(text):
        if begin.start() < done:
            continue
        while stop and stop.start() < begin.end():
            stop = next(stops, None)
        if not stop:
            break
        yield text[done : begin.start()]
        yield shown(text[begin.end() : stop.start()])
        done = stop.end()
    yield text[done:]


def _without_values(message: str) -> str:
    """Every `Invalid value: …: why` as `why`, unless the value is a short scalar to show."""
    parts = []
    for _ in range(_MOST_VALUES):
        head, found, rest = message.partition(_INVALID)
        parts.append(head)
        if not found:
            return "".join(parts)
        value, message = _split_value(rest)
        if len(value) <= _LONGEST_VALUE and value[:1] not in ("{", "["):
            parts.append(f"{_INVALID}{value}: ")
    return "".join(parts) + "…"


def _split_value(text: str) -> tuple[str, str]:
    """The value that a message quotes, as JSON or in Go's syntax, and the reason after it."""
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        end = text.rfind("}: ") + 1 or max(text.find(": "), 0)
    return text[:end], text[end:].removeprefix(": ")
