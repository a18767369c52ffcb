"""Typed values of inputs, with everything that is wrong with them remembered."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TypeVar

from aks_action.errors import Problem
from aks_action.inputs.defaults import DEFAULTS

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

SECRETS = ("registry-password", "token", "creds", "record-key")
"""Inputs whose value is never quoted."""


class Reader:
    """Reads typed values and remembers what was wrong with them."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.problems: list[Problem] = []

    def text(self, name: str) -> str:
        return (self._values.get(name) or DEFAULTS[name]).strip()

    def lines(self, name: str, separators: str = r"\n") -> tuple[str, ...]:
        parts = re.split(f"[{separators}]+", self.text(name))
        return tuple(part.strip() for part in parts if part.strip())

    def flag(self, name: str) -> bool:
        value = self.text(name).lower()
        if value not in ("true", "false"):
            self.wrong(name, "it must be true or false")
        return value == "true"

    def parsed(self, name: str, parse: Callable[[str], T], otherwise: T) -> T:
        try:
            return parse(self.text(name))
        except ValueError as error:
            self.wrong(name, str(error))
            return otherwise

    def wrong(self, name: str, reason: str) -> None:
        shown = "its value" if name in SECRETS else f"{self.text(name)!r}"
        self.problems.append(Problem(message=f"Input `{name}`: {shown} cannot be used: {reason}."))

    def problem(self, message: str) -> None:
        self.problems.append(Problem(message=message))

    def missing(self, name: str, reason: str) -> None:
        self.problems.append(Problem(message=f"Input `{name}` is missing: {reason}."))

    def number(self, name: str, lowest: int, highest: int) -> int:
        """A whole number in a range, both ends included."""
        text = self.text(name)
        if not text.isdecimal() or not lowest <= int(text) <= highest:
            self.wrong(name, f"it must be a whole number from {lowest} to {highest}")
            return lowest
        return int(text)

    def choice(self, name: str, choices: type[E], *, aliases: Mapping[str, str] | None = None) -> E:
        """One of a closed set of words, in any case."""
        word = self.text(name).lower()
        word = (aliases or {}).get(word, word)
        if word not in tuple(choices):
            self.wrong(name, f"it is not one of {', '.join(choices)}")
            return next(iter(choices))
        return choices(word)
