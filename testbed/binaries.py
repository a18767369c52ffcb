"""Go programs of the test bed, built from pinned modules into a cache named by what they are of."""

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from testbed.settings import CHECKOUT, Settings
from testbed.shell import run, say

KUBERNETES = "v1.37.2"
TWO_HOURS = 7200.0
VERSION = f"-s -w -X k8s.io/component-base/version.gitVersion={KUBERNETES}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifests:
    """Files of another module that the test bed applies or reads, copied beside the programs."""

    name: str
    module: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A folder with a go.mod; `packages` as `go build` takes them (`tool`: its tool lines)."""

    name: str
    folder: Path
    packages: str
    ldflags: str
    renamed: tuple[tuple[str, str], ...] = ()
    manifests: tuple[Manifests, ...] = ()

    def key(self) -> str:
        parts = (self.packages, self.ldflags, self.renamed, self.manifests)
        digest = hashlib.sha256(repr(parts).encode())
        for path in sorted(self.folder.rglob("*")):
            if path.suffix in {".go", ".mod", ".sum"}:
                digest.update(path.read_bytes())
        return digest.hexdigest()[:16]


CLUSTER = Module(
    name="cluster",
    folder=CHECKOUT / "testbed/go/cluster",
    packages="tool",
    ldflags=VERSION,
    renamed=(("server", "etcd"),),
    manifests=(
        Manifests(
            name="kwok-stages",
            module="sigs.k8s.io/kwok",
            paths=(
                "kustomize/stage/node/fast/node-initialize.yaml",
                "kustomize/stage/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
                "kustomize/stage/pod/fast",
            ),
        ),
    ),
)
GATEWAY = Module(
    name="gateway",
    folder=CHECKOUT / "testbed/go/gateway",
    packages="tool",
    ldflags="-s -w",
    manifests=(
        Manifests(
            name="gateway-api",
            module="sigs.k8s.io/gateway-api",
            paths=("config/crd/standard",),
        ),
        Manifests(
            name="contour-crds",
            module="github.com/projectcontour/contour",
            paths=("examples/contour/01-crds.yaml",),
        ),
    ),
)
APPS = Module(name="apps", folder=CHECKOUT / "testbed/apps", packages="./...", ldflags="-s -w")


def folder_of(settings: Settings, module: Module) -> Path:
    return settings.cache / f"{module.name}-{module.key()}"


def build(settings: Settings, module: Module) -> Path:
    """The folder that holds the module's programs; built when it is not there yet."""
    target = folder_of(settings, module)
    if target.exists():
        return target
    say(f"building the Go programs of {module.name} (the first time takes minutes)")
    settings.cache.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, "CGO_ENABLED": "0"}
    with tempfile.TemporaryDirectory(dir=settings.cache) as draft:
        output = Path(draft, "out")
        run(
            "go", "build", "-buildvcs=false", "-ldflags", module.ldflags,
            "-o", f"{output}/", module.packages,
            cwd=module.folder, env=env, seconds=TWO_HOURS,
        )  # fmt: skip
        for old, new in module.renamed:
            (output / old).rename(output / new)
        for manifests in module.manifests:
            copy_manifests(module, manifests, output / manifests.name)
        output.rename(target)
    return target


def copy_manifests(module: Module, manifests: Manifests, target: Path) -> None:
    command = ("go", "list", "-m", "-f", "{{.Dir}}", manifests.module)
    root = Path(run(*command, cwd=module.folder).strip())
    target.mkdir()
    for path in manifests.paths:
        found = root / path
        for file in [found] if found.is_file() else sorted(found.glob("*.yaml")):
            if file.name != "kustomization.yaml":
                shutil.copyfile(file, target / file.name)
