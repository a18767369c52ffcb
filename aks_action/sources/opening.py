"""Files of the workspace are opened such that what is checked is what is read.

A name may become a link between a check and the opening; what is open cannot become anything
else. So a file is located first (`O_PATH` touches neither a pipe nor a device), the kernel says
where it really is, and only then it is opened, by the descriptor and not by its name.

Hard links cannot be told from files: whoever can make one in the workspace can read the file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


class OutsideError(Exception):
    """What was to be opened is not below one of the allowed folders; `real` is where it is."""

    def __init__(self, real: str) -> None:
        super().__init__("it leads outside of the allowed folders")
        self.real = real


class ForbiddenError(Exception):
    """What was to be opened is allowed by its folder, and forbidden by its name."""


class NotRegularError(Exception):
    """What was to be opened is a folder, a pipe, a device or a socket."""


class TooLargeError(Exception):
    """A file has more bytes than are read of such a file."""


@contextmanager
def located(path: str | Path, roots: Sequence[str], forbidden: Sequence[str] = ()) -> Iterator[int]:
    """A descriptor that holds what `path` leads to, links followed; it cannot be read from yet.

    roots, forbidden: real paths of the allowed folders, and of what is not allowed inside of them.
    Raises OSError, OutsideError, ForbiddenError.
    """
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        real = real_path(descriptor)
        if not is_below(real, roots):
            raise OutsideError(real)
        if is_below(real, forbidden):
            raise ForbiddenError
        yield descriptor
    finally:
        os.close(descriptor)


def real_path(descriptor: int) -> str:
    """Where an open file is now, by the kernel's own account."""
    return os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115 - as text, not as a path


def is_below(path: str, roots: Sequence[str]) -> bool:
    """Whether a path without links is one of the folders or inside of one."""
    return any(path == root or path.startswith(root.rstrip("/") + "/") for root in roots)


def content(
    path: str | Path, roots: Sequence[str], most_bytes: int, forbidden: Sequence[str] = ()
) -> bytes:
    """The bytes of a regular file below one of the roots, as in `located`.

    Raises NotRegularError and TooLargeError, too; no error quotes what is in the file.
    """
    with located(path, roots, forbidden) as descriptor:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotRegularError
        with open(f"/proc/self/fd/{descriptor}", "rb") as file:  # noqa: PTH123 - not by its name
            found = file.read(most_bytes + 1)
    if len(found) > most_bytes:
        raise TooLargeError
    return found


def names_in(path: str | Path, roots: Sequence[str]) -> list[tuple[str, bool]]:
    """What a folder below one of the roots has, by the bytes of its name, and whether that is a
    folder or a link to one.

    Raises OSError, OutsideError.
    """
    with located(path, roots) as descriptor:
        folder = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with os.scandir(folder) as entries:
                found = [(entry.name, entry.is_dir()) for entry in entries]
        finally:
            os.close(folder)
    return sorted(found, key=lambda entry: os.fsencode(entry[0]))
