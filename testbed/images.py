"""Images that are made here, because no public registry is needed or reachable.

Each carries the label `KEY`: a digest of what it was made from. An image whose label says the same
is left alone.
"""

import hashlib
import io
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from testbed import base_image
from testbed.settings import DOCKER_SOCKET, Settings
from testbed.shell import TestbedError, run, say

DOCKER = ("docker", "--host", f"unix://{DOCKER_SOCKET}")
KEY = "aks-action-testbed.key"
PAUSE = "docker.io/aks-action-testbed/pause:1"
SERVER = "aks-action-testbed/server:1"
BUSYBOX = "aks-action-testbed/busybox:1"
COMPOSE = "aks-action-testbed/compose:1"
BASE = "aks-action-testbed/python:3.11"
RUNNER = "aks-action-testbed/runner:1"
ALL = (PAUSE, SERVER, BUSYBOX, COMPOSE, BASE, RUNNER)

APPLETS = ("sh", "cat", "sleep", "echo", "ls", "true", "false", "wget", "httpd", "tail", "env")
RUNNER_FILE = f"""\
FROM {BASE}
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends git curl \
 && rm -rf /var/lib/apt/lists/*
CMD ["tail", "-f", "/dev/null"]
"""


def prepare(settings: Settings, apps: Path) -> None:
    """Make the images that are missing or out of date."""
    imported(PAUSE, {"/pause": apps / "pause"}, 'ENTRYPOINT ["/pause"]')
    imported(SERVER, {"/server": apps / "server"}, 'ENTRYPOINT ["/server"]', "EXPOSE 8080")
    links = {f"/bin/{applet}": "/bin/busybox" for applet in APPLETS}
    imported(
        BUSYBOX,
        {"/bin/busybox": Path("/bin/busybox"), **links},
        "ENV PATH=/bin",
        'CMD ["/bin/sh"]',
    )
    compose = settings.tool("docker-compose")
    imported(COMPOSE, {"/docker-compose": compose}, 'ENTRYPOINT ["/docker-compose"]')
    import_base(settings)
    build_runner()


def recorded_key(image: str) -> str:
    template = f'{{{{index .Config.Labels "{KEY}"}}}}'
    try:
        return run(*DOCKER, "image", "inspect", "--format", template, image).strip()
    except TestbedError:
        return ""


def imported(image: str, files: Mapping[str, Path | str], *changes: str) -> None:
    """An image of one layer: `files` is path in it → file of this machine, or text: link target."""
    digest = hashlib.sha256(repr(changes).encode())
    for target, source in files.items():
        if isinstance(source, Path) and not source.exists():
            raise TestbedError(f"{source} is missing; `make setup` installs what it comes with")
        content = source.read_bytes() if isinstance(source, Path) else source.encode()
        digest.update(f"\n{target} {len(content)}\n".encode() + content)
    if recorded_key(image) == (key := digest.hexdigest()[:16]):
        return
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for target, source in files.items():
            tar.addfile(*member(target, source))
    import_archive(image, key, archive.getvalue(), changes)


def member(target: str, source: Path | str) -> tuple[tarfile.TarInfo, io.BytesIO]:
    info = tarfile.TarInfo(target.lstrip("/"))
    info.mode = 0o755
    if isinstance(source, str):
        info.type, info.linkname = tarfile.SYMTYPE, source
        return info, io.BytesIO()
    content = source.read_bytes()
    info.size = len(content)
    return info, io.BytesIO(content)


def import_archive(image: str, key: str, source: Path | bytes, changes: tuple[str, ...]) -> None:
    say(f"making the image {image}")
    options = [part for change in (*changes, f"LABEL {KEY}={key}") for part in ("--change", change)]
    if isinstance(source, Path):
        run(*DOCKER, "import", *options, source, image)
    else:
        run(*DOCKER, "import", *options, "-", image, stdin=source)


def import_base(settings: Settings) -> None:
    if recorded_key(BASE) == (key := base_image.key()):
        return
    with base_image.archive(settings) as rootfs:
        import_archive(BASE, key, rootfs, base_image.CHANGES)


def build_runner() -> None:
    """What `act` runs a workflow's job in."""
    key = hashlib.sha256((RUNNER_FILE + base_image.key()).encode()).hexdigest()[:16]
    if recorded_key(RUNNER) == key:
        return
    say(f"making the image {RUNNER}")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "Dockerfile").write_text(RUNNER_FILE)
        run(*DOCKER, "build", "--label", f"{KEY}={key}", "--tag", RUNNER, folder, seconds=900)


def saved(settings: Settings, image: str) -> Path:
    archive = settings.state / "pause.tar"
    run(*DOCKER, "save", "--output", archive, image)
    return archive


def remove() -> None:
    """From an engine that is not ours."""
    for image in ALL:
        if recorded_key(image):
            run(*DOCKER, "image", "rm", "--force", image)
