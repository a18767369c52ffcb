"""The log of a container: its last lines, or all as they are written."""

from __future__ import annotations

import re

from aks_action.clients.kube.errors import Asked
from aks_action.clients.kube.sending import Call, Sender, with_query
from aks_action.clients.kube.streams import Growing
from aks_action.errors import ApiError

_LONGEST = 262_144
_LONGEST_FOLLOWED = 86_400.0
"""Seconds; one that says nothing is asked for again before, since a connection may be dead."""

_REMOVED = re.compile(r"unable to retrieve container logs for [a-z-]+://\w*\s*")
"""The whole answer of a kubelet whose runtime has removed the container. It comes with status 200
(kubernetes/kubernetes issue 142258), so only the words tell it from what a container wrote.
"""


def last_lines(
    sender: Sender, pod: str, asked: Asked, *, container: str, previous: bool, tail_lines: int
) -> str:
    """The end of a log; empty when there is none. `pod`: the path of the pod."""
    query = {
        "container": container,
        "previous": str(previous).lower(),
        "tailLines": str(tail_lines),
        "limitBytes": str(_LONGEST),
    }
    call = Call(method="GET", path=with_query(f"{pod}/log", **query), asked=asked, accept="*/*")
    try:
        return _text(sender.send(call).data) or ""
    except ApiError as error:
        if error.status in (400, 404):  # not started yet, or no previous one
            return ""
        raise


def follow(sender: Sender, pod: str, asked: Asked, *, container: str, since: str) -> Growing[str]:
    """Lines with their times, from `since` on (a time; empty: the beginning)."""
    query = {"container": container, "follow": "true", "timestamps": "true", "sinceTime": since}
    call = Call(
        method="GET",
        path=with_query(f"{pod}/log", **query),
        asked=asked,
        accept="*/*",
        stream=_LONGEST_FOLLOWED,
    )
    return Growing(lambda: sender.send(call), _text, last=True)


def _text(data: bytes) -> str | None:
    """What a container wrote, which may be any bytes; None where there is no container any more."""
    text = data.decode(errors="replace")
    return None if _REMOVED.fullmatch(text) else text
