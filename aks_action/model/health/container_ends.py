"""Containers that were started and do not stay up, or do not become ready."""

from __future__ import annotations

from collections.abc import Mapping

from aks_action.model.documents import get_in
from aks_action.model.health import probes
from aks_action.model.health.container_cases import Case
from aks_action.model.health.records import Gravity, Trouble, text
from aks_action.model.manifests import Document

CRASH_LOOP = "CrashLoopBackOff"
_EXIT_CODES = {
    0: "What should end belongs in a Job; elsewhere the command has to keep running.",
    126: "Its command cannot be executed: check the file's permissions and platform.",
    127: "Its command was not found: check `command` and the image's PATH.",
    137: "It was killed: look for a memory limit that is too low, or a liveness probe.",
    139: "It ended with a segmentation fault.",
}


def crash_loop(case: Case) -> Trouble:
    """CrashLoopBackOff; a crash before this run began does not prove that its fix fails."""
    last = get_in(case.status, ("lastState", "terminated")) or {}
    fresh = case.related.is_recent(last.get("finishedAt"))
    probe = probes.failing(case.pod, case.spec, case.related)
    message, advice = _exit(case, last)
    if probe and probe[0] != "Readiness" and last.get("reason") != "OOMKilled":
        message, advice = _probe(case, probe)
        message += ", so it is restarted again and again"
    elif last.get("reason") in ("StartError", "ContainerCannotRun"):
        message = f"its command cannot be run: {' '.join(text(last, 'message').split())}"
        advice = "Correct `command`, `args` or the image."
    elif "memory" not in message:
        message += " again and again"
    return case.trouble(
        CRASH_LOOP,
        message,
        advice=advice,
        gravity=Gravity.POD if fresh else Gravity.HINT,
        crashed=True,
    )


def ended(case: Case, terminated: Document) -> Trouble:
    """A container that ended and may be restarted; the second time in this run it is a loop.

    Between two crashes the kubelet shows `terminated` as often as `CrashLoopBackOff`.
    """
    message, advice = _exit(case, terminated)
    before = get_in(case.status, ("lastState", "terminated"))
    if isinstance(before, Mapping) and case.related.is_recent(before.get("finishedAt")):
        return case.trouble(
            CRASH_LOOP,
            message if "memory" in message else f"{message} again and again",
            advice=advice,
            gravity=Gravity.POD,
        )
    return case.trouble(text(terminated, "reason") or "Error", message, advice=advice)


def _exit(case: Case, terminated: Document) -> tuple[str, str]:
    code = terminated.get("exitCode")
    if terminated.get("reason") == "OOMKilled":
        limit = text(case.spec, "resources", "limits", "memory")
        suffix = f" ({limit})" if limit else ""
        return f"it was killed for using more memory than its limit{suffix}", (
            "Raise resources.limits.memory, or let it use less."
        )
    advice = _EXIT_CODES.get(code) if isinstance(code, int) else None
    return f"it exits with code {code}", advice or "Its log says why."


def not_ready(case: Case) -> Trouble | None:
    """A running container: its probe, or else that it has been restarted."""
    probe = probes.failing(case.pod, case.spec, case.related)
    if probe:
        message, advice = _probe(case, probe)
        return case.trouble("Unhealthy", message, advice=advice)
    last = get_in(case.status, ("lastState", "terminated"))
    if isinstance(last, Mapping) and case.related.is_recent(last.get("finishedAt")):
        message, advice = _exit(case, last)
        return case.trouble(text(last, "reason") or "Error", message, advice=advice, crashed=True)
    return None


def _probe(case: Case, probe: tuple[str, str]) -> tuple[str, str]:
    kind, words = probe
    asks = probes.describe(case.spec.get(probes.FIELDS[kind]))
    shown = f" ({asks})" if asks else ""
    advice = f"Check the {kind.lower()} probe's path, port and times against what the app serves."
    cause = f": {words}" if words else ""
    return f"its {kind.lower()} probe{shown} fails{cause}", advice
