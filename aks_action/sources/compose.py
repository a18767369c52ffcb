"""Compose files, read by Compose itself: only it knows interpolation, includes and profiles.

`docker compose config` needs no engine. What it prints holds every service's environment, so
nothing of it is kept or shown but names.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from aks_action.clients.image_ports import Tell
from aks_action.errors import InputError, Problem, RegistryError, Source
from aks_action.model import children
from aks_action.model.images.plan import ComposeService

_TIMEOUT = 120  # seconds; an `include` may come over the network
_PREFIX = re.compile(r'^time="[^"]*" level=(?P<level>\w+) msg="(?P<text>.*)"$')
_INTERPOLATION = re.compile(r"(invalid interpolation format for \S+)")
_NEAR = re.compile(r" near \".*", re.DOTALL)
_DOTENV = re.compile(r"(failed to read [^\"]*)\"")
_QUOTED = re.compile(r"`[^`]*`")
_NO_COMPOSE = re.compile(
    r"unknown (?:shorthand )?flag: (?:--file|--profile|'f')|not a docker command"
)
"""What docker without the plugin says."""
_LINE = re.compile(r"\b(?:line |L)([0-9]{1,7})\b")


class ComposeFiles:
    """The compose files of a workspace: implements the port `Composer`.

    files:   as given, relative to the workspace; empty for what Compose would pick there.
    env:     the job's environment, to find the program in (`DOCKER_COMPOSE`: its path).
    passed:  names of further variables of it that Compose gets, beside those that every child gets.
    """

    def __init__(
        self,
        files: Sequence[str],
        *,
        workspace: Path,
        env: Mapping[str, str],
        passed: Sequence[str] = (),
        tell: Tell,
    ) -> None:
        self._files = tuple(files)
        self._workspace = workspace
        self._env = env
        self._environment = children.of_compose(env, passed)
        self._tell = tell

    def services(self) -> tuple[ComposeService, ...]:
        """Every service, whatever its profile, by name.

        Raises InputError: no such file, a file that Compose does not accept, no Compose.
        """
        self._check_files()
        # Without env files: they are the containers' business, and may exist elsewhere only.
        arguments = ["config", "--format", "json", "--no-env-resolution"]
        try:
            done = subprocess.run(
                [*self._command(), *arguments],
                cwd=self._workspace,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise InputError(f"Compose did not read {self._name} in {_TIMEOUT} s.") from None
        except OSError as error:
            raise InputError(f"Compose cannot be run: {error.strerror}.") from None
        errors = done.stderr.decode(errors="replace")
        if done.returncode and _NO_COMPOSE.search(errors):
            raise InputError("Compose is not installed: `docker compose` has no such command.")
        if done.returncode:
            raise InputError(self._problem(errors.replace(f"{self._workspace}/", "")))
        for warning in _warnings(errors):
            self._tell(f"{self._name}: {warning}")
        return tuple(_services(done.stdout, self._name))

    def build(self, services: Sequence[str], tell: Tell) -> None:
        """Build the images of these services, line by line into `tell`."""
        command = [*self._command(), "--progress", "plain", "build", *services]
        try:
            process = subprocess.Popen(
                command,
                cwd=self._workspace,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            raise InputError(f"Compose cannot be run: {error.strerror}.") from None
        last = ""
        with process:
            try:
                for raw in process.stdout or ():
                    line = raw.decode(errors="replace").rstrip()
                    last = line or last
                    tell(line)
            except BaseException:
                _end(process)
                raise
        if process.returncode:
            raise RegistryError(
                f"The build of {', '.join(services)} failed with exit code "
                f"{process.returncode}: {last or 'Compose said nothing'}"
            )

    def _problem(self, errors: str) -> Problem:
        reason = _reason(errors)
        lines = _LINE.findall(reason)
        source = None
        if lines and len(self._files) == 1:
            source = Source(file=self._files[0], line=int(lines[-1]))
        return Problem(message=f"Compose does not accept {self._name}: {reason}", source=source)

    @property
    def _name(self) -> str:
        return ", ".join(self._files) or "the compose file"

    def _check_files(self) -> None:
        """Say in one voice what Compose would say in several."""
        for file in self._files:
            path = self._workspace / file
            if path.is_dir():
                raise InputError(f"`compose-file` {file} is a folder: name the file in it.")
            if not path.exists():
                raise InputError(f"`compose-file` {file} is not there, seen from the workspace.")
            if not path.is_file():
                raise InputError(f"`compose-file` {file} is no regular file.")

    def _command(self) -> list[str]:
        files = [argument for file in self._files for argument in ("--file", file)]
        return [*self._program(), *files, "--profile", "*"]

    def _program(self) -> list[str]:
        if given := self._env.get("DOCKER_COMPOSE"):
            return [given]
        path = self._env.get("PATH", "")
        if found := shutil.which("docker-compose", path=path):
            return [found]
        if found := shutil.which("docker", path=path):
            return [found, "compose"]
        raise InputError(
            "Compose is not installed: neither `docker-compose` nor `docker compose` is found."
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=2)
    except subprocess.TimeoutExpired:
        process.kill()


def _services(output: bytes, name: str) -> Iterable[ComposeService]:
    try:
        services: Mapping[str, Any] = json.loads(output)["services"] or {}
        for service, content in services.items():
            build = content.get("build")
            tags = build.get("tags") if isinstance(build, dict) else None
            yield ComposeService(
                name=service,
                image=content.get("image") or "",
                has_build=build is not None,
                tags=tuple(tags or ()),
            )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"Compose printed something unknown for {name}: is it too old?") from None


def _reason(errors: str) -> str:
    """Compose's own words on one line, cut where it would quote values."""
    lines = [line for line in errors.splitlines() if line.strip() and not _PREFIX.match(line)]
    text = " ".join(" ".join(lines).split())
    if quoted := _INTERPOLATION.search(text):
        return f"{quoted[1].rstrip('.')}. To write a $ as it is, write $$."
    if dotenv := _DOTENV.search(text):
        return f"{dotenv[1].strip()} that is not written as NAME=value."
    if "configuration file provided" in text:
        return "there is none in the workspace; give `compose-file`."
    text = _QUOTED.sub("`…`", _NEAR.sub("", text))[:500].rstrip(".")
    return f"{text or 'it said nothing'}."


def _warnings(errors: str) -> Iterable[str]:
    """What was found odd, once each; unset variables above all: they end in image names."""
    matches = map(_PREFIX.match, errors.splitlines())
    texts = (match["text"].replace('\\"', '"') for match in matches if match)
    return dict.fromkeys(text for text in texts if "is not set" in text)
