"""What a fault does to a request: each takes the exchange, and answers it or does not."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator

from tests.faults.proxy import WRITE, Exchange

Act = Callable[[Exchange], None]

_JSON = {"Content-Type": "application/json"}


def answered(code: int, text: str = "", *, kind: str = "text/plain", **headers: str) -> Act:
    """Something else than the server would say, which is not asked.

    headers: `retry_after="1"` is Retry-After.
    """
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def act(exchange: Exchange) -> None:
        exchange.begin(code, {"Content-Type": kind, **named}, length=len(text.encode()))
        exchange.write(text.encode())

    return act


def refused(code: int, reason: str, message: str = "refused by a test", **headers: str) -> Act:
    """An error as an API server tells it."""
    status = {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "code": code, "reason": reason, "message": message,
    }  # fmt: skip
    return answered(code, json.dumps(status), kind="application/json", **headers)


def reset(exchange: Exchange) -> None:
    """The connection breaks; the server has not seen the request."""
    exchange.reset()


def lost(exchange: Exchange) -> None:
    """The server does it, and the connection breaks before the answer."""
    exchange.ask().read()
    exchange.reset()


def half(exchange: Exchange) -> None:
    """The server does it; half of its answer comes."""
    answer = exchange.ask()
    body = answer.read()
    exchange.begin(answer.status, answer.headers, length=len(body))
    exchange.write(body[: len(body) // 2])
    exchange.cut()


def vanish(exchange: Exchange) -> None:
    """The server is gone, with every connection, and nobody listens any more."""
    exchange.proxy.vanish()
    exchange.cut()


def mute(exchange: Exchange) -> None:
    """Nothing is ever answered; the server has not seen the request."""
    exchange.hold()


def silent(exchange: Exchange) -> None:
    """The head of a good answer, and nothing more."""
    exchange.begin(200, _JSON)
    exchange.hold()


def dripping(every: float) -> Act:
    """One byte every few seconds, without an end."""

    def act(exchange: Exchange) -> None:
        exchange.begin(200, _JSON)
        while exchange.wait(every):
            exchange.write(b" ")

    return act


def delayed(seconds: float) -> Act:
    """The server is asked after a while, whether or not somebody still waits for it."""

    def act(exchange: Exchange) -> None:
        waits = exchange.wait(seconds, for_whom=False)
        answer = exchange.ask()
        if waits:
            exchange.send(answer)

    return act


def after(change: Callable[[], object], then: Act | None = None) -> Act:
    """Something changes elsewhere right before; then: None: the server is asked as always."""

    def act(exchange: Exchange) -> None:
        change()
        (then or _passed_on)(exchange)

    return act


def _passed_on(exchange: Exchange) -> None:
    exchange.send(exchange.ask())


def endless(exchange: Exchange) -> None:
    """The server's LIST, of which every page names a next one."""
    answer = exchange.ask(re.sub(r"&?continue=[^&]*", "", exchange.target))
    page = json.loads(answer.read())
    page["metadata"] = {**page.get("metadata", {}), "continue": f"page-{time.monotonic_ns()}"}
    body = json.dumps(page).encode()
    exchange.begin(answer.status, _JSON, length=len(body))
    exchange.write(body)


# Watches

Change = Callable[[Exchange, Iterator[bytes]], Iterable[bytes]]


def streamed(change: Change) -> Act:
    """The server's events, each a line, changed."""

    def act(exchange: Exchange) -> None:
        answer = exchange.ask()
        exchange.begin(answer.status, answer.headers)
        for event in change(exchange, iter(answer.readline, b"")):
            exchange.write(event)
        exchange.end()

    return act


@streamed
def doubled(_exchange: Exchange, events: Iterator[bytes]) -> Iterator[bytes]:
    """Every event comes twice."""
    for event in events:
        yield event
        yield event


@streamed
def reordered(exchange: Exchange, events: Iterator[bytes]) -> Iterator[bytes]:
    """Of each two events, the later one comes first."""
    for event in events:
        later = next(events, b"")
        yield later
        yield event


def cut_after(count: int) -> Act:
    """The stream breaks off after as many events, within the next one."""

    def change(exchange: Exchange, events: Iterator[bytes]) -> Iterator[bytes]:
        for number, event in enumerate(events):
            if number == count:
                yield event[: len(event) // 2]
                exchange.cut()
            yield event

    return streamed(change)


def silent_after(count: int) -> Act:
    """The stream stays open after as many events, and nothing more comes."""

    def change(exchange: Exchange, events: Iterator[bytes]) -> Iterator[bytes]:
        for number, event in enumerate(events):
            if number == count:
                exchange.hold()
            yield event

    return streamed(change)


def expired(exchange: Exchange) -> None:
    """An ERROR event: the resourceVersion is too old, so that all has to be listed anew."""
    status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
    exchange.begin(200, _JSON)
    exchange.write(json.dumps({"type": "ERROR", "object": status}).encode() + b"\n")
    exchange.end()


# Killing


class Killing:
    """Kills whoever uses the proxy right after a chosen write took effect.

    It gets its signal while it waits for the answer. One write comes after the other, so that the
    kill falls between two, and none comes through any more. limit: the number of the last write.
    """

    at = WRITE

    def __init__(self, limit: int) -> None:
        self._left = limit

    def __call__(self, exchange: Exchange) -> None:
        with exchange.proxy.one_by_one:
            if not self._left:
                exchange.cut()
            answer = exchange.ask()
            self._left -= answer.status < 400
            if not self._left:
                exchange.proxy.kill()
                answer.read()
                exchange.cut()
        exchange.send(answer)
