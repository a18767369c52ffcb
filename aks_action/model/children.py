"""Which variables of the job a child process gets: those of a list, never the job's own.

A job's environment holds its secrets and the tokens of the runner; whoever has the token for
OIDC signs in to Azure as the deployer. What a child runs may be written by the author of a pull
request (a compose file, a Dockerfile), so it gets what it needs to work and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""A variable's name as a shell knows it (POSIX)."""

_BASE = frozenset({
    "PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "TERM", "NO_COLOR",
    "LANG", "LANGUAGE", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR",
    "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY",
    "http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS",
})  # fmt: skip
_LOCALE = "LC_"

# By name and not by prefix: DOCKER_PASSWORD and DOCKER_AUTH_CONFIG hold passwords, and a compose
# file could print them.
COMPOSE = frozenset({
    "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS",
    "DOCKER_TLS_VERIFY", "DOCKER_API_VERSION", "DOCKER_BUILDKIT", "DOCKER_DEFAULT_PLATFORM",
    "BUILDKIT_HOST", "BUILDKIT_PROGRESS", "BUILDX_BUILDER", "BUILDX_CONFIG",
    "BUILDX_NO_DEFAULT_ATTESTATIONS", "SOURCE_DATE_EPOCH",
    "COMPOSE_FILE", "COMPOSE_PATH_SEPARATOR", "COMPOSE_ENV_FILES", "COMPOSE_DISABLE_ENV_FILE",
    "COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES", "COMPOSE_BAKE", "COMPOSE_ANSI",
    "COMPOSE_PARALLEL_LIMIT", "COMPOSE_COMPATIBILITY", "COMPOSE_CONVERT_WINDOWS_PATHS",
})  # fmt: skip
"""Variables by which Docker, BuildKit and Compose are told how to work."""

# The kubeconfig names the plugin, and the plugin signs in: these are the names under which the
# plugins of the clouds document that they look for who signs in.
PLUGIN_PREFIXES = ("AAD_", "AZURE_", "AWS_", "CLOUDSDK_", "GOOGLE_", "DIGITALOCEAN_", "OCI_")
_PLUGIN = frozenset({
    "KUBECONFIG", "USE_GKE_GCLOUD_AUTH_PLUGIN",
    # managed identities of Azure, as kubelogin's library asks for them
    "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IMDS_ENDPOINT", "MSI_ENDPOINT", "MSI_SECRET",
})  # fmt: skip

NEVER_PREFIXES = ("ACTIONS_", "INPUT_")
"""The runner's tokens and this action's inputs: no child gets one, whoever asks for it."""


def is_never_passed(name: str) -> bool:
    return name.upper().startswith(NEVER_PREFIXES)


def of_compose(env: Mapping[str, str], passed: Collection[str]) -> dict[str, str]:
    """Compose's environment, and so that of the builds that it starts.

    env:    the job's environment.
    passed: names that the workflow's author passes on (the input `compose-env`).
    """
    names = _BASE | COMPOSE | frozenset(passed)
    return {
        name: value
        for name, value in env.items()
        if (name in names or name.startswith(_LOCALE)) and not is_never_passed(name)
    }


def of_plugin(env: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """The environment of a kubeconfig's credential plugin.

    env: the job's environment.
    own: what the kubeconfig itself sets for the plugin.
    """
    inherited = {
        name: value
        for name, value in env.items()
        if name in _BASE | _PLUGIN or name.startswith((_LOCALE, *PLUGIN_PREFIXES))
    }
    return inherited | dict(own)


def not_passed(asked: Iterable[str], env: Mapping[str, str], given: Collection[str]) -> str:
    """Which of the job's variables a compose file asks for in vain: sentences, or an empty text.

    asked: names in the compose files.       given: names of what Compose gets.
    """
    missing = sorted({name for name in asked if name in env and name not in given})
    never = [name for name in missing if is_never_passed(name)]
    others = [name for name in missing if not is_never_passed(name)]
    sentences = []
    if others:
        sentences.append(
            f"it asks for {', '.join(others)}, which the job has and Compose does not get (what it "
            "may have, name in the input `compose-env`)"
        )
    if never:
        sentences.append(
            f"it asks for {', '.join(never)}, which no compose file ever gets: they are the "
            "runner's and this action's"
        )
    return f"{'; '.join(sentences)}." if sentences else ""
