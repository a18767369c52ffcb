"""Kubeconfig → `Access`: where the API server is and how to be known there.

Read here and not by the library's loader, since that writes keys to files, runs credential
plugins without a time limit, goes on without credentials when one fails, and names the Python
object that lacked a key instead of what to do. Only its YAML is the library's. The rules are of
https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/ .
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aks_action.errors import InputError

_LARGEST = 1_048_576
_LONGEST_PATH = 4096
_LISTS = {"clusters": "cluster", "contexts": "context", "users": "user"}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BearerToken:
    """A token, and when to get the next one (seconds since 1970)."""

    value: str
    renew_at: float


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Access:
    """One context of a kubeconfig. Certificates and keys are PEM; empty means not given.

    token_file: read again and again, since its content is renewed.
    plugin:     the `exec` section of the user: a command that prints credentials.
    bearer:     gets a new token each time, instead of a plugin.
    """

    context: str
    server: str
    namespace: str
    authority: bytes = b""
    insecure: bool = False
    tls_server_name: str = ""
    proxy: str = ""
    client_certificate: bytes = b""
    client_key: bytes = b""
    token: str = ""
    token_file: str = ""
    username: str = ""
    password: str = ""
    plugin: Mapping[str, Any] | None = None
    bearer: Callable[[], BearerToken] | None = None


def read(
    kubeconfig: str, *, context: str = "", bearer: Callable[[], BearerToken] | None = None
) -> Access:
    """The access that a kubeconfig gives.

    kubeconfig: its text (YAML or JSON), base64 of that, a path, or several paths joined by `:`.
    context:    a name; empty: the current context.
    bearer:     signs in instead of the user's plugin or auth-provider, if the user has one.
    Raises InputError with one sentence for whatever makes it unusable; never quotes its content.
    """
    config = _load(kubeconfig)
    name = context or _text(config, "current-context")
    if not name:
        raise InputError(
            f"The kubeconfig has no current context. Set the input context to {_known(config)}."
        )
    chosen = _entry(config, "contexts", name)
    if chosen is None:
        raise InputError(f"The kubeconfig has no context {name}; it has {_known(config)}.")
    cluster = _entry(config, "clusters", _text(chosen, "cluster"))
    if cluster is None:
        raise InputError(f"The context {name} of the kubeconfig names a cluster that is not there.")
    user_name = _text(chosen, "user")
    user = _entry(config, "users", user_name)
    if user_name and user is None:
        raise InputError(f"The context {name} of the kubeconfig names a user that is not there.")
    user = user or {}
    if bearer and (user.get("exec") or user.get("auth-provider")):
        return replace(_access(name, chosen, cluster, {}), bearer=bearer)
    return _access(name, chosen, cluster, user)


def _access(
    name: str, context: Mapping[str, Any], cluster: Mapping[str, Any], user: Mapping[str, Any]
) -> Access:
    if provider := user.get("auth-provider"):
        kind = provider.get("name", "") if isinstance(provider, dict) else ""
        raise InputError(
            f"The user of the context {name} signs in by the auth-provider {kind}, which is gone "
            "from Kubernetes. Get a kubeconfig with a token, a client certificate or a plugin."
        )
    plugin = user.get("exec")
    return Access(
        context=name,
        server=_server(name, cluster),
        namespace=_text(context, "namespace") or "default",
        authority=_data(cluster, "certificate-authority"),
        insecure=cluster.get("insecure-skip-tls-verify") is True,
        tls_server_name=_text(cluster, "tls-server-name"),
        proxy=_text(cluster, "proxy-url"),
        client_certificate=_data(user, "client-certificate"),
        client_key=_data(user, "client-key"),
        token=_text(user, "token"),
        token_file=_text(user, "tokenFile"),
        username=_text(user, "username"),
        password=_text(user, "password"),
        plugin=plugin if isinstance(plugin, dict) else None,
    )


def _server(context: str, cluster: Mapping[str, Any]) -> str:
    server = _text(cluster, "server").rstrip("/")
    try:
        parts = urlsplit(server)
        usable = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        told = "no server" if not server else "a server that is not a URL"
        raise InputError(
            f"The cluster of the context {context} has {told} in the kubeconfig. It must be like "
            "https://HOST:PORT."
        )
    return server


def _load(kubeconfig: str) -> Mapping[str, Any]:
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
    inner = _LISTS.get(key)
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
    merged: dict[str, Any] = {key: [] for key in _LISTS}
    for config in configs:
        merged.setdefault("current-context", config.get("current-context") or None)
        merged["current-context"] = merged["current-context"] or config.get("current-context")
        for key in _LISTS:
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
    if not isinstance(config, dict) or not any(key in config for key in _LISTS):
        raise InputError(f"{name} is not a kubeconfig: it has no clusters, contexts and users.")
    wrong = [key for key in _LISTS if not isinstance(config.get(key) or [], list)]
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


def _entry(config: Mapping[str, Any], key: str, name: str) -> Mapping[str, Any] | None:
    for entry in config.get(key) or []:
        if isinstance(entry, dict) and str(entry.get("name", "")) == name:
            inner = entry.get(_LISTS[key])
            return inner if isinstance(inner, dict) else {}
    return None


def _known(config: Mapping[str, Any]) -> str:
    entries = config.get("contexts") or []
    names = [str(entry.get("name", "")) for entry in entries if isinstance(entry, dict)]
    return ", ".join(names) or "none at all"


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    return "" if value is None else str(value).strip()


def _data(entry: Mapping[str, Any], key: str) -> bytes:
    """PEM from `KEY-data` (base64) or from the file that `KEY` names."""
    if coded := _text(entry, f"{key}-data"):
        try:
            return base64.b64decode("".join(coded.split()), validate=True)
        except (binascii.Error, ValueError):
            raise InputError(f"{key}-data of the kubeconfig is not base64.") from None
    if not (path := _text(entry, key)):
        return b""
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a file name"
        raise InputError(
            f"The kubeconfig names {path} as {key}, which cannot be read: {why}. A kubeconfig with "
            f"{key}-data needs no such file."
        ) from error
