"""Everything that Compose reads, found and checked before it runs, and copied for it to read.

Compose gets copies, in a private folder that stands for `/`: `/work/shop/compose.yml` lies in
`STAGE/work/shop/compose.yml`. So relative paths lead from copy to copy, and nothing that happens
to the workspace between the check and the reading has an effect. What Compose looks for and was
not found here is not there for it either.

How a path is read is Compose's (compose-go, loader/include.go and loader/extends.go): paths of
`include` and `extends` begin at the project's folder, those in a file that was extended at that
file's; an included file is a project of its own, with its own `.env`. Where there are two ways
to read a path, both are checked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from aks_action.environment import Folders
from aks_action.errors import InputError, ManifestError, Problem, raise_all
from aks_action.sources import opening
from aks_action.sources.compose.references import Include, References, references, variables
from aks_action.sources.encodings import decode
from aks_action.sources.yaml_loader import MOST_VALUES, outline

MOST_FILES = 200
"""A file that is included twice, with other variables, counts twice."""
MOST_WITH_VARIABLES = 30
"""Files with variables in their paths; for each Compose is asked what those are worth."""
MOST_BYTES = 4 * 1024 * 1024
"""Of all files together; they are held in memory."""

REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|[^/]+@[^/]+:|github\.com/")
"""What Compose would fetch from elsewhere, by git or from a registry."""

Chain = tuple[tuple[str, ...], ...]
"""The env files of each `include` on the way to a file, outermost first."""

Interpolate = Callable[[Sequence[str], Chain], Sequence[str]]
"""Texts with their variables filled in by Compose, as in a file that is included by that way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """A compose file that is read.

    path:      absolute, without `..`; links as they are.
    base:      the folder at which its relative paths begin.
    relative:  the same as Compose writes it down, relative to a folder that it has lost by then.
    chain:     by which includes it is read.        above: the files on the way to it.
    extended:  whether only services of it are taken, so that its own `include` is not followed.
    """

    path: str
    base: str
    relative: str = ""
    chain: Chain = ()
    above: frozenset[str] = frozenset()
    extended: bool = False


@dataclass(slots=True, kw_only=True)
class Stage:
    """The copies, and what was learnt on the way.

    folder:   a private folder, empty.        home: where `~` leads Compose.
    confined: whether the kernel, too, keeps Compose from what is outside.
    asked:    variables that the files ask for.
    """

    folder: Path
    folders: Folders
    home: str
    confined: bool
    asked: set[str] = field(default_factory=set)
    _problems: list[Problem] = field(default_factory=list)
    _contents: dict[str, bytes | None] = field(default_factory=dict)
    _read: set[_Reading] = field(default_factory=set)
    _with_variables: int = 0
    _bytes_left: int = MOST_BYTES
    _values_left: int = MOST_VALUES

    @property
    def workspace(self) -> str:
        return os.path.abspath(self.folders.workspace)  # noqa: PTH100 - links stay as they are

    def copy_of(self, path: str) -> str:
        """Where the copy of an absolute path is, or would be."""
        return f"{self.folder}{path}"

    def original(self, text: str) -> str:
        """A text of Compose with the paths of copies made those of their originals."""
        return text.replace(str(self.folder), "")

    def env_file(self, path: str, said: str) -> bytes | None:
        """Place an env file; its content, or None when there is none."""
        content = self.place(path, said)
        if content is not None:
            self.asked |= set(variables(content.decode(errors="replace")))
        return content

    def compose_files(
        self, paths: Sequence[str], base: str, said: str, interpolate: Interpolate
    ) -> None:
        """Place compose files and all that they lead to.

        paths: absolute.     base: the project's folder.     said: what names them, for messages.
        Raises InputError with every problem.
        """
        waiting = [(_Reading(path=path, base=base), f"{said}{self.name(path)}") for path in paths]
        while waiting:
            reading, by = waiting.pop(0)
            key = replace(reading, above=frozenset())
            if key in self._read or reading.path in reading.above:
                continue  # Compose finds circles itself
            self._read.add(key)
            content = self.place(reading.path, by)
            if max(len(self._read), len(self._contents)) > MOST_FILES:
                self._wrong(f"{by}: the compose files lead to more than {MOST_FILES} files.")
                break
            try:
                waiting += self._led_to(reading, content or b"", interpolate)
            except InputError as error:
                self._add(*error.problems)
        raise_all(InputError, self._problems)

    def place(self, path: str, said: str) -> bytes | None:
        """Copy a file; its content, or None when it is absent. Problems are remembered."""
        if path in self._contents:
            return self._contents[path]
        self._contents[path] = content = self._checked(path, said)
        if content is not None:
            copy = Path(self.copy_of(path))
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(content)
        return content

    def content(self, path: str) -> bytes | None:
        """What was placed."""
        return self._contents.get(path)

    def name(self, path: str) -> str:
        """How messages call a path."""
        below = self.workspace.rstrip("/") + "/"
        return path.removeprefix(below) if path.startswith(below) else path

    def _checked(self, path: str, said: str) -> bytes | None:
        if path == os.devnull:  # how env files are switched off
            return b""
        try:
            content = opening.content(path, self.folders.roots, self._bytes_left, self.folders.own)
            self._bytes_left -= len(content)
            return content  # noqa: TRY300 - the exceptions below are each a problem of its own
        except opening.OutsideError as outside:
            self._outside(said, linked=outside.real != path)
        except opening.ForbiddenError:
            self._wrong(f"{said} is a file of the job itself, and none that Compose reads.")
        except opening.NotRegularError:
            self._wrong(f"{said} is not a regular file.")
        except opening.TooLargeError:
            self._wrong(
                f"{said} is too large: Compose may read {MOST_BYTES // 1024 // 1024} MB in all."
            )
        except (FileNotFoundError, NotADirectoryError):
            # Compose says so, or does without; but not of what is outside.
            if not self._is_inside(path):
                self._outside(said, linked=False)
        except OSError as error:
            self._wrong(f"{said} cannot be read: {error.strerror}.")
        return None

    def _led_to(
        self, reading: _Reading, content: bytes, interpolate: Interpolate
    ) -> Iterator[tuple[_Reading, str]]:
        name = self.name(reading.path)
        read = outline(_decoded(content, name), name, self._values_left)
        self._values_left -= read.values
        found = references(read)
        self.asked |= found.asked
        found = self._interpolated(found, reading.chain, interpolate)
        above = reading.above | {reading.path}
        for include in found.includes if not reading.extended else ():
            yield from self._included(include, replace(reading, above=above), name)
        for text in found.extended:
            said = f"{name}: `extends` of {self._shown(text)}"
            for path in self._paths(text, reading, said):
                base = os.path.dirname(path)  # noqa: PTH120
                extended = replace(reading, path=path, base=base, above=above, extended=True)
                yield extended, said
        for text in found.label_files:
            said = f"{name}: `label_file` {self._shown(text)}"
            # Of a project's folder that is not there, Compose takes the one above it.
            absent = not os.path.isdir(reading.base)  # noqa: PTH112
            others = [os.path.dirname(reading.base)] if absent else []  # noqa: PTH120
            for path in self._paths(text, reading, said, *others):
                self.place(path, said)

    def _interpolated(
        self, found: References, chain: Chain, interpolate: Interpolate
    ) -> References:
        texts = list(dict.fromkeys(text for text in found.texts() if "$" in text))
        if not texts:
            return found
        self._with_variables += 1
        if self._with_variables > MOST_WITH_VARIABLES:
            raise InputError(
                f"More than {MOST_WITH_VARIABLES} compose files have variables in the paths of "
                "other files. Write the paths themselves."
            )
        done = dict(zip(texts, interpolate(texts, chain), strict=True))

        def filled(these: Sequence[str]) -> tuple[str, ...]:
            return tuple(text for each in these if (text := done.get(each, each)))

        return replace(
            found,
            includes=tuple(
                Include(
                    paths=filled(include.paths),
                    env_files=filled(include.env_files),
                    project_directories=filled(include.project_directories),
                )
                for include in found.includes
            ),
            extended=filled(found.extended),
            label_files=filled(found.label_files),
        )

    def _included(
        self, include: Include, reading: _Reading, name: str
    ) -> Iterator[tuple[_Reading, str]]:
        for base, relative in self._project_folders(include, reading, name):
            if os.path.isdir(base):  # noqa: PTH112
                Path(self.copy_of(base)).mkdir(parents=True, exist_ok=True)
            # Compose has lost the folder that this is relative to, and takes the current one.
            current = [_joined(self.workspace, reading.relative) or "/"] if reading.relative else []
            env_files = []
            for text in include.env_files:
                if text == "/dev/null":
                    continue
                said = f"{name}: `env_file` {self._shown(text)} of an `include`"
                paths = self._paths(text, reading, said, *current)
                env_files += [path for path in paths if self.env_file(path, said) is not None]
            if not include.env_files:
                default = os.path.join(base, ".env")  # noqa: PTH118
                if self.env_file(default, self.name(default)) is not None:
                    env_files.append(default)
            chain = (*reading.chain, tuple(dict.fromkeys(env_files)))
            for text in include.paths:
                said = f"{name}: `include` of {self._shown(text)}"
                for path in self._paths(text, reading, said):
                    included = replace(
                        reading, path=path, base=base, relative=relative, chain=chain
                    )
                    yield included, said

    def _project_folders(
        self, include: Include, reading: _Reading, name: str
    ) -> Iterator[tuple[str, str]]:
        """The folders of an included project, and each as Compose writes it down."""
        for text in include.project_directories:
            said = f"{name}: `project_directory` {self._shown(text)}"
            for path in self._paths(text, reading, said):
                yield from self._inside(path, reading, said)
        if not include.project_directories and include.paths:
            said = f"{name}: `include` of {self._shown(include.paths[0])}"
            for path in self._paths(include.paths[0], reading, said):
                yield from self._inside(os.path.dirname(path), reading, said)  # noqa: PTH120

    def _inside(self, folder: str, reading: _Reading, said: str) -> Iterator[tuple[str, str]]:
        if self._is_inside(folder):
            yield folder, os.path.relpath(folder, reading.base)
        else:
            self._outside(said, linked=False)

    def _is_inside(self, path: str) -> bool:
        return opening.is_below(os.path.realpath(path), self.folders.roots)

    def _paths(self, text: str, reading: _Reading, said: str, *others: str) -> list[str]:
        """What a path may mean, absolute; nothing, and a problem, for what is never read.

        others: further folders at which Compose may begin it.
        """
        text = self.original(text) if text.startswith(str(self.folder)) else text
        if os.path.isabs(text) or (text.startswith("~") and self.home):  # noqa: PTH117
            return self._absolute(text, reading, said)
        if REMOTE.match(text):
            self._wrong(
                f"{said}: Compose would fetch it from elsewhere, and only files of the workspace "
                "are read. Check it out in a step before this one."
            )
            return []
        paths = [_joined(base, text) for base in (reading.base, *others)]
        if None in paths:
            self._outside(said, linked=False)
        return [path for path in dict.fromkeys(paths) if path is not None]

    def _absolute(self, text: str, reading: _Reading, said: str) -> list[str]:
        """Compose opens these by their names and not as copies, which needs the second wall."""
        paths = [text]
        if text.startswith("~"):  # which it takes as it is in some places
            paths = [self.home + text[1:]]
            literal = _joined(reading.base, text)
            paths += [literal] if literal else []
        paths = [_normal(path) for path in paths]
        if not self.confined and any(os.path.lexists(path) for path in paths):
            self._wrong(f"{said}: name it relative to the compose file.")
            return []
        return paths

    def _shown(self, text: str) -> str:
        return self.name(self.original(text))

    def _outside(self, said: str, *, linked: bool) -> None:
        link = " (through a link)" if linked else ""
        self._wrong(
            f"{said} leads outside of the workspace and the runner's temp folder{link}. Compose "
            "reads only files inside of them."
        )

    def _wrong(self, message: str) -> None:
        self._add(Problem(message=message))

    def _add(self, *problems: Problem) -> None:
        self._problems += [problem for problem in problems if problem not in self._problems]


def _decoded(content: bytes, name: str) -> str:
    try:
        return decode(content, name)
    except ManifestError as error:
        (problem,) = error.problems
        message = f"Compose does not accept {name}: {problem.message}"
        raise InputError(replace(problem, message=message)) from None


def _joined(base: str, text: str) -> str | None:
    """A relative path as an absolute one; None when it climbs out of the root of everything.

    In the stage that would not end at `/`.
    """
    climbs = _normal(text).split("/").count("..") if not text.startswith("/") else 0
    if climbs > len([part for part in base.split("/") if part]):
        return None
    return _normal(f"{base}/{text}")


def _normal(path: str) -> str:
    return re.sub("^//", "/", os.path.normpath(path))
