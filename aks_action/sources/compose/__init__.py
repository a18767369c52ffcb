"""Compose files, read by Compose itself: only it knows interpolation, includes and profiles.

`docker compose config` needs no engine. What it prints holds every service's environment, so
nothing of it is kept or shown but names, and what a build needs.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from aks_action.clients.image_ports import Tell
from aks_action.environment import Folders
from aks_action.errors import InputError, Problem, RegistryError, Source
from aks_action.model import children
from aks_action.model.images.plan import ComposeService
from aks_action.sources import confinement
from aks_action.sources.compose.builds import build_model
from aks_action.sources.compose.program import Program, is_missing, reason, warnings
from aks_action.sources.compose.selection import Selection, interpolated, select
from aks_action.sources.compose.staging import Chain, Stage

_WAYS_OF_A_VALUE = (
    "Its value may stand in `.env`, or in the step's env with its name in `compose-env`."
)
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
        folders: Folders,
        env: Mapping[str, str],
        passed: Sequence[str] = (),
        tell: Tell,
    ) -> None:
        self._files = tuple(files)
        self._folders = folders
        self._job = env
        self._passed = tuple(passed)
        self._environment = children.of_compose(env, passed)
        self._program = Program(job=env, environment=self._environment, roots=folders.roots)
        self._tell = tell
        self._project: Mapping[str, Any] = {}
        self._env_files: tuple[bytes, ...] = ()

    def services(self) -> tuple[ComposeService, ...]:
        """Every service, whatever its profile, by name.

        Raises InputError: no such file, a file outside of the workspace and the runner's temp
        folder, a file that Compose does not accept, no Compose.
        """
        with self._stage() as stage:
            config = partial(self._config, stage)
            selection = select(self._files, stage, self._environment, config)
            self._read(stage, selection)
            done = config(selection)
            if done.returncode:
                raise self._refused(stage, done)
            self._tell_of_variables(stage, done)
            output = stage.original(done.stdout.decode(errors="replace"))
            services = tuple(_services(output, self._name))
            self._project = json.loads(output)
            contents = map(stage.content, selection.all_env_files(stage.workspace))
            self._env_files = tuple(content for content in contents if content is not None)
        return services

    def build(self, services: Sequence[str], tell: Tell) -> None:
        """Build the images of these services, line by line into `tell`.

        Raises InputError for a context, a Dockerfile or a secret outside of the workspace and the
        runner's temp folder, RegistryError when a build fails.
        """
        if not self._project:
            self.services()
        with self._stage() as stage:
            arguments = self._build_arguments(services, stage)
            process = self._program.start(
                [*arguments, "--progress", "plain", "build", *services],
                cwd=stage.workspace,
                folder=stage.folder,
                env={},
                stderr=subprocess.STDOUT,
            )
            last = _followed(process, tell)
        if process.returncode:
            raise RegistryError(
                f"The build of {', '.join(services)} failed with exit code "
                f"{process.returncode}: {last or 'Compose said nothing'}"
            )

    @contextmanager
    def _stage(self) -> Iterator[Stage]:
        with tempfile.TemporaryDirectory(
            prefix="aks-action-", ignore_cleanup_errors=True
        ) as folder:
            stage = Stage(
                folder=Path(folder),
                folders=self._folders,
                home=self._environment.get("HOME", ""),
                confined=confinement.is_available(),
            )
            Path(stage.copy_of(stage.workspace)).mkdir(parents=True)  # where Compose begins
            yield stage

    def _read(self, stage: Stage, selection: Selection) -> None:
        """Find, check and copy everything that Compose will read."""

        def interpolate(texts: Sequence[str], chain: Chain) -> Sequence[str]:
            return interpolated(
                texts,
                chain,
                selection=selection,
                stage=stage,
                config=partial(self._config, stage),
                refused=partial(self._refused, stage),
            )

        said = "" if selection.by_variable or not self._files else "`compose-file` "
        stage.compose_files(selection.files, selection.base, said, interpolate)

    def _config(self, stage: Stage, selection: Selection) -> subprocess.CompletedProcess[bytes]:
        # Without env files: they are the containers' business, and may exist elsewhere only.
        config = ("--profile", "*", "config", "--format", "json", "--no-env-resolution")
        done = self._program.run(
            [*selection.arguments(stage), *config],
            cwd=stage.copy_of(stage.workspace),
            folder=stage.folder,
            env=selection.environment(stage),
        )
        if is_missing(done):
            raise InputError("Compose is not installed: `docker compose` has no such command.")
        return done

    def _build_arguments(self, services: Sequence[str], stage: Stage) -> list[str]:
        """A project of nothing but these builds, written down for Compose."""
        model = build_model(
            self._project,
            services,
            folders=self._folders,
            base=stage.workspace,
            agent=self._environment.get("SSH_AUTH_SOCK", ""),
            name_of=stage.name,
        )
        for number, (name, content) in enumerate(model.secrets.items()):
            file = stage.folder / f"secret-{number}"
            file.write_bytes(content)
            model.project["secrets"][name]["file"] = str(file)
        project = stage.folder / "builds.json"
        project.write_text(json.dumps(model.project))
        arguments = ["--file", str(project), "--project-directory", stage.workspace]
        for number, content in enumerate(self._env_files):
            file = stage.folder / f"{number}.env"
            file.write_bytes(content)
            arguments += ["--env-file", str(file)]
        return arguments if self._env_files else [*arguments, "--env-file", "/dev/null"]

    def _refused(self, stage: Stage, done: subprocess.CompletedProcess[bytes]) -> InputError:
        errors = stage.original(done.stderr.decode(errors="replace"))
        why = reason(errors.replace(f"{stage.workspace}/", ""))
        lines = _LINE.findall(why)
        source = None
        if lines and len(self._files) == 1:
            source = Source(file=self._files[0], line=int(lines[-1]))
        message = f"Compose does not accept {self._name}: {why}"
        if asked := self._asked_in_vain(stage):
            message += f" Beside that, {asked}"
        return InputError(Problem(message=message, source=source))

    def _tell_of_variables(self, stage: Stage, done: subprocess.CompletedProcess[bytes]) -> None:
        if absent := [name for name in self._passed if name not in self._job]:
            self._tell(f"`compose-env` names {', '.join(absent)}, which the job does not have.")
        if asked := self._asked_in_vain(stage):
            self._tell(f"{self._name}: {asked}")
        for name, warning in warnings(done.stderr.decode(errors="replace")):
            way = "" if name in self._job else f" {_WAYS_OF_A_VALUE}"
            self._tell(f"{self._name}: {warning}{way}")

    def _asked_in_vain(self, stage: Stage) -> str:
        return children.not_passed(stage.asked, self._job, self._environment)

    @property
    def _name(self) -> str:
        return ", ".join(self._files) or "the compose file"


def _followed(process: subprocess.Popen[bytes], tell: Tell) -> str:
    """Tell every line of a process until it ends; the last line that says something."""
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
    return last


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=2)
    except subprocess.TimeoutExpired:
        process.kill()


def _services(output: str, name: str) -> Iterable[ComposeService]:
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
