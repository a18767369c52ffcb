"""Which compose files and env files Compose begins with, and what variables are worth in them.

Compose picks as it always does (compose-go, cli/options.go), but among copies. What a variable is
worth in a path is asked of Compose, too: a file with nothing but the path in it, read by the same
way as the file in which the path stands. So there is one reading of `.env` files, and not two.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aks_action.errors import InputError
from aks_action.sources.compose.staging import REMOTE, Chain, Stage

DEFAULT_FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
DEFAULT_OVERRIDES = (
    "compose.override.yml", "compose.override.yaml",
    "docker-compose.override.yml", "docker-compose.override.yaml",
)  # fmt: skip

Config = Callable[["Selection"], subprocess.CompletedProcess[bytes]]
"""Runs `compose config` on a selection."""
Refused = Callable[[subprocess.CompletedProcess[bytes]], InputError]
"""The error that a failed run of Compose is."""

_ASKED = "asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Where Compose begins; absolute paths, of originals.

    by_variable: whether the files are named by COMPOSE_FILE, so that the workspace's `.env` is
                 read beside that of the first file's folder.
    env_files:   those that COMPOSE_ENV_FILES names in place of any `.env`.
    """

    files: tuple[str, ...]
    by_variable: bool = False
    env_files: tuple[str, ...] = ()

    @property
    def base(self) -> str:
        """The project's folder: the first file's."""
        return os.path.dirname(self.files[0])  # noqa: PTH120

    def arguments(self, stage: Stage) -> list[str]:
        named = () if self.by_variable else self.files
        arguments = [word for file in named for word in ("--file", stage.copy_of(file))]
        return arguments + [
            word for file in self.env_files for word in ("--env-file", stage.copy_of(file))
        ]

    def environment(self, stage: Stage) -> dict[str, str]:
        if not self.by_variable:
            return {}
        # No path has a line end in it that anybody would name.
        files = "\n".join(stage.copy_of(file) for file in self.files)
        return {"COMPOSE_FILE": files, "COMPOSE_PATH_SEPARATOR": "\n"}

    def all_env_files(self, workspace: str) -> tuple[str, ...]:
        """The env files in the order in which later ones win."""
        if self.env_files:
            return self.env_files
        beside = [self.base, *([workspace] if self.by_variable else [])]
        return tuple(dict.fromkeys(f"{folder.rstrip('/')}/.env" for folder in beside))


def select(files: Sequence[str], stage: Stage, env: Mapping[str, str], config: Config) -> Selection:
    """What Compose begins with. Raises InputError for a file that is none, or is outside.

    files:  the input; empty for what Compose would pick.     env: Compose's environment.
    """
    env_files = _env_files(stage, env)
    if files:
        for file in files:
            _check(file, stage)
        chosen = Selection(files=_absolute(files, stage), env_files=env_files)
    else:
        chosen = _picked(stage, env, env_files, config)
    for file in chosen.all_env_files(stage.workspace):
        stage.env_file(file, stage.name(file))
    return chosen


def interpolated(
    texts: Sequence[str],
    chain: Chain,
    *,
    selection: Selection,
    stage: Stage,
    config: Config,
    refused: Refused,
) -> list[str]:
    """Texts with their variables filled in, as in a file that is included by that chain."""
    service = {_ASKED: {"image": _ASKED, "command": list(texts)}}
    content: dict[str, Any] = {"services": service}
    name = f".{secrets.token_hex(8)}"
    for env_files in reversed(chain):
        path = Path(stage.copy_of(f"{selection.base}/{name}-{len(name)}.yml"))
        name += "i"
        path.write_text(json.dumps(content))
        include = {
            "path": _literal(path),
            "project_directory": _literal(path.parent),
            "env_file": [_literal(stage.copy_of(file)) for file in env_files] or ["/dev/null"],
        }
        content = {"include": [include]}
    first = f"{selection.base}/{name}.yml"
    copy = Path(stage.copy_of(first))
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_text(json.dumps(content))
    done = config(
        Selection(files=(first,), by_variable=selection.by_variable, env_files=selection.env_files)
    )
    if done.returncode:
        raise refused(done)
    command = json.loads(done.stdout)["services"][_ASKED]["command"]
    return [text.replace("$$", "$") for text in command]


def _literal(path: str | Path) -> str:
    return str(path).replace("$", "$$")


def _env_files(stage: Stage, env: Mapping[str, str]) -> tuple[str, ...]:
    names = [name for name in env.get("COMPOSE_ENV_FILES", "").split(",") if name]
    if stage.home:
        names = [stage.home + name[1:] if name.startswith("~") else name for name in names]
    paths = _absolute(names, stage)
    for name, path in zip(names, paths, strict=True):
        stage.env_file(path, f"`COMPOSE_ENV_FILES` {name}")
    return paths


def _check(file: str, stage: Stage) -> None:
    """Say in one voice what Compose would say in several."""
    (path,) = map(Path, _absolute([file], stage))
    if REMOTE.match(file):
        raise InputError(
            f"`compose-file` {file} is not in the workspace, and nothing is fetched. Check it out "
            "in a step before this one."
        )
    if path.is_dir():
        raise InputError(f"`compose-file` {file} is a folder: name the file in it.")
    if not path.exists():
        raise InputError(f"`compose-file` {file} is not there, seen from the workspace.")
    if not path.is_file():
        raise InputError(f"`compose-file` {file} is no regular file.")


def _picked(
    stage: Stage, env: Mapping[str, str], env_files: tuple[str, ...], config: Config
) -> Selection:
    workspace = stage.workspace
    named, separator = env.get("COMPOSE_FILE", ""), env.get("COMPOSE_PATH_SEPARATOR", "")
    plain = Selection(files=(f"{workspace}/compose.yml",), env_files=env_files)
    read = [stage.env_file(file, stage.name(file)) for file in plain.all_env_files(workspace)]
    if not named and any(b"COMPOSE_FILE" in (content or b"") for content in read):
        named, separator = _named_by_env_file(plain, stage, config)
    if named:
        names = [name for name in named.split(separator or ":") if name]
        for name in names:
            _check(name, stage)
        return Selection(files=_absolute(names, stage), by_variable=True, env_files=env_files)
    found = [
        next((name for name in names if os.path.lexists(f"{workspace}/{name}")), "")
        for names in (DEFAULT_FILES, DEFAULT_OVERRIDES)
    ]
    if not found[0]:
        raise InputError(
            "Compose does not accept the compose file: there is none in the workspace; give "
            "`compose-file`."
        )
    return Selection(files=_absolute([name for name in found if name], stage), env_files=env_files)


def _named_by_env_file(plain: Selection, stage: Stage, config: Config) -> tuple[str, str]:
    def refused(_: object) -> InputError:  # Compose says the same of the files themselves
        return InputError("Compose does not accept `.env`.")

    named, separator = interpolated(
        ["${COMPOSE_FILE-}", "${COMPOSE_PATH_SEPARATOR-}"],
        (),
        selection=plain,
        stage=stage,
        config=config,
        refused=refused,
    )
    return named, separator


def _absolute(names: Sequence[str], stage: Stage) -> tuple[str, ...]:
    """Paths seen from the workspace; links are left as they are, since Compose does so."""
    return tuple(
        os.path.normpath(os.path.join(stage.workspace, stage.folders.in_workspace(name)))  # noqa: PTH118
        for name in names
    )
