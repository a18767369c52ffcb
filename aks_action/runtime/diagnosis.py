"""Why it failed: the reason, the useful events and the last log lines, gathered once at the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aks_action.clients.ports import Cluster
from aks_action.model.bounded import whole_number
from aks_action.model.health import Related, Trouble
from aks_action.model.health.probes import event_time
from aks_action.model.health.records import text
from aks_action.model.manifests import Document
from aks_action.model.outcomes import Diagnosis
from aks_action.runtime.container_logs import MOST_CHARACTERS, Log, read_log
from aks_action.runtime.waiting.result import Waited, WaitResult

_MOST_EVENTS = 8
_MOST_LOGS = 3


def diagnose_all(cluster: Cluster, result: WaitResult) -> tuple[Diagnosis, ...]:
    """A diagnosis of each target that failed, or else of each that was not ready in time."""
    return tuple(diagnose(cluster, each) for each in result.failed or result.pending)


def diagnose(cluster: Cluster, waited: Waited) -> Diagnosis:
    """Gather what explains one target; a log that cannot be read is left out.

    events: `Reason (Kind name): message`, with ` (n times)`, oldest first.
    logs:   for each guilty container a line that names it, then its own last lines.
    """
    troubles = _distinct(waited.health.troubles)
    return Diagnosis(
        ref=waited.manifest.ref,
        source=waited.manifest.source,
        reason=_reason(waited, troubles),
        events=_events(waited.related),
        logs=tuple(line for log in _logs(cluster, waited, troubles) for line in _shown(log)),
        advice=" ".join(dict.fromkeys(each.advice for each in troubles if each.advice)),
    )


def _distinct(troubles: Iterable[Trouble]) -> tuple[Trouble, ...]:
    """One trouble per message: the pods of a template fail alike."""
    return tuple({each.message: each for each in reversed(list(troubles))}.values())[::-1]


def _reason(waited: Waited, troubles: Sequence[Trouble]) -> str:
    """The verdict, and the causes that it does not hold already."""
    message = waited.health.message
    causes = [each.sentence for each in troubles if each.message not in message]
    return "; ".join([message, *causes])


def _events(related: Related) -> tuple[str, ...]:
    recent = [each for each in related.events if related.is_recent(event_time(each))]
    lines: dict[tuple[str, str], tuple[str, int, Document]] = {}
    for event in sorted(recent, key=event_time):
        message = " ".join(text(event, "message").split())[:MOST_CHARACTERS]
        number = _number(event)
        key = (text(event, "reason"), message)
        lines[key] = (message, number + (lines[key][1] if key in lines else 0), event)
    return tuple(_line(*each) for each in lines.values())[-_MOST_EVENTS:]


def _number(event: Document) -> int:
    count = text(event, "series", "count") or text(event, "count")
    return whole_number(count) or 1


def _line(message: str, number: int, event: Document) -> str:
    about = " ".join(text(event, "involvedObject", name) for name in ("kind", "name"))
    times = f" ({number} times)" if number > 1 else ""
    return f"{text(event, 'reason')} ({about}): {message}{times}"


def _logs(cluster: Cluster, waited: Waited, troubles: Sequence[Trouble]) -> tuple[Log, ...]:
    """One log per guilty container; else what was kept of pods that are gone by now."""
    guilty = {each.container: each for each in reversed(troubles)}
    logs = [read_log(cluster, each) for each in list(guilty.values())[::-1]]
    found = tuple(log for log in logs if log is not None)
    return (found or waited.logs)[:_MOST_LOGS]


def _shown(log: Log) -> tuple[str, ...]:
    when = ", before it was restarted" if log.previous else ""
    return (f"The last lines of container {log.container} of {log.pod}{when}:", *log.lines)
