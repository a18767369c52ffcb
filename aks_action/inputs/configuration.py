"""The inputs about changed ConfigMaps and Secrets."""

from __future__ import annotations

from aks_action.inputs.reader import Reader
from aks_action.model.configuration.settings import ConfigChanges, ConfigSettings

MOST_VERSIONS = 100


def config_settings(reader: Reader) -> ConfigSettings:
    """What to do about changed configuration; what is wrong with it is left with the reader."""
    return ConfigSettings(
        changes=reader.choice("config-changes", ConfigChanges),
        restart_foreign=reader.flag("restart-foreign"),
        history=reader.number("config-history", 1, MOST_VERSIONS),
    )
