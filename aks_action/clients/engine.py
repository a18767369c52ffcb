"""The Docker engine, through its API: the only module that knows the docker package."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NullResource
from docker.utils import kwargs_from_env

from aks_action.clients.clock import SystemClock
from aks_action.clients.image_ports import Credentials, LocalImage, Tell
from aks_action.clients.ports import Clock
from aks_action.errors import AuthError, RegistryError
from aks_action.model.images.push_events import PushState
from aks_action.model.images.references import ImageReference

_SILENCE = 300  # seconds without any event after which a push is given up
_BETWEEN_LINES = 5.0  # seconds between two lines of progress of one image
_REFUSALS = ("unauthorized", "denied", "authentication required", "no basic auth", "forbidden")


class DockerEngine:
    """Implements the port `Engine`; a context manager that closes its connections.

    stopped: asked at every event of a push; true ends it.
    Raises RegistryError when no engine answers.
    """

    def __init__(
        self, *, clock: Clock | None = None, stopped: Callable[[], bool] = lambda: False
    ) -> None:
        self._clock = clock or SystemClock()
        self._stopped = stopped
        self._api = _connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections; a push that still runs ends with an error."""
        self._api.close()

    def image(self, name: str) -> LocalImage | None:
        """The image of that name on the engine, or None."""
        try:
            with _translated(f"looking for {name}"):
                found = self._api.inspect_image(name)  # type: ignore[no-untyped-call]
        except _AbsentError:
            return None
        digests = (text.rpartition("@")[2] for text in found.get("RepoDigests") or ())
        return LocalImage(id=str(found["Id"]), digests=frozenset(digests))

    def push(self, name: str, target: ImageReference, credentials: Credentials, tell: Tell) -> str:
        """Tag and push; the digest that the engine reports at the end.

        Raises AuthError for refused credentials or rights, RegistryError for any other failure,
        also for a stream that ends without a digest.
        """
        with _translated(f"pushing {target}"):
            self._api.tag(name, target.familiar_name, target.tag_or_latest)
            # Without any auth_config engines from 28.3.3 on end a push in EOF.
            auth = (
                {"username": credentials.username, "password": credentials.password}
                if credentials.username
                else {}
            )
            events = self._api.push(
                target.familiar_name,
                tag=target.tag_or_latest,
                stream=True,
                decode=True,
                auth_config=auth,
            )
            state = self._watch(events, target, tell)
        if state.error:
            raise _refused(target, state.error, credentials)
        if not state.digest:
            raise RegistryError(
                f"The push of {target} ended without a digest: the engine or the connection "
                "broke off. Run it again."
            )
        return state.digest

    def _watch(self, events: Iterator[object], target: ImageReference, tell: Tell) -> PushState:
        state = PushState()
        told_at = self._clock.now()
        for event in events:
            state = state.after(event)
            if self._stopped():
                raise RegistryError(f"The push of {target} was cancelled.")
            if self._clock.now() - told_at >= _BETWEEN_LINES:
                told_at = self._clock.now()
                tell(f"{target}: {state}")
        return state


class _AbsentError(Exception):
    """The engine does not have the image."""


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    try:
        yield
    except (ImageNotFound, NullResource) as error:
        raise _AbsentError from error
    except APIError as error:
        raise RegistryError(f"The engine failed {doing}: {_words(error.explanation)}.") from error
    except RegistryError:
        raise
    except Exception as error:
        # requests' and urllib3's errors come through as they are, and JSON's for a broken line.
        raise RegistryError(f"The engine broke off {doing}: {_words(error)}.") from error


def _connect() -> docker.APIClient:
    try:
        return docker.APIClient(version="auto", timeout=_SILENCE, **kwargs_from_env())
    except DockerException as error:
        raise RegistryError(
            f"No Docker engine answers ({_words(error)}): a push needs one. On a runner of your "
            "own, start it and let this step reach /var/run/docker.sock, or set DOCKER_HOST."
        ) from error


def _refused(target: ImageReference, text: str, credentials: Credentials) -> Exception:
    if credentials.password:
        text = text.replace(credentials.password, "***")
    text = text.rstrip(".")
    if any(word in text.lower() for word in _REFUSALS):
        who = f'user "{credentials.username}"' if credentials.username else "nobody (no sign-in)"
        return AuthError(
            f"{target.registry} refused the push of {target} by {who}: {text}. "
            "Check `registry-username` and `registry-password`."
        )
    return RegistryError(f"The push of {target} failed: {text}.")


def _words(error: object) -> str:
    return " ".join(str(error).split())[:300].rstrip(".")
