"""Requests to an API server that is reached by run commands only."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping

from aks_action.clients.azure.private.answers import Silence, answer, placeholder
from aks_action.clients.azure.private.clock import ClusterClock
from aks_action.clients.azure.private.kubectl import Looked, line, looked
from aks_action.clients.azure.private.record import Outcomes, Record, known
from aks_action.clients.azure.private.run_command import Outcome, RunCommand
from aks_action.clients.azure.private.script import PlanScript, side_by_side
from aks_action.clients.kube.sending import Call, Whole
from aks_action.clients.ports import Batch
from aks_action.model.bounded import read_json
from aks_action.model.resources import ResourceType, ResourceTypes, index

LOOK_AGAIN = 16.0
"""Seconds after which what was seen last is too old to wait on; failures are judged by then."""
_LONGEST_WAIT = 240.0
_LONGEST_READ = 120.0
_JUDGING = 3.0
"""Seconds before a deadline that are left to judge what was seen."""
_TOGETHER = 0.1
"""Seconds in which other threads may join a command."""

_Key = Looked | tuple[str, str, bytes | None]


class Commands:
    """Answers requests from what commands have recorded, or by a new command.

    Implements `sending.Sender`. own: `Kind/name` of the objects that are read whole.
    """

    def __init__(self, command: RunCommand, host: str, tell: Callable[[str], None]) -> None:
        self.host = host
        self.clock = ClusterClock()
        self.own: Iterable[str] = ()
        self._command = command
        self._tell = tell
        self._turn = threading.RLock()
        self._asking = threading.Lock()
        self._open: dict[_Key, Call] = {}
        self._known: dict[_Key, Outcome] = {}
        self._types: ResourceTypes = {}
        self._since = 0
        self._has_written = False
        self._batch: Batch | None = None
        self._record: Record | None = None
        self._next: deque[Record] = deque()

    def send(self, call: Call) -> Whole | Silence:
        """The answer; while it is decided, an empty one for what is not known yet."""
        if call.stream is not None:
            return Silence(LOOK_AGAIN)
        if self._batch is None:
            return self._answer_or_note(call)
        with self._turn:
            found = self._recorded(call, self._batch)
        return answer(found or self._asked(call), call)

    def flush(self) -> ResourceTypes | None:
        """Ask what is open, in one command; what is served. None when nothing is open."""
        if self._types and not self._open:
            return None
        with self._asking:
            asked, self._open = self._open, {}
        if not self._types:  # a dry run would be one of a guess
            asked = {key: call for key, call in asked.items() if isinstance(key, Looked)}
        what = "check" if any(not isinstance(key, Looked) for key in asked) else "observe"
        if not self._types:
            self._types = index(_types(self._ask(what, asked, "types\n")["types"].out))
        else:
            self._ask(what, asked)
        return self._types

    def begin(self, batch: Batch) -> None:
        """From now on requests are those of the batch's first stage."""
        with self._turn:
            if self._batch is None:
                self._since = int(time.time()) - 5
                self._known.clear()
            self._batch, self._record = batch, None
            if self._next and self._next[0].part.stage is batch.stages[0]:
                self._record = self._next.popleft()
            else:
                self._next.clear()

    def _answer_or_note(self, call: Call) -> Whole:
        key = _key(call)
        looks = {each: found for each, found in self._known.items() if isinstance(each, Looked)}
        found = known(looks, key) if isinstance(key, Looked) else self._known.get(key)
        if found:
            return answer(found, call)
        with self._asking:
            self._open[key] = call
        return placeholder(call)

    def _recorded(self, call: Call, batch: Batch) -> Outcome | None:
        if self._record is None:
            self._record = self._carried_out(batch)
        if self._record.is_older(LOOK_AGAIN, call):
            script = PlanScript(
                batch, since=self._since, suspects=self._record.suspects, waiting=True
            )
            self._record.see(script.parts[0], self._run_script("look again", batch, script))
        return self._record.find(call)

    def _carried_out(self, batch: Batch) -> Record:
        """The record of the first stage; those of others that were begun are kept for later."""
        script = PlanScript(batch, since=self._since, written=self._has_written)
        self._has_written = self._has_written or script.has_writes
        outcomes = self._run_script("carry out", batch, script) if script.text else {}
        begun = int(outcomes["reached"].out) + 1 if outcomes else 1
        self._next.extend(Record(part, outcomes) for part in script.parts[:begun])
        return self._next.popleft()

    def _asked(self, call: Call) -> Outcome:
        """The answer by a command that takes along what other threads ask at the same time."""
        key = _key(call)
        with self._asking:
            self._open[key] = call
        time.sleep(_TOGETHER)
        with self._turn:
            with self._asking:
                asked = dict(self._open) if key in self._open else {}
                self._open = {} if asked else self._open
            if asked:
                self._ask("one request" if len(asked) == 1 else f"{len(asked)} requests", asked)
            return self._known[key]

    def _ask(self, what: str, asked: Mapping[_Key, Call], first: str = "") -> Outcomes:
        lines: list[str] = []
        files = {"own.json": json.dumps(dict.fromkeys(self.own, True))}
        for number, call in enumerate(asked.values()):
            text, more = line(f"q{number}", call)
            lines.append(text)
            files |= more
        outcomes = self._run(what, first + side_by_side(lines), files, _LONGEST_READ)
        self._known |= {key: outcomes[f"q{number}"] for number, key in enumerate(asked)}
        return outcomes

    def _run_script(self, what: str, batch: Batch, script: PlanScript) -> Outcomes:
        left = batch.deadline - self.clock.now() - _JUDGING
        return self._run(what, script.text, script.files, min(max(left, 1.0), _LONGEST_WAIT))

    def _run(self, what: str, script: str, files: Mapping[str, str], seconds: float) -> Outcomes:
        self._tell(f"Run command {self._command.commands + 1} in the cluster: {what}.")
        with self.clock.stopped() as passed:
            outcomes = self._command.run(script, files, seconds=seconds)
            passed(min(float(outcomes["took"].out or 0), seconds))
        return outcomes


def _key(call: Call) -> _Key:
    return looked(call) if call.method == "GET" else (call.method, call.path, call.body)


def _types(text: str) -> Iterable[ResourceType]:
    for each in text.splitlines():
        api_version, kind, plural, namespaced = read_json(each)
        yield ResourceType(
            api_version=api_version, kind=kind, plural=plural, namespaced=bool(namespaced)
        )
