"""A checked plan as one script: stages in order, steps of a stage side by side, then the state."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from aks_action.clients.azure import scripts
from aks_action.clients.azure.run_command import Outcome
from aks_action.clients.azure.scripts import Read
from aks_action.errors import InputError
from aks_action.model.documents import get_in
from aks_action.model.manifests import Document, ObjectRef, ref_of
from aks_action.model.plan import Apply, Change, Plan, Stage, Wait
from aks_action.model.resources import ResourceTypes

_BEGIN = """\
failed=0
end=$(( $(date +%s) + {seconds} ))
check() {{ for n in "$@"; do [ "$(cat "$n.code")" = 0 ] || failed=1; done; }}
"""
_LEFT = 'left=$(( end - $(date +%s) )); [ "$left" -gt 0 ] || left=1; export left'


class PlanScript:
    """The script of a plan, the files beside it, and whose answer is whose.

    `aN`, `oN` and `xN` are the apply, the takeover of fields and the deletion of apply number N.
    """

    def __init__(
        self,
        plan: Plan,
        live: Mapping[ObjectRef, Document],
        types: ResourceTypes,
        reads: Sequence[Read],
        namespace_patch: tuple[str, Document] | None,
        seconds: float,
    ) -> None:
        self.live = live
        self.files: dict[str, str] = {}
        self.numbers: dict[ObjectRef, int] = {}
        self._keys: dict[str, int] = {}
        self._types = types
        self._waits = 0
        parts = [_BEGIN.format(seconds=int(seconds)), *map(self._stage, plan.stages)]
        if namespace_patch:
            name, patch = namespace_patch
            self.files["namespace.json"] = json.dumps(patch)
            parts.append(
                f"[ $failed = 0 ] && ask n kubectl patch namespace {scripts.quoted(name)} "
                "--type=merge --field-manager=aks-action --patch-file=namespace.json\n"
            )
        versions = list(dict.fromkeys(each.api_version for each in reads))
        parts += [scripts.discover(versions), scripts.read(reads, versions, prefix="s")]
        self.text = "".join((*parts, scripts.LOGS))

    def number_of(self, document: Document) -> int:
        """The number of the apply of a document, by its name, else by all of it."""
        ref = ref_of(document)
        return self.numbers[ref] if ref.name else self._keys[json.dumps(document, sort_keys=True)]

    def result(self, ref: ObjectRef, done: Mapping[str, Outcome]) -> Document | None:
        """What the server answered to the apply of an object; None when it was not applied."""
        outcome = done.get(f"a{self.numbers.get(ref, -1)}")
        found: Document | None = json.loads(outcome.out) if outcome and not outcome.code else None
        return found

    def _stage(self, stage: Stage) -> str:
        lines: list[str] = []
        asked: list[str] = []
        waits: list[str] = []
        for step in stage.steps:
            if isinstance(step, Apply):
                if step.assessment and step.assessment.change is Change.UNCHANGED:
                    continue
                line, name = self._apply(step)
                lines.append(line)
                asked.append(name)
            elif isinstance(step, Wait):
                waits += self._wait(step)
            else:
                raise InputError("`private-cluster` works with the strategy `basic` only, so far.")
        script = ""
        if lines:
            script += f"if [ $failed = 0 ]; then\n{scripts.side_by_side(lines)}"
            script += f"check {' '.join(asked)}\nfi\n"
        if waits:
            names = " ".join(line.split()[1] for line in waits)
            script += f"if [ $failed = 0 ]; then\n{_LEFT}\n" + "".join(f"{x} &\n" for x in waits)
            script += f"wait\ncheck {names}\nfi\n"
        return script

    def _apply(self, apply: Apply) -> tuple[str, str]:
        number = len(self._keys)
        document, ref = apply.manifest.document, apply.ref
        self._keys[json.dumps(document, sort_keys=True)] = number
        self.files[f"doc{number}.json"] = json.dumps(document)
        if ref.name:
            self.numbers[ref] = number
        name = f"a{number}"
        line = scripts.apply(name, f"doc{number}.json", create=not ref.name)
        live, assessment = self.live.get(ref), apply.assessment
        if live is None or assessment is None:
            return line, name
        named = scripts.resource(ref, self._types[ref.api_version, ref.kind])
        if assessment.change is Change.RECREATED:
            return f"{{ ask x{number} kubectl delete {named} --wait; {line}; }}", name
        if assessment.ownership is not None:
            operations = [
                {"op": "replace", "path": f"/metadata/{field}", "value": value}
                for field, value in (
                    ("managedFields", list(assessment.ownership)),
                    ("resourceVersion", live["metadata"].get("resourceVersion", "")),
                )
            ]
            self.files[f"own{number}.json"] = json.dumps(operations)
            own = f"ask o{number} kubectl patch {named} --type=json --patch-file=own{number}.json"
            return f"{{ {own}; {line}; }}", name
        return line, name

    def _wait(self, step: Wait) -> list[str]:
        lines = []
        for manifest in step.manifests:
            ref = manifest.ref
            kind = self._types.get((ref.api_version, ref.kind))
            if kind is None or not ref.name:
                continue
            balanced = get_in(manifest.document, ("spec", "type")) == "LoadBalancer"
            if command := scripts.wait_for(ref, kind, load_balancer=balanced):
                lines.append(f"ask w{self._waits} sh -c {scripts.quoted(command)}")
                self._waits += 1
        return lines
