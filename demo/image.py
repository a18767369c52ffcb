"""The action's image, built from this checkout by the local engine, and what it weighs."""

import gzip
import io
import json
import os
import subprocess
import tarfile
from pathlib import PurePosixPath
from typing import IO, Any

from demo.bed import ROOT, Bed

NAME = "aks-action:local"


def build(bed: Bed) -> str:
    """Name of the image. Layers that did not change are not built again."""
    arguments = [f"--build-arg={name}={value}" for name, value in (
        ("BASE", bed.base), ("COMPOSE_IMAGE", bed.compose),
    ) if value]  # fmt: skip
    environment = {**os.environ, "DOCKER_BUILDKIT": "0"}
    built = subprocess.run(
        ["docker", "build", "--tag", NAME, *arguments, str(ROOT)],
        env=environment, check=False, text=True, capture_output=True,
    )  # fmt: skip
    if built.returncode:
        raise RuntimeError(f"docker build failed:\n{built.stdout[-3000:]}{built.stderr[-3000:]}")
    return NAME


class _Counter(io.RawIOBase):
    """A file that only counts what is written to it."""

    size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.size += len(data)
        return len(data)


def compressed_layers(image: str, *, level: int = 6) -> dict[str, int]:
    """Layer (its path inside `docker save`) → bytes as a registry stores it, in order.

    level: of gzip; 6 is what is pushed, 1 gives a little more in a fifth of the time.
    """
    sizes: dict[str, int] = {}
    links: dict[str, str] = {}
    order: list[str] = []
    with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saving:
        assert saving.stdout is not None  # noqa: S101
        with tarfile.open(fileobj=saving.stdout, mode="r|") as archive:
            for member in archive:
                if member.name == "manifest.json":
                    order = json.load(_open(archive, member))[0]["Layers"]
                elif member.issym():
                    target = PurePosixPath(member.name).parent / member.linkname
                    links[member.name] = os.path.normpath(target)
                elif member.name.endswith(".tar") or "/sha256/" in member.name:
                    sizes[member.name] = _compressed(_open(archive, member), level)
    return {layer: sizes[links.get(layer, layer)] for layer in order}


def _open(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(member)
    if stream is None:
        raise RuntimeError(f"{member.name} of the saved image is no file")
    return stream


def _compressed(stream: IO[bytes], level: int) -> int:
    counter = _Counter()
    with gzip.GzipFile(fileobj=counter, mode="wb", compresslevel=level) as compressor:
        while block := stream.read(1 << 20):
            compressor.write(block)
    return counter.size


def size_without_base(image: str, base: str, *, level: int = 6) -> int:
    """Compressed bytes of the layers that `image` has on top of its base image."""
    below = _layer_count(base)
    return sum(list(compressed_layers(image, level=level).values())[below:])


def _layer_count(image: str) -> int:
    template = "{{len .RootFS.Layers}}"
    command = ["docker", "image", "inspect", "--format", template, image]
    return int(subprocess.run(command, check=True, text=True, capture_output=True).stdout)


def default_base() -> str:
    """The base image that the Dockerfile names when nobody gives another."""
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    return next(line.removeprefix("ARG BASE=") for line in lines if line.startswith("ARG BASE="))
