"""Containers that wait to be started: one rule per reason of the kubelet."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aks_action.model.documents import get_in
from aks_action.model.health import probes
from aks_action.model.health.container_cases import Case
from aks_action.model.health.images import pull_failure
from aks_action.model.health.records import Gravity, Related, Trouble, said, text
from aks_action.model.manifests import Document


def _image(case: Case) -> Trouble:
    """ErrImagePull and ImagePullBackOff, which kubelets before 1.32 leave without a cause.

    The cause is then told by an event; how final it is stands in the pod's own status alone.
    """
    reason, own = text(case.status, "state", "waiting", "reason"), case.words
    tells = "ErrImagePull" in own or reason == "ErrImagePull"
    failure = pull_failure(own if tells else _pull_event(case))
    return case.trouble(
        reason,
        f"image {text(case.status, 'image')} cannot be pulled: {failure.cause}",
        advice=failure.advice,
        gravity=failure.gravity if tells else Gravity.HINT,
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


WAITING: Mapping[str, Callable[[Case], Trouble]] = {
    "ErrImagePull": _image,
    "ImagePullBackOff": _image,
    "InvalidImageName": _invalid_image,
    "ErrImageNeverPull": _never_pull,
    "CreateContainerConfigError": _config,
    "CreateContainerError": _create,
    "RunContainerError": _run,
}
"""What is wrong, by the reason that the kubelet gives for waiting."""
