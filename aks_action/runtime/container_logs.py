"""The last lines that a container wrote."""

from __future__ import annotations

from dataclasses import dataclass

from aks_action.clients.ports import Cluster
from aks_action.errors import ActionError
from aks_action.model.health import Trouble
from aks_action.model.manifests import ObjectRef

TAIL_LINES = 25
MOST_CHARACTERS = 500
_SILENT = frozenset(
    {
        *("ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull"),
        *("CreateContainerConfigError", "CreateContainerError", "RunContainerError"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The last lines that a container wrote; `previous`: before it was restarted.

    The lines are the container's own: whoever prints them keeps them from being commands.
    """

    pod: ObjectRef
    container: str
    previous: bool
    lines: tuple[str, ...]


def read_log(cluster: Cluster, trouble: Trouble) -> Log | None:
    """The guilty container's log; None when it never ran, wrote nothing, or is gone.

    After a crash the previous run's log is the one that tells; where that is empty, the present.
    """
    if not trouble.container or trouble.code in _SILENT:
        return None
    for previous in (True, False) if trouble.crashed else (False,):
        lines = _lines(cluster, trouble, previous=previous)
        if lines:
            return Log(
                pod=trouble.culprit, container=trouble.container, previous=previous, lines=lines
            )
    return None


def _lines(cluster: Cluster, trouble: Trouble, *, previous: bool) -> tuple[str, ...]:
    try:
        content = cluster.logs(
            trouble.culprit, container=trouble.container, previous=previous, tail_lines=TAIL_LINES
        )
    except ActionError:
        return ()  # the pod is gone, or logs may not be read: the reason stands without them
    return tuple(line[:MOST_CHARACTERS] for line in content.splitlines()[-TAIL_LINES:])
