"""A plan as one script: stages in order, steps of a stage side by side, then what it waits for."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from urllib.parse import urlsplit

from aks_action.clients.azure.private.demands import Demands
from aks_action.clients.azure.private.kubectl import Looked, line
from aks_action.clients.azure.private.rehearsal import Rehearsal
from aks_action.clients.kube.sending import Call
from aks_action.clients.ports import Batch
from aks_action.model.plan import Stage
from aks_action.model.traffic.steps import Pause

AT_ONCE = 4
"""Requests side by side: the pod has half a CPU."""

LONGEST_PAUSE = 10.0
"""Seconds of a pause that is slept in the pod; a longer one holds no pod."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A stage in a script, and whose answer is whose.

    calls: the requests of its steps with their names, in order; of what could not be foreseen none.
    looks: what was seen when its waits ended.
    """

    stage: Stage
    calls: tuple[tuple[str, Call], ...] = ()
    looks: dict[Looked, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moves:
    """Requests of a stage: what is still to be checked, and then what each step does."""

    checks: list[Call]
    steps: list[list[Call]]


class PlanScript:
    """As many of a batch's stages as can be foreseen, at least the first.

    What moves traffic or takes something away is not begun in the command in which something had
    to become healthy before: that is for the rules of `model.health` to judge, and they are here.

    since:    seconds since 1970 at which the run began to write.
    suspects: what looked hopeless, and was judged not to be.
    waiting:  only wait for the first stage, whose writes are made.
    written:  whether the run has written something by now.
    """

    def __init__(
        self,
        batch: Batch,
        *,
        since: int,
        suspects: Sequence[str] = (),
        waiting: bool = False,
        written: bool = False,
    ) -> None:
        run = {"since": since, "known": list(suspects)}
        self.files = {"own.json": "{}", "run.json": json.dumps(run)}
        self.parts: list[Part] = []
        self._batch = batch
        self._lines: list[str] = []
        self._rehearsal = Rehearsal(batch.live, batch.types)
        self._is_judged = False
        if waiting:
            self._wait(batch.stages[0], ())
            return
        if all(map(self._add, batch.stages)) and (written or self.has_writes):
            self._finish()

    @property
    def text(self) -> str:
        return "".join(f"{each}\n" for each in self._lines)

    @property
    def has_writes(self) -> bool:
        return any(part.calls for part in self.parts)

    def _add(self, stage: Stage) -> bool:
        """Add a stage; whether the next one may follow in the same script."""
        moves = self._foreseen(stage)
        pause = sum(step.seconds for step in stage.steps if isinstance(step, Pause))
        if moves is None or pause > LONGEST_PAUSE or (moves.steps and self._is_judged):
            if not self.parts:
                looks = Demands(stage, self._rehearsal, self._batch, "t0").looks
                self.parts.append(Part(stage=stage, looks=looks))
            return False
        self._lines.append(f"[ $failed = 1 ] || reached={len(self.parts)}")
        calls = self._carry_out(moves)
        if pause:
            self._lines.append(f"[ $failed = 1 ] || sleep {pause:g}")
        self._wait(stage, calls)
        return True

    def _foreseen(self, stage: Stage) -> _Moves | None:
        """The requests of a stage's steps; None where they depend on answers."""
        checked = self._rehearsal.of(partial(self._batch.check, stage))
        if checked is None:
            return None
        found = []
        for step in checked[0]:
            rehearsed = self._rehearsal.of(partial(self._batch.write, step))
            if rehearsed is None:
                return None
            if any(call.method != "GET" for call in rehearsed[1]):
                found.append(rehearsed[1])
        return _Moves(checks=checked[1], steps=found)

    def _carry_out(self, moves: _Moves) -> tuple[tuple[str, Call], ...]:
        """First everything is checked that could not be before, then everything is written."""
        checks = self._named("c", moves.checks)
        self._all_at_once([self._line(*each) for each in checks], checks)
        checked = {(call.method, urlsplit(call.path).path): name for name, call in checks}
        writes: list[tuple[str, Call]] = []
        sequences = []
        for calls in moves.steps:
            own = self._named("w", calls, len(writes))
            sequences.append(self._sequence(own, checked))
            writes += own
        self._all_at_once(sequences, writes)
        return (*checks, *writes)

    def _named(self, kind: str, calls: Sequence[Call], first: int = 0) -> list[tuple[str, Call]]:
        stage = len(self.parts)
        return [(f"t{stage}{kind}{number}", call) for number, call in enumerate(calls, first)]

    def _all_at_once(self, lines: Sequence[str], calls: Sequence[tuple[str, Call]]) -> None:
        names = " ".join(name for name, call in calls if call.method != "GET")
        if lines:
            self._lines.append(f"if [ $failed = 0 ]; then\n{side_by_side(lines)}check {names}\nfi")

    def _sequence(
        self, calls: Sequence[tuple[str, Call]], checked: Mapping[tuple[str, str], str]
    ) -> str:
        """One after the other, as long as the writes among them succeed.

        checked: the answers of a check; what it shows to be unchanged is not written.
        """
        before: list[str] = []
        writes: list[str] = []
        uid = condition = ""
        for name, call in calls:
            path = urlsplit(call.path).path
            if call.method != "GET":
                writes.append(self._line(name, call))
            elif uid:
                writes.append(f"gone {name} {shlex.quote(path)} {uid}")
            else:
                before.append(f"{self._line(name, call)}; ")
            if call.method == "DELETE":
                uid = json.loads(call.body or b"{}")["preconditions"]["uid"]
            if (dry := checked.get(("PATCH", path))) and (get := checked.get(("GET", path))):
                condition = f"differs {get} {dry} || {{ : >{name}.skip; false; }} && "
        return "".join(before) + condition + " && ".join(writes)

    def _line(self, name: str, call: Call) -> str:
        text, files = line(name, call, patiently=True)
        self.files |= files
        return text

    def _wait(self, stage: Stage, calls: tuple[tuple[str, Call], ...]) -> None:
        name = f"t{len(self.parts)}"
        demands = Demands(stage, self._rehearsal, self._batch, name)
        self.parts.append(Part(stage=stage, calls=calls, looks=demands.looks))
        if not demands.found:
            return
        self.files[f"{name}.demands"] = json.dumps(demands.found)
        self.files[f"{name}.looks"] = "".join(
            f"{look.how} {each} {look.path}\n" for look, each in demands.looks.items()
        )
        self._lines.append(f"settle {name}")
        self._is_judged = self._is_judged or demands.need_judgement

    def _finish(self) -> None:
        """What is written last, when all went well."""
        for call in self._rehearsal.requests(self._batch.finish):
            self._lines.append(f"[ $failed = 1 ] || {self._line('last', call)}")
            last = self.parts[-1]
            self.parts[-1] = replace(last, calls=(*last.calls, ("last", call)))


def side_by_side(lines: Iterable[str]) -> str:
    """Lines that run at the same time, a few at once."""
    script = []
    for number, each in enumerate(lines, start=1):
        script.append(f"{{ {each}; }} &")
        if number % AT_ONCE == 0:
            script.append("wait")
    return "\n".join((*script, "wait", ""))
