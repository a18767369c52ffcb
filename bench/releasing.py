"""A release of images that are in the registry already, beside crane and the engine."""

import io
import json
import os
import tarfile
import time

from bench.contestants import Contestants
from bench.measure import Measured, alternate, median_wall
from bench.results import Bar, Result
from bench.traffic import CountingDoor

IMAGES = 10
MEGABYTES = 20
MOVED_KB = 200


def ten_images(contestants: Contestants) -> Result:
    place = f"{contestants.bed.registry}/bench-{time.strftime('%Y%m%d-%H%M%S')}"
    names = [f"image-{number}" for number in range(IMAGES)]
    _push(contestants, place, names)
    _write_compose_file(contestants, names)
    versions = iter(range(1, 1000))

    def action(registry: str = place) -> Measured:
        return contestants.action({
            "action": "release", "compose-file": "bench.yml", "registry": registry,
            "registry-username": contestants.bed.username,
            "registry-password": contestants.bed.password,
            "tag": f"v1.0.{next(versions)}",
        })  # fmt: skip

    def crane() -> Measured:
        tag = f"v1.0.{next(versions)}"
        return contestants.shell("\n".join(f"crane tag {place}/{name}:latest {tag}"
                                           for name in names))  # fmt: skip

    def docker() -> Measured:
        tag = f"v1.0.{next(versions)}"
        measured = contestants.shell("\n".join(
            f"docker pull --quiet {place}/{name}:latest"
            f" && docker tag {place}/{name}:latest {place}/{name}:{tag}"
            f" && docker push --quiet {place}/{name}:{tag}"
            for name in names
        ))  # fmt: skip
        # The next job starts on a runner that has none of them.
        contestants.shell("\n".join(f"docker rmi --force {place}/{name}:latest {place}/{name}:{tag}"
                                    for name in names))  # fmt: skip
        return measured

    tools = {"action": action, "crane tag": crane, "docker pull + tag + push": docker}
    seconds = {name: median_wall(runs) for name, runs in alternate(tools, rounds=5).items()}
    with CountingDoor(place.partition("/")[0]) as door:
        action(f"{door.address}/{place.partition('/')[2]}")
        moved = door.bytes / 1000
    ours = seconds["action"]
    return Result(
        case=f"release of {IMAGES} images of {MEGABYTES} MB",
        seconds=seconds,
        bars=(
            Bar(what="time ÷ crane tag", value=ours / seconds["crane tag"], limit=3),
            Bar(what="time ÷ docker pull + tag + push",
                value=ours / seconds["docker pull + tag + push"], limit=0.15),
            Bar(what="moved", value=moved, limit=MOVED_KB, unit="kB"),
        ),
    )  # fmt: skip


def _push(contestants: Contestants, place: str, names: list[str]) -> None:
    """Images of one layer that cannot be compressed."""
    for name in names:
        reference = f"{place}/{name}:latest"
        archive = contestants.workspace / "layer.tar"
        with tarfile.open(archive, "w") as tar:
            entry = tarfile.TarInfo("data")
            entry.size = MEGABYTES * 1_000_000
            tar.addfile(entry, io.BytesIO(os.urandom(entry.size)))
        contestants.shell(
            f"docker import {archive} {reference} && docker push --quiet {reference}"
            f" && docker rmi --force {reference}"
        )
        archive.unlink()


def _write_compose_file(contestants: Contestants, names: list[str]) -> None:
    services = {name: {"image": name} for name in names}
    (contestants.workspace / "bench.yml").write_text(json.dumps({"services": services}))
