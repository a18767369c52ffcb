"""The log of a container: its last lines, or all as they are written."""

from __future__ import annotations

from aks_action.clients.kube.errors import Asked
from aks_action.clients.kube.sending import Call, Sender, with_query
from aks_action.clients.kube.streams import Growing
from aks_action.errors import ApiError

_LONGEST = 262_144
_LONGEST_SILENCE = 60.0
"""Seconds after which a log that says nothing is asked for again; a connection may be dead."""


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
        return _text(sender.send(call).data)
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
        stream=_LONGEST_SILENCE,
    )
    return Growing(lambda: sender.send(call), _text, last=True)


def _text(data: bytes) -> str:
    """Bytes of a container, which may be anything."""
    return data.decode(errors="replace")
