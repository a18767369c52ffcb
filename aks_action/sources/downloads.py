"""Manifests from URLs: HTTPS from the first request to the last redirect, bounded in all ways."""

from __future__ import annotations

from functools import partial

from aks_action.clients.clock import SystemClock, TimeLimit
from aks_action.clients.http import MEGABYTE, Answer, Http
from aks_action.clients.http_faults import NoAnswer
from aks_action.errors import InputError
from aks_action.model.origins import display

MOST_BYTES = 32 * MEGABYTE
_PATIENCE_SECONDS = 60.0


class Downloads:
    """Fetches files. `patience` is in seconds: everything about one file has to fit into it.

    ca_file: further trusted certificates (PEM).
    """

    def __init__(
        self,
        limit: TimeLimit | None = None,
        *,
        patience: float = _PATIENCE_SECONDS,
        most_bytes: int = MOST_BYTES,
        ca_file: str = "",
    ) -> None:
        self._limit = limit or TimeLimit(SystemClock())
        self._patience = patience
        self._most_bytes = most_bytes
        self._ca_file = ca_file

    def get(self, url: str) -> bytes:
        """The bytes behind a URL; redirects are followed, by HTTPS and off this machine only.

        Plain HTTP is for this machine only, where the URL itself says so. 429, 5xx and broken
        connections are tried again.
        Raises InputError with one sentence.
        """
        http = Http(
            limit=self._limit,
            error=partial(_not_downloaded, url),
            patience=self._patience,
            most_bytes=self._most_bytes,
            ca_file=self._ca_file,
            follow=True,
        )
        return _content(http.send("GET", url), url)


def _content(answer: Answer, url: str) -> bytes:
    if answer.status != 200:
        hint = " Is it public?" if answer.status in (401, 403, 404) else ""
        raise InputError(f"{display(url)} was not downloaded: it answered {answer.status}.{hint}")
    if answer.headers.get("content-type", "").lower().startswith("text/html"):
        raise InputError(
            f"{display(url)} is a web page, not a manifest. Give the address of the raw file."
        )
    return answer.body


def _not_downloaded(url: str, answer: NoAnswer) -> InputError:
    return InputError(f"{display(url)} was not downloaded: {answer.sentence}.")
