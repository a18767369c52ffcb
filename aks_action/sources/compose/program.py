"""Compose as a program: where it is, what it can read, and what its errors say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aks_action.errors import InputError
from aks_action.sources import confinement

_TIMEOUT = 120  # seconds
_PREFIX = re.compile(r'^time="[^"]*" level=(?P<level>\w+) msg="(?P<text>.*)"$')
_INTERPOLATION = re.compile(r"(invalid interpolation format for \S+)")
_NEAR = re.compile(r" near \".*", re.DOTALL)
_DOTENV = re.compile(r"(failed to read [^\"]*)\"")
_QUOTED = re.compile(r"`[^`]*`")
_UNSET = re.compile(r'"([^"]*)" variable is not set')
_NO_COMPOSE = re.compile(
    r"unknown (?:shorthand )?flag: (?:--file|--profile|'f')|not a docker command"
)
"""What docker without the plugin says."""

# Compose would run git, or ask a registry, for what is not in the workspace.
_NOTHING_REMOTE = {
    "COMPOSE_EXPERIMENTAL_GIT_REMOTE": "false",
    "COMPOSE_EXPERIMENTAL_OCI_REMOTE": "false",
}
_PATHS = ("DOCKER_CONFIG", "DOCKER_CERT_PATH", "BUILDX_CONFIG", "SSL_CERT_FILE", "SSL_CERT_DIR",
          "CURL_CA_BUNDLE")  # fmt: skip
"""Variables of a child that name files which the child is to read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Compose, or docker with its plugin.

    job:         the job's environment, in which the program is looked for.
    environment: what the program gets of it.
    roots:       the folders of which it may read everything.
    """

    job: Mapping[str, str]
    environment: Mapping[str, str]
    roots: Sequence[str]

    def run(
        self, arguments: Sequence[str], *, cwd: str, folder: Path, env: Mapping[str, str]
    ) -> subprocess.CompletedProcess[bytes]:
        """Run it to its end. folder: a private folder of ours that it may use, too.

        Raises InputError when it cannot be run or does not end.
        """
        process = self.start(arguments, cwd=cwd, folder=folder, env=env, stderr=subprocess.PIPE)
        with process:
            try:
                output, errors = process.communicate(timeout=_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                raise InputError(f"Compose did not end in {_TIMEOUT} s.") from None
            except BaseException:
                process.kill()
                raise
        return subprocess.CompletedProcess(arguments, process.returncode, output, errors)

    def start(
        self,
        arguments: Sequence[str],
        *,
        cwd: str,
        folder: Path,
        env: Mapping[str, str],
        stderr: int,
    ) -> subprocess.Popen[bytes]:
        """Start it. Raises InputError when it cannot be run."""
        command = self._command()
        try:
            return confinement.start(
                [*command, *arguments],
                readable=[*self.roots, str(folder), *self._own_files(command[0])],
                cwd=cwd,
                env={**self.environment, **_NOTHING_REMOTE, **env, "TMPDIR": str(folder)},
                stderr=stderr,
            )
        except OSError as error:
            raise InputError(f"Compose cannot be run: {error.strerror}.") from None

    def _command(self) -> list[str]:
        if given := self.job.get("DOCKER_COMPOSE"):
            return [given]
        path = self.job.get("PATH", "")
        if found := shutil.which("docker-compose", path=path):
            return [found]
        if found := shutil.which("docker", path=path):
            return [found, "compose"]
        raise InputError(
            "Compose is not installed: neither `docker-compose` nor `docker compose` is found."
        )

    def _own_files(self, program: str) -> Iterable[str]:
        """The program, its helpers on PATH, and its configuration."""
        env = self.environment
        yield program
        yield from (part for part in env.get("PATH", "").split(":") if part.strip("/."))
        yield from (path for name in _PATHS if (path := env.get(name)))
        if home := env.get("HOME"):
            yield os.path.join(home, ".docker")  # noqa: PTH118
            if env.get("DOCKER_HOST", "").startswith("ssh://"):
                yield os.path.join(home, ".ssh")  # noqa: PTH118


def is_missing(done: subprocess.CompletedProcess[bytes]) -> bool:
    """Whether docker was found, but not its Compose."""
    errors = done.stderr.decode(errors="replace")
    return bool(done.returncode and _NO_COMPOSE.search(errors))


def reason(errors: str) -> str:
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


def warnings(errors: str) -> Iterator[tuple[str, str]]:
    """The variables that are not set, once each, and Compose's words; they end in image names."""
    matches = map(_PREFIX.match, errors.splitlines())
    texts = (match["text"].replace('\\"', '"') for match in matches if match)
    for text in dict.fromkeys(texts):
        if unset := _UNSET.search(text):
            yield unset[1], text
