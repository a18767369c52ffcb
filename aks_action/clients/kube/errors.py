"""A `Status` of the API server as an error that is one readable sentence.

What the server quotes of an object is cut out; see `quoting`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aks_action.clients.kube import quoting
from aks_action.errors import ActionError, ApiError, ApplyError, AuthError, Cause, ManifestError
from aks_action.model.bounded import read_json, whole_number
from aks_action.model.manifests import ObjectRef

_MOST_CAUSES = 20
"""Told of one object; the rest is counted."""

_LONGEST_FIELD = 400
"""Characters of a path."""

_DENIED = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]*)" in API group '
    r'"(?P<group>[^"]*)"(?: in the namespace "(?P<namespace>[^"]*)")?'
)
_DENIED_PATH = re.compile(r'User "(?P<user>[^"]*)" cannot (?P<verb>\w+) path "(?P<path>[^"]*)"')
_NO_NAMESPACE = re.compile(r'^namespaces "(?P<name>[^"]*)" not found$')
_NOT_TYPED = re.compile(
    r"^failed to (?:create typed patch object|convert new object) \([^)]*\)(?: to proper version)?:"
    r"(?: unable to convert unstructured object to [^:]*:)?(?: error decoding from json:)? ?"
    r"(?:errors: )?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked of the API server, for messages. `resource` as in `deployments.apps`."""

    verb: str
    ref: ObjectRef
    resource: str
    host: str


def from_answer(
    code: int, body: bytes, content_type: str, asked: Asked, sent: bytes | None = None
) -> ActionError:
    """The error behind an answer of 300 or more, or one that is not JSON, to what was sent."""
    try:
        status = read_json(body)
    except ValueError:
        status = None
    if isinstance(status, dict) and status.get("kind") == "Status":
        return from_status(status, asked, code=code, sent=sent)
    if code == 401:
        return _not_known(asked)
    what = content_type.partition(";")[0] or "no content type"
    sentence = (
        f"{asked.host} answered {code} ({what}) to {asked.verb} {asked.resource}, which is not an "
        "answer of a Kubernetes API server. Check the server's address in the kubeconfig, and the "
        "proxy if there is one."
    )
    return ApiError(sentence, status=code)


def from_status(
    status: Mapping[str, Any], asked: Asked, *, code: int = 0, sent: bytes | None = None
) -> ActionError:
    """The error that a `Status` object tells.

    Returns `AuthError` for 401, else an `ApiError` whose `exit_code` tells a wrong manifest (400,
    422, and the 500 for a field that the schema does not have), from a missing permission, from
    everything else.
    """
    code = code or whole_number(status.get("code")) or 500
    if code == 401:
        return _not_known(asked)
    secret = asked.ref.kind == "Secret"
    message = str(status.get("message") or "")
    message = quoting.of_secret(message, sent or b"") if secret else quoting.cleaned(message)
    details = status.get("details")
    causes = _causes(details if isinstance(details, dict) else {}, secret=secret)
    error = ApiError(
        _sentence(code, message, causes, asked),
        status=code,
        reason=str(status.get("reason") or ""),
        message=message,
        causes=causes,
    )
    if code in (400, 422) or is_schema_error(code, message):
        error.counts_as(ManifestError)
    elif code == 403 and not (
        _DENIED.search(message) or _DENIED_PATH.search(message)
    ):  # a quota, a policy, a webhook
        error.counts_as(ApplyError)
    return error


def unknown_kind(api_version: str, kind: str, host: str) -> ManifestError:
    """The error for a kind that discovery did not list."""
    return ManifestError(
        f"{host} does not serve {kind} ({api_version}). Check the apiVersion, or install the "
        "CustomResourceDefinition first."
    )


def is_schema_error(code: int, message: str) -> bool:
    """Whether a 500 is about the manifest, so that asking again is in vain.

    Server-side apply answers so to an unknown field or a wrong type; kubernetes#118476.
    """
    return code == 500 and bool(_NOT_TYPED.match(message) or "not declared in schema" in message)


def _not_known(asked: Asked) -> AuthError:
    return AuthError(
        f"{asked.host} does not accept the credentials of the kubeconfig: the token or client "
        "certificate is wrong or has expired. Sign in to the cluster again."
    )


def _causes(details: Mapping[str, Any], *, secret: bool) -> tuple[Cause, ...]:
    found = details.get("causes")
    return tuple(
        _cause(each, secret=secret)
        for each in (found if isinstance(found, list) else ())[:_MOST_CAUSES]
        if isinstance(each, dict)
    )


def _cause(cause: Mapping[str, Any], *, secret: bool) -> Cause:
    reason, message = str(cause.get("reason") or ""), str(cause.get("message") or "")
    told = quoting.why_of_secret(reason, message) if secret else quoting.cleaned(message)
    return Cause(reason=reason, message=told, field=str(cause.get("field") or "")[:_LONGEST_FIELD])


def _sentence(code: int, message: str, causes: tuple[Cause, ...], asked: Asked) -> str:
    ref, host = asked.ref, asked.host
    if denied := _DENIED.search(message):
        told = _denied(denied, host)
    elif denied := _DENIED_PATH.search(message):
        told = (
            f"{denied['user'] or 'Somebody'} may not {denied['verb']} {denied['path']} on {host}. "
            "Check the user of the kubeconfig's context and its roles."
        )
    elif missing := _NO_NAMESPACE.match(message):
        name = missing["name"]
        told = f"{ref}: the namespace {name} does not exist. Create it or add a manifest for it."
    elif code == 422 and causes:
        told = f"{ref} is not valid: {'; '.join(_told(cause) for cause in causes)}."
    elif is_schema_error(code, message):
        told = f"{ref} is not valid: {_NOT_TYPED.sub('', message)}."
    elif code == 410:
        told = f"{host} no longer has the changes of {asked.resource} that were asked for."
    elif code == 429 or code >= 500:
        told = f"{host} answered {code} to {asked.verb} {ref}: {message or 'no reason given'}."
    elif code == 404:
        told = f"{ref} was not found on {host}."
    else:
        told = f"{host} refused to {asked.verb} {ref} ({code}): {message or 'no reason given'}."
    return told


def _told(cause: Cause) -> str:
    return f"{cause.field}: {cause.message}" if cause.field else cause.message


def _denied(denied: re.Match[str], host: str) -> str:
    resource = ".".join(part for part in (denied["resource"], denied["group"]) if part)
    where = f"in namespace {denied['namespace']}" if denied["namespace"] else "in the whole cluster"
    return (
        f"{denied['user']} may not {denied['verb']} {resource} {where} on {host}. Give it a role "
        f'with the verb "{denied["verb"]}" on {resource}.'
    )
