"""Children that can read named folders only, by the kernel's Landlock where it is there.

A second wall: what a child is to read is checked before it runs. But it opens files by their
names, later than the check; Landlock looks at what a name leads to when it is opened, so that
nothing outside can be read whatever became a link meanwhile. Linux has it since 5.13, GitHub's
runners too; Docker's default profile lets containers use it since 23.0.
https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import subprocess
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

# The same numbers on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_PATH_BENEATH = 1
_READ_FILE, _READ_DIR, _REFER = 1 << 2, 1 << 3, 1 << 13
_SET_NO_NEW_PRIVILEGES = 38
_FIRST_WITH_REFER = 2

SYSTEM = (
    "/bin", "/sbin", "/usr", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/ld.so.conf.d",
    "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/resolv.conf", "/etc/hosts",
    "/etc/host.conf", "/etc/gai.conf", "/etc/nsswitch.conf", "/etc/services", "/etc/protocols",
    "/etc/passwd", "/etc/group", "/etc/localtime", "/etc/mime.types", "/etc/docker",
    "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom",
    # of what Go looks at to see how many processors it may use; nothing of /proc, where other
    # processes' environments are
    "/sys/fs/cgroup", "/sys/kernel/mm/transparent_hugepage",
)  # fmt: skip
"""What programs need to run, to find hosts and to trust servers; nobody's secrets."""

_libc = ctypes.CDLL(None, use_errno=True)


@cache
def is_available() -> bool:
    """Whether this kernel, and the profile of this container, have Landlock."""
    return _version() > 0


def start(
    command: Sequence[str],
    *,
    readable: Sequence[str],
    cwd: str | Path,
    env: Mapping[str, str],
    stderr: int,
) -> subprocess.Popen[bytes]:
    """Start a child that can read only what is in `readable`, if that can be had here.

    readable: files and folders, beside those of SYSTEM; those that are absent are left out.
    Raises OSError when the command cannot be run.
    """

    def begin() -> None:
        try:
            if is_available():
                _restrict_this_thread(readable)
            started.append(_popen(command, cwd=cwd, env=env, stderr=stderr))
        except OSError as error:
            failures.append(error)

    started: list[subprocess.Popen[bytes]] = []
    failures: list[OSError] = []
    # A thread is restricted, and hands that on to what it starts; the rest of us stays free.
    thread = threading.Thread(target=begin)
    thread.start()
    try:
        thread.join()
    except BaseException:
        thread.join()
        for process in started:
            process.kill()
        raise
    if failures:
        raise failures[0]
    return started[0]


def _popen(command: Sequence[str], **how: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        cwd=how["cwd"],
        env=how["env"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=how["stderr"],
    )


def _version() -> int:
    return int(_libc.syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG))


def _restrict_this_thread(readable: Sequence[str]) -> None:
    handled = _READ_FILE | _READ_DIR
    # What is not handled is free, but for moves between folders: those have to be named.
    moves = _REFER if _version() >= _FIRST_WITH_REFER else 0
    attributes = struct.pack("=Q", handled | moves)
    ruleset = _call(_CREATE_RULESET, attributes, len(attributes), 0)
    try:
        for path in (*SYSTEM, *readable):
            _allow(ruleset, path, handled)
        if moves:
            _allow(ruleset, "/", moves)
        if _libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _READ_FILE
        rule = struct.pack("=Qi", rights, descriptor)
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
    finally:
        os.close(descriptor)


def _call(number: int, *arguments: int | bytes) -> int:
    result = int(_libc.syscall(number, *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
