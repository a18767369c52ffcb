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
class Module:
    """A folder with a go.mod; `packages` as `go build` takes them (`tool`: its tool lines)."""

    name: str
    folder: Path
    packages: str
    ldflags: str
    renamed: tuple[tuple[str, str], ...] = ()

    def key(self) -> str:
        digest = hashlib.sha256(f"{self.packages} {self.ldflags} {self.renamed}".encode())
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
)
GATEWAY = Module(
    name="gateway", folder=CHECKOUT / "testbed/go/gateway", packages="tool", ldflags="-s -w"
)
APPS = Module(name="apps", folder=CHECKOUT / "testbed/apps", packages="./...", ldflags="-s -w")
# Other modules' files that the test bed applies: folder in the cache ← module and folder in it.
MANIFESTS = {
    "gateway-api": ("sigs.k8s.io/gateway-api", "config/crd/standard"),
    "contour-crds": ("github.com/projectcontour/contour", "examples/contour/01-crds.yaml"),
}


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
        if module is GATEWAY:
            copy_manifests(module, output)
        output.rename(target)
    return target


def copy_manifests(module: Module, target: Path) -> None:
    for name, (source, path) in MANIFESTS.items():
        root = run("go", "list", "-m", "-f", "{{.Dir}}", source, cwd=module.folder).strip()
        found = Path(root, path)
        if found.is_dir():
            shutil.copytree(found, target / name, copy_function=shutil.copyfile)
        else:
            (target / name).mkdir()
            shutil.copyfile(found, target / name / found.name)
    for folder in target.iterdir():
        if folder.is_dir():  # the module cache is read-only, and copies keep that
            folder.chmod(0o755)
