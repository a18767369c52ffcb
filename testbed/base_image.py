"""A local base image with Python 3.11, in place of a public python image: Debian 12, minimal."""

import contextlib
import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from testbed.settings import Settings
from testbed.shell import run, say

SUITE = "bookworm"
PACKAGES = "python3,python3-venv,ca-certificates"
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
CHANGES = (
    "ENV PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
    "ENV LANG=C.UTF-8",
    f"ENV PIP_CERT={BUNDLE}",
    'CMD ["python3"]',
)
DEBIAN = "http://deb.debian.org/debian/"


def key() -> str:
    """A changed CA bundle makes a new image: pip in `docker build` trusts what the machine does."""
    digest = hashlib.sha256(f"{SUITE} {PACKAGES} {CHANGES} 2".encode())
    digest.update(BUNDLE.read_bytes())
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def archive(settings: Settings) -> Iterator[Path]:
    """The root file system with the machine's CA bundle as a tar file, gone after use."""
    settings.cache.mkdir(parents=True, exist_ok=True)
    cached = bare_system(settings)
    with tempfile.TemporaryDirectory(dir=settings.state) as folder:
        complete = Path(folder, "base.tar")
        shutil.copyfile(cached, complete)
        with tarfile.open(complete, "a") as tar:
            tar.add(BUNDLE, f".{BUNDLE}")
        yield complete


def bare_system(settings: Settings) -> Path:
    """What debootstrap made, kept in the cache: it takes a minute and needs the network."""
    digest = hashlib.sha256(f"{SUITE} {PACKAGES}".encode()).hexdigest()[:16]
    cached = settings.cache / f"debootstrap-{digest}.tar"
    if cached.exists():
        return cached
    say("making a Debian root file system with Python (debootstrap)")
    with tempfile.TemporaryDirectory(dir=settings.cache) as folder:
        root, draft = Path(folder, "root"), Path(folder, "root.tar")
        run(
            "debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, root, mirror(),
            env={**os.environ, "LC_ALL": "C"}, seconds=1200,
        )  # fmt: skip
        for waste in ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc",
                      "usr/share/man", "usr/share/locale"):  # fmt: skip
            shutil.rmtree(root / waste, ignore_errors=True)
        (root / BUNDLE.relative_to("/")).unlink()  # `archive` puts the machine's in its place
        (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
        (root / "var/cache/apt/archives/partial").mkdir(parents=True)
        (root / "var/lib/apt/lists/partial").mkdir(parents=True)
        run("tar", "-C", root, "--create", "--numeric-owner", "--exclude=./dev/*",
            "--file", draft, ".")  # fmt: skip
        draft.rename(cached)
    return cached


def mirror() -> str:
    """The mirror that this machine's apt takes the same release from, else Debian's."""
    known = run("apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME)")
    for line in known.splitlines():
        address, _, codename = line.partition(" ")
        if codename == SUITE:
            return address
    return DEBIAN
