"""What the user asked to be done about changed ConfigMaps and Secrets, checked and typed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ConfigChanges(StrEnum):
    """What a changed ConfigMap or Secret means for its readers (input `config-changes`)."""

    RESTART = "restart"
    VERSION = "version"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigSettings:
    """The inputs about configuration.

    restart_foreign: restart readers that belong to Helm, Argo CD, Flux or an operator too.
    history:         versions of each object that are kept at least, today's included.
    """

    changes: ConfigChanges = ConfigChanges.RESTART
    restart_foreign: bool = False
    history: int = 5
