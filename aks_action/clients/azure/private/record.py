"""What a command did for one stage: the answers, as the executor gets to ask for them."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from urllib.parse import urlsplit

from aks_action.clients.azure.private.answers import of_one
from aks_action.clients.azure.private.kubectl import Looked, collection_of, looked
from aks_action.clients.azure.private.run_command import Outcome
from aks_action.clients.azure.private.script import Part
from aks_action.clients.kube.sending import Call
from aks_action.model.bounded import read_json

Outcomes = Mapping[str, Outcome]


def known(answers: Mapping[Looked, Outcome], look: Looked) -> Outcome | None:
    """The answer to a request that reads, if it, or all of its collection, was read."""
    if look in answers or look.how != "one":
        return answers.get(look)
    collection, name = collection_of(look)
    found = answers.get(collection)
    return of_one(found, name) if found else None


class Record:
    """The answers of one stage.

    An object is as it was before a write until that write was asked for, then as it was after.
    """

    def __init__(self, part: Part, outcomes: Outcomes) -> None:
        self.part = part
        self.suspects: tuple[str, ...] = ()
        self._objects: defaultdict[str, dict[int, Outcome]] = defaultdict(dict)
        self._writes: defaultdict[str, list[tuple[Call, Outcome]]] = defaultdict(list)
        self._made: Counter[str] = Counter()
        self._checks: dict[tuple[str, bytes | None], Outcome] = {}
        self._seen: dict[Looked, Outcome] = {}
        self._chosen: dict[str, Outcome] = {}
        self._seen_at = float("-inf")
        for name, call in part.calls:
            if outcome := outcomes.get(name):
                self._note(call, outcome)
        if any(name in outcomes for name in part.looks.values()):
            self.see(part, outcomes)

    def see(self, part: Part, outcomes: Outcomes) -> None:
        """What a look at everything that the stage waits for has found."""
        self._seen = {look: outcomes[name] for look, name in part.looks.items() if name in outcomes}
        self._chosen = {each.path: each for each in outcomes.values() if each.path}
        suspects = read_json(outcomes["suspects"].out) if "suspects" in outcomes else {}
        self.suspects = tuple(suspects.get("known") or ())
        self._seen_at = time.monotonic()

    def is_older(self, seconds: float, call: Call) -> bool:
        """Whether a request asks what the stage waits for, and that was seen so long ago."""
        look = looked(call)
        asks = look in self.part.looks or (
            look.how == "one" and collection_of(look)[0] in self.part.looks
        )
        return call.method == "GET" and asks and time.monotonic() - self._seen_at > seconds

    def find(self, call: Call) -> Outcome | None:
        """The answer to a request, as far as it has one. A write is answered once."""
        path = urlsplit(call.path).path
        if call.method != "GET":
            return self._written(path, call)
        if call.asked.verb == "get the log of" and self._seen:
            return self._chosen.get(call.path) or Outcome()
        before = self._objects[path].get(self._made[path]) if call.asked.verb == "get" else None
        if before and self._made[path] < len(self._writes[path]):
            return before
        return known(self._seen, looked(call)) or before or self._chosen.get(call.path)

    def _note(self, call: Call, outcome: Outcome) -> None:
        path = urlsplit(call.path).path
        if "dryRun=All" in call.path:
            self._checks[call.path, call.body] = outcome
        elif call.method == "GET":
            self._objects[path][len(self._writes[path])] = outcome
        else:
            self._writes[path].append((call, outcome))
            if call.method == "PATCH" and not outcome.code:
                self._objects[path][len(self._writes[path])] = outcome

    def _written(self, path: str, call: Call) -> Outcome | None:
        left = self._writes[path][self._made[path] :]
        if "dryRun=All" in call.path:
            return self._checks.get((call.path, call.body))
        for number, (made, outcome) in enumerate(left, start=1):
            if (made.method, made.path, made.body) == (call.method, call.path, call.body):
                self._made[path] += number
                return outcome
        return None
