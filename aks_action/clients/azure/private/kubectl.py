"""A request as a line of `sh`: by kubectl, with whatever comes from a manifest in a file.

Names of Kubernetes have no quote in them, and all that is not a name of our own is quoted.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from aks_action.clients.kube.sending import Call
from aks_action.errors import InputError

_PATCHES = {"application/merge-patch+json": "merge", "application/json-patch+json": "json"}
_MANAGER = "--field-manager=aks-action"
_BY_NAME = "metadata.name="


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A request that reads: which function of `lib.sh` makes it, and for which path."""

    how: str
    path: str

    def __str__(self) -> str:
        return f"{self.how} {self.path}"


def looked(call: Call) -> Looked:
    """A collection is read whole; one object by its name, though it is asked for as a collection.

    Pages of a collection would take a command each, and it is cut to what is needed anyway.
    """
    if call.asked.verb != "list":
        return Looked(how="get", path=call.path)
    parts = urlsplit(call.path)
    query = dict(parse_qsl(parts.query))
    query.pop("limit", None)
    name = query.get("fieldSelector", "")
    if list(query) == ["fieldSelector"] and name.startswith(_BY_NAME):
        return Looked(how="one", path=f"{parts.path}/{name.removeprefix(_BY_NAME)}")
    return Looked(how="list", path=f"{parts.path}?{urlencode(query)}" if query else parts.path)


def collection_of(look: Looked) -> tuple[Looked, str]:
    """The whole collection that has an object, and its name."""
    path, _, name = look.path.rpartition("/")
    return Looked(how="list", path=path), name


def line(name: str, call: Call, *, patiently: bool = False) -> tuple[str, dict[str, str]]:
    """The line that makes a request and leaves its answer as `name`, and the files beside it.

    patiently: its kind may just have been defined.
    """
    if call.method == "GET":
        look = looked(call)
        return f"{look.how} {name} {shlex.quote(look.path)}", {}
    file = f"{name}.json"
    files = {file: (call.body or b"").decode()}
    if call.method == "DELETE":
        return f"delete {name} {shlex.quote(call.path)}", files
    ask = "patiently" if patiently else "ask"
    dry = " --dry-run=server" if "dryRun=All" in call.path else ""
    shown = "-o json --show-managed-fields"
    if call.method == "POST":
        return (
            f"{ask} {name} kubectl create {_MANAGER} --validate=strict{dry} {shown} -f {file}",
            files,
        )
    if call.content_type == "application/apply-patch+yaml":
        how = f"--server-side --force-conflicts {_MANAGER} --validate=strict"
        return f"{ask} {name} kubectl apply {how}{dry} {shown} -f {file}", files
    if kind := _PATCHES.get(call.content_type):
        how = f"--type={kind} {_MANAGER}{dry} --patch-file={file}"
        return f"ask {name} kubectl patch {_object(call)} {how} {shown}", files
    raise InputError(f"`private-cluster`: a run command cannot {call.asked.verb} {call.asked.ref}.")


def _object(call: Call) -> str:
    """The object for kubectl: `deployments.v1.apps/web -n shop`."""
    ref = call.asked.ref
    group, _, version = ref.api_version.rpartition("/")
    plural = call.asked.resource.partition(".")[0]
    kind = f"{plural}.{version}.{group}" if group else plural
    where = f" -n {shlex.quote(ref.namespace)}" if ref.namespace else ""
    return shlex.quote(f"{kind}/{ref.name}") + where
