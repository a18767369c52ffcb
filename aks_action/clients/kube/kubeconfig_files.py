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
from typing import Any, BinaryIO

from aks_action.errors import InputError

LARGEST = 1_048_576
_LONGEST_PATH = 4096
FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
"""Keys that name files, relative to the kubeconfig."""

LISTS = {"clusters": "cluster", "contexts": "context", "users": "user"}
"""The lists of named entries, and the key under which each entry has its content."""


def load(kubeconfig: str, workspace: str = "") -> tuple[Mapping[str, Any], bool]:
    """The kubeconfig as it stands, and whether it is a file of the workspace.

    Files named relative to it get their whole path.

    kubeconfig: its text (YAML or JSON), base64 of that, a path, or several paths joined by `:`.
    workspace:  the folder of the repository.
    Raises InputError for what cannot be read, or is none; never quotes its content.
    """
    if not kubeconfig.strip():
        raise InputError("No kubeconfig was given. Set the input kubeconfig or KUBECONFIG.")
    if "\n" in kubeconfig.strip() or kubeconfig.lstrip().startswith("{"):
        return _parse(kubeconfig, "The kubeconfig"), False
    # Not Path.expanduser, which raises for a user that does not exist.
    parts = [os.path.expanduser(part) for part in kubeconfig.strip().split(":") if part]  # noqa: PTH111
    paths = [Path(part) for part in parts]
    if len(kubeconfig) <= _LONGEST_PATH and any(_exists(path) for path in paths):
        return _merged([_from_file(path, workspace) for path in paths if _exists(path)])
    try:
        text = base64.b64decode("".join(kubeconfig.split()), validate=True).decode()
    except (binascii.Error, UnicodeError, ValueError):
        is_path = kubeconfig.lstrip().startswith(("/", ".", "~")) and len(kubeconfig) < 256
        told = f"file {kubeconfig.strip()} does not exist" if is_path else "value is not usable"
        raise InputError(
            f"The kubeconfig {told}. Give the text of a kubeconfig, base64 of it, or the path of a "
            "file that this step can see."
        ) from None
    return _parse(text, "The kubeconfig (base64)"), False


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _from_file(path: Path, workspace: str) -> tuple[Mapping[str, Any], bool]:
    try:
        with path.open("rb") as file:
            is_ours = bool(workspace) and _is_of_the_workspace(path, real_path(file), workspace)
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise InputError(f"The kubeconfig {path} is larger than 1 MiB.")
        text = content.decode()
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"The kubeconfig {path} cannot be read: {why}.") from error
    config = _parse(text, f"The kubeconfig {path}")
    return {key: _beside(path, key, value) for key, value in config.items()}, is_ours


def _is_of_the_workspace(path: Path, real: str, workspace: str) -> bool:
    """Whether an open file lies in the workspace, links followed. real: where it is.

    Raises InputError for a path in the workspace that leads out of it: whoever writes files of the
    repository would choose among the kubeconfigs of the machine.
    """
    is_inside = is_below(real, os.path.realpath(workspace))
    named_inside = is_below(os.path.abspath(path), os.path.abspath(workspace))  # noqa: PTH100
    if named_inside and not is_inside:
        raise InputError(
            f"The kubeconfig {path} is a link that leads out of the workspace. Give the path of "
            "the file itself."
        )
    return is_inside


def real_path(file: BinaryIO) -> str:
    """Where an open file is, by the kernel's account and not by its name."""
    return os.path.realpath(f"/proc/self/fd/{file.fileno()}")


def is_below(path: str, folder: str) -> bool:
    """Whether an absolute path without links is inside of a folder."""
    return path.startswith(folder.rstrip("/") + "/")


def _beside(path: Path, key: str, entries: Any) -> Any:
    """Named entries with their file names made absolute: they are relative to the kubeconfig."""
    inner = LISTS.get(key)
    if inner is None or not isinstance(entries, list):
        return entries
    return [
        {
            **entry,
            inner: {
                name: str(path.parent / value) if name in FILES and value else value
                for name, value in entry[inner].items()
            },
        }
        if isinstance(entry, dict) and isinstance(entry.get(inner), dict)
        else entry
        for entry in entries
    ]


def _merged(files: list[tuple[Mapping[str, Any], bool]]) -> tuple[Mapping[str, Any], bool]:
    """As kubectl merges: the first that names something wins.

    Raises InputError for files in and outside of the workspace: a server of the one would get the
    credentials of the other.
    """
    configs, are_ours = zip(*files, strict=True)
    if len(set(are_ours)) > 1:
        raise InputError(
            "KUBECONFIG names files in the workspace and others: a file of the repository could "
            "send the credentials of the others to a server of its own. Name the others alone."
        )
    merged: dict[str, Any] = {key: [] for key in LISTS}
    for config in configs:
        merged.setdefault("current-context", config.get("current-context") or None)
        merged["current-context"] = merged["current-context"] or config.get("current-context")
        for key in LISTS:
            merged[key] += config.get(key) or []
    return merged, are_ours[0]


def _parse(text: str, name: str) -> Mapping[str, Any]:
    if len(text) > LARGEST:
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
