"""What kubectl printed, as the answer of an API server; and answers for what is not known yet."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping

from aks_action.clients.azure.private.run_command import Outcome
from aks_action.clients.kube.errors import from_status
from aks_action.clients.kube.sending import Call, Whole, parsed
from aks_action.errors import ActionError, ApplyError

_CODES = {
    "NotFound": 404, "Forbidden": 403, "Invalid": 422, "Conflict": 409, "AlreadyExists": 409,
    "BadRequest": 400, "Unauthorized": 401, "InternalError": 500, "Timeout": 504,
    "TooManyRequests": 429, "ServiceUnavailable": 503, "MethodNotAllowed": 405,
}  # fmt: skip
_SERVER = re.compile(r"Error from server \((\w+)\): (?:error when [^:]*: )?(.*)", re.DOTALL)


class Silence:
    """A watch of what was recorded: nothing happens in it, until it is time to look again.

    Implements `sending.Answer`.
    """

    data = b""
    status = 200

    def __init__(self, seconds: float) -> None:
        self.headers: Mapping[str, str] = {}
        self._seconds = seconds
        self._closed = threading.Event()

    def stream(self, _amount: int, *, decode_content: bool) -> Iterator[bytes]:  # noqa: ARG002
        self._closed.wait(self._seconds)
        return iter(())

    def shutdown(self) -> None:
        self._closed.set()

    def close(self) -> None:
        self._closed.set()


def answer(outcome: Outcome, call: Call) -> Whole:
    """The answer to a call. Raises the error of the API server that kubectl printed."""
    if outcome.code:
        raise api_error(outcome.err, call)
    return Whole(data=(outcome.out or "{}").encode() if not _is_log(call) else outcome.out.encode())


def placeholder(call: Call) -> Whole:
    """An empty answer, which means nothing but that it is to be asked; a dry run changes nothing.

    Raises the NotFound for one object, ApplyError for a write.
    """
    if call.method in ("PATCH", "POST") and "dryRun=All" in call.path:
        return Whole(data=call.body or b"{}")
    if call.method != "GET":
        raise ApplyError(
            f"{call.asked.ref}: a run that was cut off has left something to do before anything "
            "else, which a run command cannot. Run this once on a runner in the cluster's network."
        )
    if call.asked.verb == "list":
        return Whole(data=b'{"metadata": {}, "items": []}')
    if _is_log(call):
        return Whole(data=b"")
    raise api_error("Error from server (NotFound): it was not asked for yet", call)


def of_one(collection: Outcome, name: str) -> Outcome:
    """A recorded collection as one that was asked for by an object's name."""
    if collection.code:
        return collection
    try:
        items = parsed((collection.out or "{}").encode()).get("items") or ()
    except ValueError as reason:
        raise ApplyError(f"An answer of the cluster cannot be read: {reason}.") from None
    found = [each for each in items if each["metadata"]["name"] == name]
    return Outcome(out=json.dumps({"items": found}))


def api_error(text: str, call: Call) -> ActionError:
    """The error that kubectl printed as `Error from server (Reason): …`."""
    found = _SERVER.search(text)
    reason, message = (found[1], found[2]) if found else ("BadRequest", text)
    status = {
        "kind": "Status",
        "code": _CODES.get(reason, 400),
        "reason": reason,
        "message": " ".join(message.split()),
    }
    return from_status(status, call.asked, sent=call.body)


def _is_log(call: Call) -> bool:
    return call.asked.verb == "get the log of"
