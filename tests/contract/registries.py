"""A real registry with a login, started for a test run on a free port of loopback."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import urllib3

from aks_action.model.images.manifests import ImageManifest, digest_of
from aks_action.model.images.references import ImageReference
from tests.fakes.images import blobs_of

USERNAME, PASSWORD = "publisher", "p@ss:w0rd"


@dataclass(frozen=True, kw_only=True)
class RunningRegistry:
    """A registry that answers, with what it takes to be let in."""

    host: str
    username: str = USERNAME
    password: str = PASSWORD

    def seed(self, reference: ImageReference, manifest: ImageManifest, *names: str) -> None:
        """Put an image there, by the plainest means: blobs of `names`, then the manifest."""
        base = f"http://{self.host}/v2/{reference.repository}"
        for name in names:
            for blob in blobs_of(name):
                location = self.request("POST", f"{base}/blobs/uploads/").headers["Location"]
                url = urljoin(base, location)
                url += ("&" if "?" in url else "?") + f"digest={digest_of(blob)}"
                kind = {"Content-Type": "application/octet-stream"}
                assert self.request("PUT", url, blob, kind).status == 201
        url = f"{base}/manifests/{reference.digest or reference.tag_or_latest}"
        answer = self.request("PUT", url, manifest.body, {"Content-Type": manifest.media_type})
        assert answer.status == 201, answer.data

    def request(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """One request, signed in."""
        with urllib3.PoolManager() as pool:
            login = urllib3.make_headers(basic_auth=f"{self.username}:{self.password}")
            return pool.request(method, url, body=body, headers={**login, **(headers or {})})


@contextmanager
def running_registry(folder: Path, *, delete: bool = True) -> Iterator[RunningRegistry]:
    """Debian's docker-registry with a login; its data is in `folder`."""
    program = shutil.which("docker-registry") or shutil.which("registry")
    htpasswd = shutil.which("htpasswd")
    assert program, "docker-registry is missing: apt-get install docker-registry"
    assert htpasswd, "htpasswd is missing: apt-get install apache2-utils"
    users = subprocess.run(
        [htpasswd, "-Bbn", "-C", "4", USERNAME, PASSWORD], check=True, capture_output=True
    )
    (folder / "htpasswd").write_bytes(users.stdout)
    port = _free_port()
    (folder / "config.yml").write_text(
        "version: 0.1\n"
        "log: {level: error}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n"
        f"storage: {{filesystem: {{rootdirectory: '{folder}/data'}}, "
        f"delete: {{enabled: {str(delete).lower()}}}}}\n"
        f"auth: {{htpasswd: {{realm: test, path: '{folder}/htpasswd'}}}}\n"
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "serve", str(folder / "config.yml")], stdout=log, stderr=log
        )
    try:
        _wait_until_open(port, process, folder / "log")
        yield RunningRegistry(host=f"127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(timeout=10)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_open(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"the registry does not answer: {log.read_text()}")
