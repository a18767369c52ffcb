"""Loading a kubeconfig: from its text, from base64 of that, or from files, which are merged.

Loaded here and not by the library's loader, since that writes keys to files and names the Python
object that lacked a key instead of what to do. Only its YAML is the library's.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aks_action.errors import InputError

_LARGEST = 1_048_576
_LONGEST_PATH = 4096
LISTS = {"clusters": "cluster", "contexts": "context", "users": "user"}
"""The lists of named entries, and the key under which each entry has its content."""


def load(kubeconfig: str) -> Mapping[str, Any]:
    """The kubeconfig as it stands; files named relative to it get their whole path.

    kubeconfig: its text (YAML or JSON), base64 of that, a path, or several paths joined by `:`.
    Raises InputError for what cannot be read, or is none; never quotes its content.
    """
    if not kubeconfig.strip():
        raise InputError("No kubeconfig was given. Set the input kubeconfig or KUBECONFIG.")
    if "\n" in kubeconfig.strip() or kubeconfig.lstrip().startswith("{"):
        return _parse(kubeconfig, "The kubeconfig")
    # Not Path.expanduser, which raises for a user that does not exist.
    parts = [os.path.expanduser(part) for part in kubeconfig.strip().split(":") if part]  # noqa: PTH111
    paths = [Path(part) for part in parts]
    if len(kubeconfig) <= _LONGEST_PATH and any(_exists(path) for path in paths):
        return _merged([_from_file(path) for path in paths if _exists(path)])
    try:
        text = base64.b64decode("".join(kubeconfig.split()), validate=True).decode()
    except (binascii.Error, UnicodeError, ValueError):
        is_path = kubeconfig.lstrip().startswith(("/", ".", "~")) and len(kubeconfig) < 256
        told = f"file {kubeconfig.strip()} does not exist" if is_path else "value is not usable"
        raise InputError(
            f"The kubeconfig {told}. Give the text of a kubeconfig, base64 of it, or the path of a "
            "file that this step can see."
        ) from None
    return _parse(text, "The kubeconfig (base64)")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _from_file(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(f"The kubeconfig {path} is larger than 1 MiB.")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"The kubeconfig {path} cannot be read: {why}.") from error
    config = _parse(text, f"The kubeconfig {path}")
    return {key: _beside(path, key, value) for key, value in config.items()}


def _beside(path: Path, key: str, entries: Any) -> Any:
    """Named entries with their file names made absolute: they are relative to the kubeconfig."""
    inner = LISTS.get(key)
    if inner is None or not isinstance(entries, list):
        return entries
    files = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
    return [
        {
            **entry,
            inner: {
                name: str(path.parent / value) if name in files and value else value
                for name, value in entry[inner].items()
            },
        }
        if isinstance(entry, dict) and isinstance(entry.get(inner), dict)
        else entry
        for entry in entries
    ]


def _merged(configs: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """As kubectl merges: the first that names something wins."""
    merged: dict[str, Any] = {key: [] for key in LISTS}
    for config in configs:
        merged.setdefault("current-context", config.get("current-context") or None)
        merged["current-context"] = merged["current-context"] or config.get("current-context")
        for key in LISTS:
            merged[key] += config.get(key) or []
    return merged


def _parse(text: str, name: str) -> Mapping[str, Any]:
    if len(text) > _LARGEST:
        raise InputError(f"{name} is larger than 1 MiB.")
    try:
        config = json.loads(text) if text.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        config = None
    config = _yaml(text, name) if config is None else config
    if not isinstance(config, dict) or not any(key in config for key in LISTS):
        raise InputError(f"{name} is not a kubeconfig: it has no clusters, contexts and users.")
    wrong = [key for key in LISTS if not isinstance(config.get(key) or [], list)]
    if wrong:
        raise InputError(f"{name} is not a kubeconfig: {wrong[0]} is not a list.")
    return config


def _yaml(text: str, name: str) -> Any:
    from kubernetes.config.kube_config import KubeConfigMerger  # noqa: PLC0415 - 0.2 s

    try:
        return KubeConfigMerger(io.StringIO(text)).config  # type: ignore[no-untyped-call]
    except Exception as error:  # noqa: BLE001 - the parser's own class belongs to another door
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark is not None else ""
        raise InputError(f"{name} is not valid YAML{where}.") from None
