"""A kubeconfig becomes a connection: server, trust, credentials, context.

The library reads it (contexts, exec plugins, proxies); certificates go into a TLS context at
once, so that no copy of a key lies on the disk while the run goes on.
"""

from __future__ import annotations

import base64
import io
import ssl
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
from kubernetes.client import Configuration
from kubernetes.client.rest import RESTClientObject
from kubernetes.config import kube_config
from kubernetes.config.config_exception import ConfigException

from aks_action.errors import AuthError, InputError

CONNECTIONS = 24
"""Kept alive at a time: eight workers, and one for each watch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """An open door to one API server. `authorization` is asked anew for every request."""

    host: str
    namespace: str
    pool: urllib3.PoolManager
    authorization: Callable[[], str | None]


def connect(
    kubeconfig: str, *, context: str = "", skip_tls_verify: bool = False, temp: Path | None = None
) -> Connection:
    """The connection that a kubeconfig describes. Nothing is sent yet.

    kubeconfig: its text (YAML, JSON, or base64 of either) or paths as KUBECONFIG has them.
    context:    one of its contexts; empty for its current one.
    temp:       a folder for what the library has to write for a moment, 0600.

    Raises InputError for a kubeconfig that cannot be used, AuthError for a plugin that fails.
    """
    text = _text(kubeconfig)
    name = "The kubeconfig" if text else f"The kubeconfig {kubeconfig}"
    source: Any = io.StringIO(text) if text else kubeconfig
    chosen = _context(name, source, context)
    configuration = Configuration()
    configuration.connection_pool_maxsize = CONNECTIONS
    with tempfile.TemporaryDirectory(dir=temp, prefix="aks-action-") as folder:
        try:
            kube_config.load_kube_config(  # type: ignore[no-untyped-call]
                config_file=source,
                context=chosen["name"],
                client_configuration=configuration,
                persist_config=False,
                temp_file_path=folder,
            )
            _check(name, configuration)
            if skip_tls_verify:
                configuration.verify_ssl = False
            pool = _pool(name, configuration)
        except ConfigException as error:
            raise _refused(name, error) from None
        finally:
            # It remembers files by their content and would hand out the deleted ones again.
            kube_config._cleanup_temp_files()  # type: ignore[no-untyped-call] # noqa: SLF001
    return Connection(
        host=configuration.host,
        namespace=chosen["context"].get("namespace") or "default",
        pool=pool,
        authorization=lambda: configuration.get_api_key_with_prefix(
            "BearerToken", alias="authorization"
        ),
    )


def _text(kubeconfig: str) -> str:
    """The text of a kubeconfig that was given as text; empty for a path."""
    if "\n" in kubeconfig.strip() or kubeconfig.lstrip().startswith("{"):
        return kubeconfig
    with suppress(ValueError):
        decoded = base64.b64decode(kubeconfig, validate=True).decode()
        if "apiVersion" in decoded:
            return decoded
    return ""


def _context(name: str, source: Any, wanted: str) -> dict[str, Any]:
    if isinstance(source, str):
        _check_paths(source)
    try:
        contexts, current = kube_config.list_kube_config_contexts(source)  # type: ignore[no-untyped-call]
    except ConfigException as error:
        raise _refused(name, error) from None
    except Exception:  # noqa: BLE001 - a YAML error of the library, which would quote secrets
        raise InputError(f"{name} is no YAML that can be read as a kubeconfig.") from None
    if not wanted:
        return dict(current)
    names: Sequence[str] = [each["name"] for each in contexts]
    if wanted not in names:
        raise InputError(
            f"Input `context`: {wanted!r} is not in the kubeconfig; it has {', '.join(names)}."
        )
    return dict(next(each for each in contexts if each["name"] == wanted))


def _check_paths(paths: str) -> None:
    for path in filter(None, paths.split(":")):
        if not Path(path).exists():
            raise InputError(
                f"The kubeconfig {path} does not exist. Give `kubeconfig`, or run the step that "
                "signs in to the cluster before this one."
            )
        if Path(path).is_dir():
            raise InputError(f"The kubeconfig {path} is a folder: name the file in it.")


def _check(name: str, configuration: Configuration) -> None:
    host = configuration.host
    if not host.startswith(("https://", "http://")) or host == "http://localhost":
        raise InputError(f"{name} names no `server` for its cluster: a URL is needed.")


def _refused(name: str, error: ConfigException) -> Exception:
    text = " ".join(str(error).split()).rstrip(".")
    if text.startswith("exec:"):
        program = text.removeprefix("exec:").strip()
        return AuthError(
            f"{name} signs in with a program, which failed: {program}. Give a kubeconfig with a "
            "token or a certificate, such as the one of `az aks get-credentials --admin`."
        )
    return InputError(f"{name} cannot be used: {text}.")


def _pool(name: str, configuration: Configuration) -> urllib3.PoolManager:
    """The library's own pool (proxies, server names), with all TLS in one prepared context."""
    pool: urllib3.PoolManager = RESTClientObject(configuration).pool_manager
    keywords = pool.connection_pool_kw
    files = {key: keywords.pop(key, None) for key in ("ca_certs", "cert_file", "key_file")}
    keywords.pop("ca_cert_data", None)
    if not configuration.host.startswith("https://"):
        return pool
    try:
        context = ssl.create_default_context(cafile=files["ca_certs"])
        if not configuration.verify_ssl:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        if files["cert_file"]:
            context.load_cert_chain(files["cert_file"], files["key_file"])
    except (ssl.SSLError, OSError) as error:
        what = "a certificate or key in it is not valid PEM"
        raise InputError(f"{name} cannot be used: {what} ({_reason(error)}).") from None
    keywords["ssl_context"] = context
    return pool


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", "") or getattr(error, "strerror", "") or "unreadable")
