"""Why an image cannot be pulled, from the words of the container runtime."""

from __future__ import annotations

from dataclasses import dataclass

from aks_action.model.health.records import Gravity

REFUSED = "the registry refused access"


@dataclass(frozen=True, slots=True, kw_only=True)
class PullFailure:
    """What the runtime's words mean: a clause, what to do, and whether a retry can help."""

    cause: str
    advice: str
    gravity: Gravity


# The first entry with a phrase in the text counts: "no match for platform … not found" and
# "pull access denied, repository does not exist" hold the phrases of later entries too.
_CAUSES: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("no match for platform", "no matching manifest"),
        "it has no variant for the platform of the node",
        "Build the image for the nodes' platform, or choose other nodes with a nodeSelector.",
    ),
    (
        (
            "unauthorized",
            "401",
            "403",
            "denied",
            "no basic auth credentials",
            "authorization failed",
            "authentication required",
        ),
        REFUSED,
        "Name a secret for this registry in `imagepullsecrets`, or give the cluster AcrPull on it.",
    ),
    (
        ("no such host",),
        "the host name of the registry is unknown",
        "Correct the registry in the image's name.",
    ),
    (
        ("not found", "manifest unknown", "name unknown", "does not exist"),
        "the registry does not have it",
        "Correct the image's name or tag, or push it before the deploy.",
    ),
    (
        ("invalid reference format",),
        "its name is not valid",
        "Correct the image's name.",
    ),
)
# Answers of a registry that is there and has trouble: the kubelet's next try may succeed.
_PASSING = ("429", "too many requests", "toomanyrequests", "500 ", "502", "503", "504", "timeout")


def pull_failure(words: str) -> PullFailure:
    """Read the runtime's words; unknown ones are a cause that may pass."""
    lower = words.lower()
    if not any(phrase in lower for phrase in _PASSING):
        for phrases, cause, advice in _CAUSES:
            if any(phrase in lower for phrase in phrases):
                return PullFailure(cause=cause, advice=advice, gravity=Gravity.TEMPLATE)
    return PullFailure(
        cause=words or "the node tries again",
        advice="Check that the nodes can reach the registry.",
        gravity=Gravity.HINT,
    )
