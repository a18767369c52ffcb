"""Containers that cannot start or do not stay up: one rule per reason of the kubelet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from aks_action.model.documents import get_in
from aks_action.model.health import probes
from aks_action.model.health.images import pull_failure
from aks_action.model.health.records import Gravity, Related, Trouble, named, said, text
from aks_action.model.manifests import Document, ObjectRef

_STATUSES = (
    ("initContainerStatuses", "initContainers", "init container"),
    ("containerStatuses", "containers", "container"),
)
CRASH_LOOP = "CrashLoopBackOff"
_EXIT_CODES = {
    0: "What should end belongs in a Job; elsewhere the command has to keep running.",
    126: "Its command cannot be executed: check the file's permissions and platform.",
    127: "Its command was not found: check `command` and the image's PATH.",
    137: "It was killed: look for a memory limit that is too low, or a liveness probe.",
    139: "It ended with a segmentation fault.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One container of one pod: its status, its spec, and what is known about the pod."""

    pod: Document
    status: Document
    spec: Document
    noun: str
    related: Related

    @property
    def label(self) -> str:
        return f"{self.noun} {text(self.status, 'name')}"

    @property
    def words(self) -> str:
        """The kubelet's message about why the container waits, on one line."""
        return said(self.status, "state", "waiting", "message")

    def trouble(
        self,
        code: str,
        message: str,
        *,
        advice: str = "",
        gravity: Gravity = Gravity.HINT,
        crashed: bool = False,
    ) -> Trouble:
        return Trouble(
            culprit=pod_ref(self.pod),
            code=code,
            message=f"{self.label}: {message}",
            advice=advice,
            gravity=gravity,
            container=text(self.status, "name"),
            crashed=crashed,
        )


def pod_ref(pod: Document) -> ObjectRef:
    return named(pod, "v1", "Pod")


def container_troubles(pod: Document, related: Related) -> Iterator[Trouble]:
    """What keeps the pod's containers from running and being ready."""
    for statuses, specs, noun in _STATUSES:
        by_name = {text(each, "name"): each for each in get_in(pod, ("spec", specs)) or ()}
        for status in get_in(pod, ("status", statuses)) or ():
            case = Case(
                pod=pod,
                status=status,
                spec=by_name.get(text(status, "name"), {}),
                noun=noun,
                related=related,
            )
            found = _trouble(case)
            if found:
                yield found


def _trouble(case: Case) -> Trouble | None:
    reason = text(case.status, "state", "waiting", "reason")
    if reason in _WAITING:
        return _WAITING[reason](case)
    terminated = get_in(case.status, ("state", "terminated"))
    if isinstance(terminated, Mapping):
        return None if _may_end(case, terminated) else _ended(case, terminated)
    if get_in(case.status, ("state", "running")) is None or _is_fine(case):
        return None
    return _not_ready(case)


def _is_fine(case: Case) -> bool:
    """Whether a running container needs no word; a Job's that was restarted does."""
    if get_in(case.pod, ("spec", "restartPolicy")) == "OnFailure" and get_in(
        case.status, ("lastState", "terminated")
    ):
        return False
    return bool(case.status.get("ready")) or (
        case.noun == "init container" and get_in(case.spec, ("restartPolicy",)) != "Always"
    )


def _may_end(case: Case, terminated: Document) -> bool:
    """Whether a container that ended did what it should: an init container, or one of a Job."""
    restarts = get_in(case.pod, ("spec", "restartPolicy"), "Always") == "Always"
    return terminated.get("exitCode") == 0 and (case.noun != "container" or not restarts)


def _image(case: Case) -> Trouble:
    """ErrImagePull and ImagePullBackOff, which kubelets before 1.32 leave without a cause."""
    words = case.words
    if "ErrImagePull" not in words and text(case.status, "state", "waiting", "reason") != (
        "ErrImagePull"
    ):
        words = _pull_event(case)
    failure = pull_failure(words)
    return case.trouble(
        text(case.status, "state", "waiting", "reason"),
        f"image {text(case.status, 'image')} cannot be pulled: {failure.cause}",
        advice=failure.advice,
        gravity=failure.gravity,
    )


def _pull_event(case: Case) -> str:
    for event in case.related.events_of(case.pod):
        message = said(event, "message")
        about = probes.container_of(event) in ("", text(case.status, "name"))
        if event.get("reason") == "Failed" and about and message.startswith("Failed to pull"):
            return message
    return ""


def _invalid_image(case: Case) -> Trouble:
    return case.trouble(
        "InvalidImageName",
        f"image {text(case.spec, 'image') or text(case.status, 'image')!r} is not a valid name",
        advice="Correct the image's name.",
        gravity=Gravity.TEMPLATE,
    )


def _never_pull(case: Case) -> Trouble:
    return case.trouble(
        "ErrImageNeverPull",
        f"image {text(case.status, 'image')} is not on the node and imagePullPolicy is Never",
        advice="Set imagePullPolicy to IfNotPresent.",
        gravity=Gravity.POD,
    )


def _config(case: Case) -> Trouble:
    """CreateContainerConfigError: a key, Secret or ConfigMap is missing, unless it is a cache."""
    passing = ("cache", "services have not yet been read")
    gravity = Gravity.TEMPLATE
    if any(phrase in case.words for phrase in passing) or may_appear(
        case.words, case.pod, case.related
    ):
        gravity = Gravity.HINT
    return case.trouble(
        "CreateContainerConfigError",
        f"its configuration is incomplete: {case.words}",
        advice=missing_advice(case.words),
        gravity=gravity,
    )


def missing_advice(words: str) -> str:
    """What to do about a ConfigMap, Secret or key that the kubelet does not find."""
    if "key" in words:
        return "Add the key to the ConfigMap or Secret, or correct the reference to it."
    if "not found" in words:
        return "Add the object to `manifests`, or correct the reference to it."
    return "Correct the container's settings."


def may_appear(words: str, pod: Document, related: Related) -> bool:
    """Whether what is missing may still be made by an operator or the Secrets Store driver."""
    if "not found" not in words and "key" not in words:
        return False
    drivers = [
        get_in(volume, ("csi", "driver")) for volume in get_in(pod, ("spec", "volumes")) or ()
    ]
    return related.may_appear or "secrets-store.csi.k8s.io" in drivers


def _create(case: Case) -> Trouble:
    passing = ("reserve", "deadline exceeded", "already in use", "is being removed")
    return case.trouble(
        "CreateContainerError",
        f"it cannot be created: {case.words}",
        advice="Set `command`, or an image that has one." if "no command" in case.words else "",
        gravity=Gravity.HINT if any(word in case.words for word in passing) else Gravity.TEMPLATE,
    )


def _run(case: Case) -> Trouble:
    """RunContainerError: the command is wrong, or else the node has trouble and tries again."""
    lasting = ("executable file not found", "no such file", "permission denied", "not a directory")
    return case.trouble(
        "RunContainerError",
        f"its command cannot be run: {case.words}",
        advice="Correct `command`, `args` or the image.",
        gravity=Gravity.TEMPLATE if any(each in case.words for each in lasting) else Gravity.HINT,
    )


def _crash_loop(case: Case) -> Trouble:
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


def _ended(case: Case, terminated: Document) -> Trouble:
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


def _not_ready(case: Case) -> Trouble | None:
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


_WAITING: Mapping[str, Callable[[Case], Trouble]] = {
    "ErrImagePull": _image,
    "ImagePullBackOff": _image,
    "InvalidImageName": _invalid_image,
    "ErrImageNeverPull": _never_pull,
    "CreateContainerConfigError": _config,
    "CreateContainerError": _create,
    "RunContainerError": _run,
    CRASH_LOOP: _crash_loop,
}
