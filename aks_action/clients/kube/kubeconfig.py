"""Kubeconfig → `Access`: its context, cluster and user.

Read here and not by the library's loader, since that runs credential plugins without a time limit
and goes on without credentials when one fails. The rules are of
https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/ .
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aks_action.clients.kube.access import Access, BearerToken
from aks_action.clients.kube.kubeconfig_files import (
    FILES,
    LARGEST,
    LISTS,
    is_below,
    load,
    real_path,
)
from aks_action.errors import InputError
from aks_action.model.origins import check_api_server


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """How far a kubeconfig is the workflow's author's own.

    workspace: the folder of the repository: a kubeconfig in it is of whoever writes its files.
    is_answer: it is an answer of a server.
    carries:   the input by which the cluster will be given a secret of the workflow; empty: none.
    """

    workspace: str = ""
    is_answer: bool = False
    carries: str = ""


def read(
    kubeconfig: str,
    *,
    context: str = "",
    bearer: Callable[[], BearerToken] | None = None,
    trust: Trust = Trust(),
    skip_tls_verify: bool = False,
) -> Access:
    """The access that a kubeconfig gives.

    kubeconfig: its text (YAML or JSON), base64 of that, a path, or several paths joined by `:`.
    context:    a name; empty: the current context.
    bearer:     signs in instead of the user's plugin or auth-provider, if the user has one.
    trust:      what is not the author's own starts no command, reads no file outside of the
                workspace, and reaches the server by HTTPS whose certificate is checked.
    Raises InputError with one sentence for whatever makes it unusable; never quotes its content.
    """
    config, is_ours = load(kubeconfig, trust.workspace)
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
        user = {}
    else:
        bearer = None
    if is_ours or trust.is_answer:
        _check_foreign(cluster, user, trust, skip_tls_verify=skip_tls_verify)
    within = os.path.realpath(trust.workspace) if is_ours else ""
    access = replace(_access(name, chosen, cluster, user, within), bearer=bearer)
    check_api_server(access.server, has_credentials=access.has_credentials)
    return access


def _check_foreign(
    cluster: Mapping[str, Any], user: Mapping[str, Any], trust: Trust, *, skip_tls_verify: bool
) -> None:
    """Refuse what a kubeconfig that is not the author's own may not do. Raises InputError."""
    unchecked = cluster.get("insecure-skip-tls-verify") is True and not skip_tls_verify
    files = [key for key in FILES if _text(cluster, key) or _text(user, key)]
    found = (
        (bool(user.get("exec")), "start a command (`exec`)"),
        ("tokenFile" in files, "send what stands in a file (`tokenFile`)"),
        (bool(files) and trust.is_answer, f"read a file (`{', '.join(files)}`)"),
        (bool(_text(cluster, "proxy-url")), "name a proxy (`proxy-url`)"),
        (_text(cluster, "server").lower().startswith("http:"), "reach its server without HTTPS"),
        (
            bool(trust.carries) and not trust.is_answer,
            f"choose who is given the registry's password (`{trust.carries}`)",
        ),
        (unchecked, "leave the certificate unchecked (set `skip-tls-verify` if that is meant)"),
    )
    refused = [what for holds, what in found if holds]
    if refused and trust.is_answer:
        raise InputError(
            f"The kubeconfig that Azure answered may not {', nor '.join(refused)}. Give one as "
            "`kubeconfig` instead of `cluster-name`."
        )
    if refused:
        raise InputError(
            f"The kubeconfig is a file of the workspace, so it may not {', nor '.join(refused)}: "
            "whoever changes the repository may have written it. Have the step before write it "
            "below $RUNNER_TEMP, or give its text as `kubeconfig`."
        )


def _access(
    name: str,
    context: Mapping[str, Any],
    cluster: Mapping[str, Any],
    user: Mapping[str, Any],
    within: str,
) -> Access:
    """within: the folder, without links, outside of which no file is read; empty: none."""
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
        authority=_data(cluster, "certificate-authority", within),
        insecure=cluster.get("insecure-skip-tls-verify") is True,
        tls_server_name=_text(cluster, "tls-server-name"),
        proxy=_text(cluster, "proxy-url"),
        client_certificate=_data(user, "client-certificate", within),
        client_key=_data(user, "client-key", within),
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


def _entry(config: Mapping[str, Any], key: str, name: str) -> Mapping[str, Any] | None:
    for entry in config.get(key) or []:
        if isinstance(entry, dict) and str(entry.get("name", "")) == name:
            inner = entry.get(LISTS[key])
            return inner if isinstance(inner, dict) else {}
    return None


def _known(config: Mapping[str, Any]) -> str:
    entries = config.get("contexts") or []
    names = [str(entry.get("name", "")) for entry in entries if isinstance(entry, dict)]
    return ", ".join(names) or "none at all"


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    return "" if value is None else str(value).strip()


def _data(entry: Mapping[str, Any], key: str, within: str) -> bytes:
    """PEM from `KEY-data` (base64) or from the file that `KEY` names."""
    if coded := _text(entry, f"{key}-data"):
        try:
            return base64.b64decode("".join(coded.split()), validate=True)
        except (binascii.Error, ValueError):
            raise InputError(f"{key}-data of the kubeconfig is not base64.") from None
    if not (path := _text(entry, key)):
        return b""
    try:
        with Path(path).open("rb") as file:
            if within and not is_below(real_path(file), within):
                raise InputError(
                    f"The kubeconfig is a file of the workspace and names {path} as {key}, which "
                    f"is outside of it. A kubeconfig with {key}-data needs no such file."
                )
            return file.read(LARGEST)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not a file name"
        raise InputError(
            f"The kubeconfig names {path} as {key}, which cannot be read: {why}. A kubeconfig with "
            f"{key}-data needs no such file."
        ) from error
