"""Several requests at once, in a way that a signal can end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

WORKERS = 8
"""Requests at a time. More gain little: 40 applies at 40 ms take 307 ms with 8, 243 with 16."""


@contextmanager
def workers() -> Iterator[ThreadPoolExecutor]:
    """A pool that is left at once: what has not begun is dropped, what runs is not waited for."""
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="aks-action")
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def each(function: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """`function` of every item, in the order of the items; the first error is raised."""
    with workers() as pool:
        futures = [pool.submit(function, item) for item in items]
        return [future.result() for future in futures]
