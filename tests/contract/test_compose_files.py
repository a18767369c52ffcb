"""Compose reads what is in the workspace and the runner's temp folder, and nothing else."""

# ruff: noqa: E501 - one case is one line

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aks_action.environment import Folders
from aks_action.errors import InputError
from aks_action.model.images.plan import ComposeService
from aks_action.sources import confinement
from aks_action.sources.compose import ComposeFiles

BIN = Path(__file__).resolve().parents[2] / ".venv/bin"
COMPOSE = str(BIN / "docker-compose")
HERE = "services: {web: {image: here}}\n"
SECRET = "outside-value-7"  # what stands in every file outside


class Job:
    """A workspace and a temp folder, and files beside them that belong to the runner."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.workspace, self.temp, self.outside = root / "ws/shop", root / "_temp", root / "runner"
        for folder in (self.workspace, self.temp, self.outside, root / "home"):
            folder.mkdir(parents=True)
        self.told: list[str] = []
        self.write(
            self.outside,
            **{
                "other.yml": f"services: {{base: {{image: {SECRET}}}}}\n",
                "v.env": f"V={SECRET}\n",
                "keys": f"{SECRET}\n",
                "sub/other.yml": f"services: {{base: {{image: {SECRET}}}}}\n",
                "sub/.env": f"V={SECRET}\n",
            },
        )
        self.write(root / "home", **{"v.env": f"V={SECRET}\n", "other.yml": HERE})

    def write(self, into: Path, **files: str) -> None:
        for name, text in files.items():
            path = into / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text.startswith("-> "):
                path.symlink_to(text[3:].strip().replace("OUTSIDE", str(self.outside)))
            else:
                path.write_text(text.replace("OUTSIDE", str(self.outside)))

    def compose(self, *files: str, passed: tuple[str, ...] = (), **env: str) -> ComposeFiles:
        folders = Folders(workspace=self.workspace, temp=self.temp, host_workspaces=("/host/shop",))
        job = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(self.root / "home"), **env}
        return ComposeFiles(
            files,
            folders=folders,
            env={"DOCKER_COMPOSE": COMPOSE, **job},
            passed=passed,
            tell=self.told.append,
        )

    def read(self, *files: str, passed: tuple[str, ...] = (), **env: str) -> dict[str, str]:
        services = self.compose(*files, passed=passed, **env).services()
        return {service.name: service.image for service in services}


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


OUTSIDE: list[tuple[str, dict[str, str], str]] = [
    ("the file is a link", {"compose.yml": "-> ../../runner/other.yml"}, "compose.yml"),
    ("a folder is a link", {"compose.yml": "include: [d/other.yml]", "d": "-> OUTSIDE"}, "d/other.yml"),
    ("extends", {"compose.yml": "services: {w: {extends: {file: ../../runner/other.yml, service: base}}}"}, "../../runner/other.yml"),
    ("extends, absolute", {"compose.yml": "services: {w: {extends: {file: OUTSIDE/other.yml, service: base}}}"}, "other.yml"),
    (
        "extends, three deep",
        {
            "compose.yml": "services: {w: {extends: {file: a/a.yml, service: a}}}",
            "a/a.yml": "services: {a: {extends: {file: b/b.yml, service: b}}}",
            "a/b/b.yml": "services: {b: {extends: {file: ../../../../runner/other.yml, service: base}}}",
        },
        "a/b/b.yml: `extends`",
    ),
    ("include", {"compose.yml": "include: [../../runner/other.yml]"}, "../../runner/other.yml"),
    ("include, long", {"compose.yml": "include: [{path: [a.yml, ../../runner/other.yml]}]", "a.yml": HERE}, "other.yml"),
    ("include's env file", {"compose.yml": "include: [{path: a.yml, env_file: ../../runner/v.env}]", "a.yml": "services: {a: {image: '${V}'}}"}, "v.env"),
    ("include's env files", {"compose.yml": "include: [{path: a.yml, env_file: [b.env, OUTSIDE/v.env]}]", "a.yml": HERE, "b.env": ""}, "v.env"),
    ("include's .env is a link", {"compose.yml": "include: [s/a.yml]", "s/a.yml": "services: {a: {image: '${V}'}}", "s/.env": "-> OUTSIDE/v.env"}, "s/.env"),
    ("include's project", {"compose.yml": "include: [{path: a.yml, project_directory: ../../runner/sub}]", "a.yml": "services: {a: {image: '${V}'}}"}, "project_directory"),
    ("include's project is a link", {"compose.yml": "include: [{path: a.yml, project_directory: s}]", "a.yml": HERE, "s": "-> OUTSIDE/sub"}, "project_directory"),
    ("include in an include", {"compose.yml": "include: [a/a.yml]", "a/a.yml": "include: [../../../runner/other.yml]"}, "a/a.yml: `include`"),
    ("include's project in an include", {"compose.yml": "include: [a/a.yml]", "a/a.yml": "include: [{path: b.yml, project_directory: ../../../runner/sub}]", "a/b.yml": HERE}, "project_directory"),
    (".env is a link", {"compose.yml": "services: {a: {image: '${V}'}}", ".env": "-> OUTSIDE/v.env"}, ".env"),
    ("the override is a link", {"compose.yml": HERE, "compose.override.yml": "-> OUTSIDE/other.yml"}, "compose.override.yml"),
    ("COMPOSE_FILE in .env", {".env": "COMPOSE_FILE=a.yml:OUTSIDE/other.yml\n", "a.yml": HERE}, "other.yml"),
    ("COMPOSE_FILE of another separator", {".env": "COMPOSE_PATH_SEPARATOR=;\nCOMPOSE_FILE='a.yml;../../runner/other.yml'\n", "a.yml": HERE}, "other.yml"),
    ("a variable's default", {"compose.yml": "include: ['${X:-../../runner}/other.yml']"}, "runner/other.yml"),
    ("a variable of .env", {"compose.yml": "include: ['${WAY}/other.yml']", ".env": "UP=../../\nWAY=${UP}runner\n"}, "runner/other.yml"),
    ("a variable of an include's .env", {"compose.yml": "include: [s/a.yml]", "s/.env": "WAY=../../../runner\n", "s/a.yml": "include: ['$WAY/other.yml']"}, "runner/other.yml"),
    ("a variable nested in another", {"compose.yml": "include: ['${A:-${B-../../runner}}/other.yml']"}, "runner/other.yml"),
    ("the current folder", {"compose.yml": "include: ['${PWD}/../../runner/other.yml']"}, "runner/other.yml"),
    ("the home folder", {"compose.yml": "include: ['${HOME}/other.yml']"}, "home/other.yml"),
    ("~", {"compose.yml": "services: {a: {image: a, label_file: ~/v.env}}"}, "label_file"),
    ("~ in a file that is extended", {"compose.yml": "services: {a: {extends: {file: b.yml, service: b}}}", "b.yml": "services: {b: {extends: {file: ~/other.yml, service: web}}}"}, "extends"),
    ("labels", {"compose.yml": "services: {a: {image: a, label_file: [l.env, ../../runner/v.env]}}", "l.env": ""}, "label_file"),
    ("labels through a link", {"compose.yml": "services: {a: {image: a, label_file: l.env}}", "l.env": "-> OUTSIDE/v.env"}, "l.env"),
    ("labels in a base", {"compose.yml": "services: {a: {extends: {file: s/b.yml, service: b}}}", "s/b.yml": "services: {b: {image: a, label_file: ../../../runner/v.env}}"}, "label_file"),
    ("the kernel", {"compose.yml": "include: [{path: a.yml, env_file: /proc/self/environ}]", "a.yml": HERE}, "/proc/self/environ"),
    ("a device", {"compose.yml": "include: [/dev/zero]"}, "/dev/zero"),
    ("an anchor", {"compose.yml": "x-a: &a {file: ../../runner/other.yml, service: base}\nservices: {w: {extends: *a}}"}, "other.yml"),
    ("a merge", {"compose.yml": "x-a: &a {extends: {file: ../../runner/other.yml, service: base}}\nservices: {w: {<<: *a}}"}, "other.yml"),
    ("a merge of several", {"compose.yml": "x-a: &a {file: ../../runner/other.yml}\nx-b: &b {service: base}\nservices: {w: {extends: {<<: [*b, *a]}}}"}, "other.yml"),
    ("a merge at the root", {"compose.yml": "x-a: &a\n  include: [../../runner/other.yml]\n<<: *a\n"}, "other.yml"),
    ("a tag", {"compose.yml": "include: !override [!!str '../../runner/other.yml']"}, "other.yml"),
    ("a key with an escape", {"compose.yml": '"inc\\u006cude": ["\\x2e./../runner/other.yml"]'}, "other.yml"),
    ("a second document", {"compose.yml": HERE + "---\ninclude: [../../runner/other.yml]\n"}, "other.yml"),
    ("JSON", {"compose.yml": '{"include": [{"path": ["..\\/../runner\\u002fother.yml"]}]}'}, "other.yml"),
    ("a key that stands twice", {"compose.yml": "include: [../../runner/other.yml]\ninclude: [a.yml]\n", "a.yml": HERE}, "other.yml"),
    ("a profile", {"compose.yml": "services: {w: {profiles: [x], extends: {file: ../../runner/other.yml, service: base}}}"}, "other.yml"),
    ("a binary", {"compose.yml": "include: [!!binary Li4vLi4vcnVubmVyL290aGVyLnltbA==]"}, "binary"),
    ("up and down again", {"compose.yml": "include: [a/../../../runner/other.yml]", "a/x": ""}, "other.yml"),
    ("very far up", {"compose.yml": f"include: [{'../' * 60}etc/hostname]"}, "etc/hostname"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("files", "named"), [pytest.param(files, named, id=name) for name, files, named in OUTSIDE]
)
def test_nothing_outside_is_read_and_what_leads_there_is_named(
    job: Job, files: Mapping[str, str], named: str
) -> None:
    job.write(job.workspace, **files)
    with pytest.raises(InputError) as caught:
        job.read()
    assert SECRET not in str(caught.value)
    assert named in str(caught.value)


@pytest.mark.parametrize(
    "path",
    ["../../runner/other.yml", "OUTSIDE/other.yml", "link.yml", "folder/other.yml"],
)
def test_the_input_itself_leads_nowhere_else(job: Job, path: str) -> None:
    job.write(job.workspace, **{"link.yml": "-> OUTSIDE/other.yml", "folder": "-> OUTSIDE"})
    with pytest.raises(InputError, match=r"`compose-file` .*other.yml|link.yml leads outside"):
        job.read(path.replace("OUTSIDE", str(job.outside)))


@pytest.mark.parametrize(
    "env", [{"COMPOSE_FILE": "OUTSIDE/other.yml"}, {"COMPOSE_ENV_FILES": "a.env,OUTSIDE/v.env"}]
)
def test_variables_of_compose_lead_nowhere_else(job: Job, env: dict[str, str]) -> None:
    job.write(job.workspace, **{"compose.yml": HERE, "a.env": ""})
    filled = {name: value.replace("OUTSIDE", str(job.outside)) for name, value in env.items()}
    with pytest.raises(InputError, match="leads outside"):
        job.read(**filled)


@pytest.mark.parametrize(
    "path",
    ["https://github.com/o/r.git", "git@github.com:o/r.git", "github.com/o/r", "oci://reg/shop:1",
     "https://reg/compose.yml", "ssh://git@h/r.git#main:x"],
)  # fmt: skip
def test_nothing_is_fetched(job: Job, path: str) -> None:
    """Compose would run git, or ask a registry."""
    job.write(job.workspace, **{"compose.yml": f"include: ['{path}']\n"})
    with pytest.raises(InputError, match="would fetch it from elsewhere"):
        job.read()
    with pytest.raises(InputError, match="nothing is fetched"):
        job.read(path)


def test_all_that_leads_outside_is_told_at_once(job: Job) -> None:
    include = "include: [../../runner/other.yml, a.yml, ../../runner/sub/other.yml]\n"
    job.write(job.workspace, **{"compose.yml": include, "a.yml": HERE, ".env": "-> OUTSIDE/v.env"})
    with pytest.raises(InputError) as caught:
        job.read()
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize(
    ("files", "given", "images"),
    [
        # what is read as before
        ({"compose.yml": HERE}, (), {"web": "here"}),
        ({"compose.yml": "-> real/c.yml", "real/c.yml": HERE}, (), {"web": "here"}),
        ({"compose.yml": "include: [d/c.yml]", "d": "-> real", "real/c.yml": HERE}, (), {"web": "here"}),
        ({"compose.yml": "include: [../shop/a.yml]", "a.yml": HERE}, (), {"web": "here"}),
        ({"compose.yml": "include: ['TEMP/a.yml']"}, (), {"t": "temp"}),
        ({"compose.yml": "include: [../../_temp/a.yml]"}, (), {"t": "temp"}),
        ({"compose.yml": HERE}, ("/host/shop/compose.yml",), {"web": "here"}),
        ({}, ("TEMP/a.yml",), {"t": "temp"}),
        ({"compose.yml": HERE, "docker-compose.override.yaml": "services: {o: {image: o}}"}, (), {"o": "o", "web": "here"}),
        ({".env": "COMPOSE_FILE=x/a.yml\nV=1\n", "x/a.yml": "services: {a: {image: 'a:${V}-${W}'}}", "x/.env": "V=2\nW=3\n"}, (), {"a": "a:1-3"}),
        ({"s/compose.yml": "services: {a: {image: 'a:${V}'}}", "s/.env": "V=2\n", ".env": "V=1\n"}, ("s/compose.yml",), {"a": "a:2"}),
        (
            {
                "compose.yml": "include: [{path: s/c.yml}, {path: p/c.yml, project_directory: s, env_file: p/x.env}]",
                "s/c.yml": "include: [t/c.yml]\nservices: {s: {image: 's:${V}'}}",
                "s/.env": "V=s",
                "s/t/c.yml": "services: {t: {image: 't:${V}', extends: {file: ../../base/b.yml, service: b}}}",
                "base/b.yml": "services: {b: {extends: {file: c.yml, service: c}}}",
                "base/c.yml": "services: {c: {build: .}}",
                "p/c.yml": "services: {p: {image: 'p:${V}', extends: {file: e.yml, service: e}}}",
                "p/x.env": "V=x",
                "s/e.yml": "services: {e: {build: .}}",
            },
            (),
            {"p": "p:x", "s": "s:s", "t": "t:s"},
        ),
        ({"compose.yml": "include: ['${WAY:-s}/c.yml']", "s/c.yml": HERE}, (), {"web": "here"}),
        ({"compose.yml": "include: ['${PWD}/s/c.yml']", "s/c.yml": HERE}, (), {"web": "here"}),
        ({"compose.yml": "services: {a: {image: a, env_file: [{path: ../../runner/v.env, required: false}], label_file: l.env}}", "l.env": "A=1"}, (), {"a": "a"}),
        ({"compose.yml": "services: {a: {image: a, develop: {watch: [{path: ./src, action: rebuild}]}, volumes: ['./data:/data', '/etc:/e']}}"}, (), {"a": "a"}),
        ({"compose.yml": HERE, "b.yml": "services: {web: {image: !override there}}"}, ("compose.yml", "b.yml"), {"web": "there"}),
        ({"compose.yml": "services: {a: &a {image: a}, b: {<<: *a, image: b}}"}, (), {"a": "a", "b": "b"}),
    ],
)  # fmt: skip
def test_what_is_inside_is_read_as_compose_reads_it(
    job: Job, files: dict[str, str], given: tuple[str, ...], images: dict[str, str]
) -> None:
    job.write(job.temp, **{"a.yml": "services: {t: {image: temp}}"})
    job.write(
        job.workspace,
        **{name: text.replace("TEMP", str(job.temp)) for name, text in files.items()},
    )
    assert job.read(*(path.replace("TEMP", str(job.temp)) for path in given)) == images


def test_what_is_checked_is_what_is_read(job: Job) -> None:
    """A process of the pull request swaps files for links just before Compose opens them."""
    job.write(job.workspace, **{"compose.yml": "include: [a.yml]", "a.yml": HERE, ".env": "V=1"})
    swap = "".join(
        f"ln -sf '{job.outside}/{target}' '{job.workspace}/{name}'\n"
        for name, target in
        (("compose.yml", "other.yml"), ("a.yml", "other.yml"), (".env", "v.env"))
    )  # fmt: skip
    program = job.workspace / "compose"
    program.write_text(f'#!/bin/sh\n{swap}exec {COMPOSE} "$@"\n')
    program.chmod(0o700)
    assert job.read(DOCKER_COMPOSE=str(program)) == {"web": "here"}
    assert (job.workspace / "compose.yml").is_symlink()


@pytest.mark.skipif(not confinement.is_available(), reason="this kernel has no Landlock")
@pytest.mark.parametrize("path", ["OUTSIDE/keys", "/proc/self/environ", "/etc/shadow"])
def test_compose_could_not_read_what_is_outside_if_it_were_told_to(job: Job, path: str) -> None:
    """The second wall: the kernel refuses what no check has seen."""
    job.write(job.workspace, **{"compose.yml": HERE})
    program = job.workspace / "compose"
    program.write_text(f"#!/bin/sh\ncat {path.replace('OUTSIDE', str(job.outside))} >&2; exit 1\n")
    program.chmod(0o700)
    with pytest.raises(InputError, match="Permission denied") as caught:
        job.read(DOCKER_COMPOSE=str(program))
    assert SECRET not in str(caught.value)


def test_a_variable_that_is_asked_for_and_not_passed_is_told_once_with_the_input(job: Job) -> None:
    text = (
        "services:\n"
        "  a: {image: 'a:${TAG:-none}', environment: [TOKEN], build: {context: ., args: [KEY, A=b]}}\n"
        "  b: {image: 'b:${TAG:-none}', environment: {MODE: null}}\n"
        "secrets: {s: {environment: HIDDEN}}\n"
    )
    env = dict.fromkeys(("TAG", "TOKEN", "KEY", "MODE", "HIDDEN", "ACTIONS_RUNTIME_URL"), "v")
    job.write(job.workspace, **{"compose.yml": text, ".env": "X=$ACTIONS_RUNTIME_URL\n"})
    assert job.read(passed=("MODE",), **env) == {"a": "a:none", "b": "b:none"}
    assert job.told[0] == (
        "the compose file: it asks for HIDDEN, KEY, TAG, TOKEN, which the job has and Compose does "
        "not get (what it may have, name in the input `compose-env`); it asks for "
        "ACTIONS_RUNTIME_URL, which no compose file ever gets: they are the runner's and this "
        "action's."
    )
    assert [text for text in job.told[1:] if "ACTIONS_RUNTIME_URL" not in text] == []
    assert job.read(passed=tuple(env), **env)["a"] == "a:v"


def test_a_name_that_the_job_does_not_have_is_told(job: Job) -> None:
    job.write(job.workspace, **{"compose.yml": HERE})
    job.read(passed=("TAG",))
    assert job.told == ["`compose-env` names TAG, which the job does not have."]


def test_env_files_are_switched_off_as_ever(job: Job) -> None:
    job.write(
        job.workspace, **{"compose.yml": "services: {a: {image: 'a:${V:-0}'}}", ".env": "V=1"}
    )
    assert job.read() == {"a": "a:1"}
    assert job.read(COMPOSE_ENV_FILES="/dev/null") == {"a": "a:0"}
    assert job.read(COMPOSE_DISABLE_ENV_FILE="1") == {"a": "a:0"}


def test_a_required_variable_that_the_job_has_is_told_with_the_input(job: Job) -> None:
    job.write(job.workspace, **{"compose.yml": "services: {a: {image: 'a:${TAG:?give a tag}'}}"})
    with pytest.raises(
        InputError, match=r"give a tag. Beside that, it asks for TAG, .*compose-env"
    ):
        job.read(TAG="v1")


BUILDS: list[tuple[str, dict[str, str], str]] = [
    ("the context", {"compose.yml": "services: {a: {build: ../../runner}}"}, "context"),
    ("the context, absolute", {"compose.yml": "services: {a: {build: OUTSIDE}}"}, "context"),
    ("the context is a link", {"compose.yml": "services: {a: {build: d}}", "d": "-> OUTSIDE"}, "context"),
    ("a further context", {"compose.yml": "services: {a: {build: {context: ., additional_contexts: {k: ../../runner}}}}"}, "context k"),
    ("a layout", {"compose.yml": "services: {a: {build: {context: ., additional_contexts: {k: 'oci-layout://OUTSIDE'}}}}"}, "context k"),
    ("an unknown kind", {"compose.yml": "services: {a: {build: {context: ., additional_contexts: {k: 'file://OUTSIDE'}}}}"}, "not known"),
    ("the Dockerfile", {"compose.yml": "services: {a: {build: {context: ., dockerfile: ../../runner/keys}}}"}, "runner/keys"),
    ("the Dockerfile is a link", {"compose.yml": "services: {a: {build: .}}", "Dockerfile": "-> OUTSIDE/keys"}, "Dockerfile"),
    (".dockerignore is a link", {"compose.yml": "services: {a: {build: .}}", ".dockerignore": "-> OUTSIDE/keys"}, ".dockerignore"),
    ("its own .dockerignore is a link", {"compose.yml": "services: {a: {build: .}}", "Dockerfile.dockerignore": "-> OUTSIDE/keys"}, ".dockerignore"),
    ("a secret", {"compose.yml": "services: {a: {build: {context: ., secrets: [s]}}}\nsecrets: {s: {file: ../../runner/keys}}"}, "secret s"),
    ("a secret is a link", {"compose.yml": "services: {a: {build: {context: ., secrets: [{source: s}]}}}\nsecrets: {s: {file: k}}", "k": "-> OUTSIDE/keys"}, "secret s"),
    ("the kernel", {"compose.yml": "services: {a: {build: {context: ., secrets: [s]}}}\nsecrets: {s: {file: /proc/self/environ}}"}, "/proc/self/environ"),
    ("a cache", {"compose.yml": "services: {a: {build: {context: ., cache_from: ['type=local,\"src=OUTSIDE\"']}}}"}, "cache"),
    ("a cache that is written", {"compose.yml": "services: {a: {build: {context: ., cache_to: ['type=local,dest=../../runner/c']}}}"}, "cache"),
    ("a service that it builds upon", {"compose.yml": "services: {a: {build: {context: ., additional_contexts: {b: 'service:b'}}}, b: {build: OUTSIDE}}"}, "build of b"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("files", "named"), [pytest.param(files, named, id=name) for name, files, named in BUILDS]
)
def test_a_build_gets_nothing_from_outside(job: Job, files: dict[str, str], named: str) -> None:
    job.write(job.workspace, **files)
    compose = job.compose()
    assert compose.services()
    with pytest.raises(InputError) as caught:
        compose.build(["a"], job.told.append)
    assert SECRET not in str(caught.value)
    assert named in str(caught.value)
    assert job.told == []


def test_a_build_that_was_not_asked_for_is_not_looked_at(job: Job) -> None:
    """What another service is built from is not read."""
    text = "services: {a: {build: .}, b: {build: OUTSIDE}}\nsecrets: {s: {file: OUTSIDE/keys}}"
    program = job.workspace / "compose"
    job.write(job.workspace, **{"compose.yml": text})
    program.write_text(
        f'#!/bin/sh\ncase "$*" in *" build "*) cat "$2";; *) exec {COMPOSE} "$@";; esac\n'
    )
    program.chmod(0o700)
    compose = job.compose(DOCKER_COMPOSE=str(program))
    assert [service.name for service in compose.services()] == ["a", "b"]
    compose.build(["a"], job.told.append)
    assert str(job.outside) not in "".join(job.told)
    assert ComposeService(name="a", has_build=True) == compose.services()[0]


def test_files_that_lead_to_more_and_more_files_end(job: Job) -> None:
    """Each include is read with env files of its own, so that none is the same as another."""
    files = {
        f"c{n}.yml": "include:\n"
        + "".join(f"- {{path: c{n + 1}.yml, env_file: e{m}.env}}\n" for m in range(3))
        for n in range(12)
    }
    job.write(job.workspace, **files, **{f"e{m}.env": "" for m in range(3)}, **{"c12.yml": HERE})
    with pytest.raises(InputError, match="more than 200 files"):
        job.read("c0.yml")


@pytest.mark.parametrize(
    "text",
    [
        "x-a: [" + "x," * 120_000 + "]\n",
        "x-a: " + "y" * 5_000_000,
        "x-a: " + "[" * 100_000,
        "x-a: &a {" + ",".join(f"k{n}: v" for n in range(2000)) + "}\n"
        + "".join(f"y{n}: {{<<: *a}}\n" for n in range(3000)),
    ],
    ids=["values", "bytes", "levels", "merges"],
)  # fmt: skip
def test_a_file_of_too_much_is_told_soon(job: Job, text: str) -> None:
    job.write(job.workspace, **{"compose.yml": text, "b.yml": text})
    before = time.process_time()
    with pytest.raises(InputError, match=r"more than|too large|More than"):
        job.read("compose.yml", "b.yml")
    assert time.process_time() - before < 2


def test_variables_in_paths_are_asked_for_a_bounded_number_of_times(job: Job) -> None:
    files = {f"c{n}.yml": f"include: ['${{X:-c{n + 1}.yml}}']\n" for n in range(40)}
    job.write(job.workspace, **files, **{"c40.yml": HERE})
    with pytest.raises(InputError, match="More than 30 compose files have variables"):
        job.read("c0.yml")


_PIECES = st.sampled_from(
    ["..", ".", "a.yml", "sub", "runner", "other.yml", "v.env", "link", "~", "${UP}", "${UP:-..}",
     "${PWD}", "$HOME", "shop", "", "\\u002e."]
)  # fmt: skip
_PATHS = st.lists(_PIECES, min_size=1, max_size=6).map("/".join)


@settings(
    max_examples=25,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(paths=st.tuples(_PATHS, _PATHS, _PATHS, _PATHS, _PATHS), dotenv=st.sampled_from("./"))
def test_no_path_shows_what_is_outside(
    tmp_path: Path, paths: tuple[str, str, str, str, str], dotenv: str
) -> None:
    """Whatever a path is made of, and wherever it stands."""
    include, extends, env_file, project, labels = (f'"{path}"' for path in paths)
    job = Job(Path(tempfile.mkdtemp(dir=tmp_path)))
    text = (
        f"include: [{{path: {include}, env_file: {env_file}}},"
        f" {{path: a.yml, project_directory: {project}}}]\n"
        f"services: {{w: {{extends: {{file: {extends}, service: base}}, label_file: {labels}}}}}\n"
    )
    job.write(
        job.workspace, **{"compose.yml": text, "link": "-> OUTSIDE", ".env": f"UP=.{dotenv}."}
    )
    job.write(job.workspace, **{"a.yml": "services: {a: {image: 'a:${V:-0}'}}"})
    compose = job.compose()
    try:
        compose.services()
    except InputError as error:
        job.told.append(str(error))
    assert SECRET not in "".join((*job.told, str(compose._project)))
