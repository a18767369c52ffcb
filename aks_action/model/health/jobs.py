"""Jobs: complete, or failed for good."""

from __future__ import annotations

from dataclasses import replace

from aks_action.model.documents import get_in
from aks_action.model.health.container_ends import CRASH_LOOP
from aks_action.model.health.creation import leaving, refused_creation
from aks_action.model.health.pods import pod_troubles
from aks_action.model.health.records import (
    Gravity,
    Health,
    Related,
    Trouble,
    condition,
    controller_of,
    count,
    failed,
    named,
    plural,
    progressing,
    ready,
    said,
    text,
    uid_of,
)
from aks_action.model.manifests import Document

_ADVICE = "Its log says why. A changed Job is recreated by the next deploy."


def assess_job(document: Document, related: Related) -> Health:
    """Ready when complete or suspended; failed when the Job says so or its pods cannot start.

    kstatus takes a running Job for ready; a deploy that goes on while its migration still runs
    is what ordering is there to prevent, so this rule waits. Crashes are the Job controller's
    to count (`backoffLimit`), so a crash loop alone is not a failure here.
    """
    if is_complete(document):
        return ready("it is complete")
    if condition(document, "SuccessCriteriaMet").get("status") == "True":
        return ready("its success criteria are met")
    if get_in(document, ("spec", "suspend")):
        return ready("it is suspended")
    pods = [pod for pod in related.pods if controller_of(pod) == uid_of(document)]
    for kind in ("Failed", "FailureTarget"):
        failure = condition(document, kind)
        if failure.get("status") == "True":
            return failed(_why(failure), *_last_crash(pods, related))
    return _running(document, pods, related)


def is_complete(job: Document) -> bool:
    return condition(job, "Complete").get("status") == "True"


def has_failed(job: Document) -> bool:
    """Whether it has failed for good: no pod of it will be tried again."""
    return condition(job, "Failed").get("status") == "True"


def has_ended(job: Document) -> bool:
    """Whether it is complete or has failed for good."""
    return is_complete(job) or has_failed(job)


def _running(document: Document, pods: list[Document], related: Related) -> Health:
    present = [pod for pod in pods if not get_in(pod, ("metadata", "deletionTimestamp"))]
    troubles = [_mild(each) for pod in present for each in pod_troubles(pod, related)]
    wanted = count(document, "spec", "completions", default=1)
    done = count(document, "status", "succeeded")
    message = f"{done} of {plural(wanted, 'completion')} {'is' if wanted == 1 else 'are'} done"
    if not pods:
        ref = named(document, "batch/v1", "Job")
        troubles += refused_creation(document, ref, related, may_free=leaving(related))
    fatal = [each for each in troubles if each.gravity > Gravity.HINT]
    if fatal:
        return failed(f"{fatal[0].sentence}; {message}", *troubles)
    return progressing(message, *troubles)


def _mild(trouble: Trouble) -> Trouble:
    crashed = trouble.code == CRASH_LOOP
    return replace(trouble, gravity=Gravity.HINT) if crashed else trouble


def _why(failure: Document) -> str:
    """The Job's own words: BackoffLimitExceeded, DeadlineExceeded, PodFailurePolicy."""
    message = said(failure, "message") or text(failure, "reason")
    return f"it has failed: {message}" if message else "it has failed"


def _last_crash(pods: list[Document], related: Related) -> list[Trouble]:
    """The troubles of the youngest pod that has any, also of one that was deleted since."""
    by_age = sorted(pods, key=lambda pod: text(pod, "metadata", "creationTimestamp"), reverse=True)
    for pod in by_age:
        found = pod_troubles(pod, related)
        if found:
            return [replace(each, advice=each.advice or _ADVICE) for each in found]
    return []
