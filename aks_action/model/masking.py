"""What is replaced in everything that is written, for a secret; and the secrets that cannot be.

A mask is a text that is replaced wherever it stands. So it has to be long and odd enough to stand
nowhere else: a mask `{` breaks every output that is JSON, a mask `latest` every image's name. The
runner masks each line of what it is given, so a secret of several lines goes to it line by line.
https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#masking-a-value-in-a-log
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from aks_action.model.bounded import Unpackable, read_json

LEAST_CHARACTERS = 6
"""A shorter text stands by chance in what is written."""

_LEAST_DIFFERENT = 4
"""Different letters and digits: `------` and `0000000` are in many texts."""

_LEAST_OF_LINES = 8
"""A line of a longer secret may be a word of its format; no key has lines that short."""

_WORDS = """
access-token account action admin administrator azureuser canary changeme cluster configmap
configured containers counts created credentials default deleted deployer deployment development
digest digests docker failed github gitlab image images kubernetes latest localhost manifest
manifests master namespace nobody null password password1 postgres private production public
qwerty recreated registry release result root secret secrets server service staging stable system
testing testtest token unchanged undefined user username version welcome
"""
_COMMON = frozenset(_WORDS.split())
"""Words of outputs, of image names and of those who look for a password, in lower case."""

_ARMOUR = re.compile(r"-----(?:BEGIN|END) [A-Z0-9 ]+-----")
_NAMES_SECRET = re.compile(
    r"secret|pass|private|token|key|credential|auth$|pwd|sas|signature", re.IGNORECASE
)
_LOOKS_SECRET = re.compile(r"(?=[^\d]*\d)(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9+/=_~-]{20,}")


def masks(secret: str) -> tuple[str, ...]:
    """The texts by which a secret is hidden; none where it is too short or too common for it.

    Of several lines, or of a JSON document such as a key file: each line that is long enough, and
    each value that is a secret by its key or its looks. Its other values, such as a project's id,
    are names that outputs need.
    """
    lines = [line.strip() for line in secret.splitlines() if line.strip()]
    if len(lines) == 1:
        found = [lines[0]] if is_odd(lines[0]) else []
    else:
        found = [each for each in lines if len(each) >= _LEAST_OF_LINES and is_odd(each)]
    for value in _secret_values(secret):
        found += [each for each in masks(value) if each not in found]
    return tuple(dict.fromkeys(found))


def is_odd(text: str) -> bool:
    """Whether a text is a mask that damages nothing: long, and no word that stands elsewhere."""
    letters = {each for each in text.lower() if each.isalnum()}
    return (
        len(text) >= LEAST_CHARACTERS
        and len(letters) >= _LEAST_DIFFERENT
        and text.lower().strip("\"',: ") not in _COMMON
        and not _ARMOUR.fullmatch(text)
    )


def forms(mask: str) -> tuple[str, ...]:
    """A mask as it stands in JSON, in a URL and in base64, whatever is encoded before it."""
    texts = [mask, json.dumps(mask)[1:-1], json.dumps(mask, ensure_ascii=False)[1:-1]]
    texts += [quote(mask, safe=""), quote(mask)]
    data = mask.encode(errors="surrogatepass")
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + data).decode("ascii")
        whole = encoded[(0, 2, 3)[shift] : (shift + len(data)) * 8 // 6]
        texts += [whole, whole.replace("+", "-").replace("/", "_")]
    return tuple(dict.fromkeys(each for each in texts if len(each) >= LEAST_CHARACTERS))


def _secret_values(secret: str) -> Iterator[str]:
    """Texts of a JSON document that nobody should see."""
    if secret.lstrip()[:1] not in ("{", "["):
        return
    try:
        document = read_json(secret)
    except Unpackable:
        return
    left: list[tuple[str, Any]] = [("", document)]
    while left:
        key, value = left.pop()
        if isinstance(value, dict):
            left += value.items()
        elif isinstance(value, list):
            left += ((key, each) for each in value)
        elif isinstance(value, str) and value.strip()[:1] not in ("{", "["):
            named = _NAMES_SECRET.search(key) and "://" not in value
            if named or _LOOKS_SECRET.fullmatch(value):
                yield value
