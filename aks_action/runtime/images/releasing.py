"""A release gives images that are in the registry the release's tag: all of them, or none.

Nothing is pulled or pushed: the manifest's own bytes go under the new tag, so that an index keeps
its platforms and its attestations. Three phases: everything is read and decided; what a copy
into another repository needs is put there (by digest, seen by nobody); then the tags are
written, and taken back if one of them fails or the run is cancelled.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field

from aks_action.clients.image_ports import OpenRegistry, Registry, Tell
from aks_action.errors import ActionError, Cancelled, Problem, RegistryError
from aks_action.model.images.manifests import ImageManifest
from aks_action.model.images.plan import ImagePlan
from aks_action.model.images.references import ImageReference
from aks_action.model.images.release_plan import (
    ImageSettings,
    Published,
    PublishedHow,
    Release,
    TagChange,
    decide,
    plan_release,
)
from aks_action.runtime.images.registries import Registries
from aks_action.runtime.parallel import each, workers

_IN_FLIGHT = 1.5  # seconds given to writes that were under way when another one failed
_UNDO = 60.0
_UNDO_WHEN_CANCELLED = 2.5  # the runner kills a step a few seconds after it asked it to end


def release(
    plan: ImagePlan, settings: ImageSettings, *, open_registry: OpenRegistry, tell: Tell
) -> tuple[Published, ...]:
    """Tag every image of the plan; answers in the plan's order.

    Raises RegistryError for a source that is not there or a registry that fails, Conflict for
    a version tag that has another image, AuthError, InputError. After any of them, and after
    Cancelled, the tags are as they were; the message names each one that is not.
    """
    registries = Registries(plan, settings, open_registry)
    releases = plan_release(plan.targets, settings.source_tag)
    found = _resolve(releases, registries)
    changes = decide(
        releases,
        {source: manifest.digest for source, manifest in found.sources.items()},
        found.targets,
    )
    needed = [change for change in changes if change.needed]
    previous = _previous(needed, registries)
    each(
        lambda change: _stage(change.release, found.sources, registries.of(change.release.target)),
        [change for change in needed if _moves_house(change.release)],
    )
    _Writing(registries, found.sources, previous, tell).write(needed)
    return tuple(_published(change, tell) for change in changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What the registry has: manifests of the sources, digests of the targets."""

    sources: Mapping[ImageReference, ImageManifest]
    targets: Mapping[ImageReference, str]


def _resolve(releases: Sequence[Release], registries: Registries) -> _Found:
    """Ask for all sources and targets at once."""
    sources: dict[ImageReference, ImageManifest] = {}
    targets: dict[ImageReference, str] = {}

    def read_source(reference: ImageReference) -> None:
        if manifest := registries.of(reference).manifest(reference):
            sources[reference] = manifest

    def read_target(reference: ImageReference) -> None:
        targets[reference] = registries.of(reference).digest(reference)

    questions: list[tuple[Callable[[ImageReference], None], ImageReference]] = [
        *((read_source, release.source) for release in releases),
        *((read_target, release.target) for release in releases),
    ]
    each(lambda question: question[0](question[1]), questions)
    return _Found(sources=sources, targets=targets)


def _previous(
    changes: Sequence[TagChange], registries: Registries
) -> dict[ImageReference, ImageManifest]:
    """What the tags that will move have now: without it they could not be moved back."""

    def read(change: TagChange) -> tuple[ImageReference, ImageManifest]:
        target = change.release.target
        manifest = registries.of(target).manifest(target.with_digest(change.previous))
        if manifest is None:
            raise RegistryError(f"{target} has {change.previous}, which cannot be read.")
        return target, manifest

    return dict(each(read, [change for change in changes if change.previous]))


def _moves_house(release: Release) -> bool:
    return not release.source.same_repository(release.target)


def _stage(
    release: Release, sources: Mapping[ImageReference, ImageManifest], registry: Registry
) -> None:
    """Put everything below the manifest into the target's repository: blobs, then children."""
    manifest = sources[release.source]
    for blob in manifest.blobs:
        registry.mount(blob, source=release.source, target=release.target)
    for digest in manifest.children:
        child = release.source.with_digest(digest)
        child_manifest = registry.manifest(child)
        if child_manifest is None:
            raise RegistryError(f"{release.source} lists {digest}, which is not there.")
        child_release = Release(source=child, target=release.target.with_digest(digest))
        _stage(child_release, {child: child_manifest}, registry)
        registry.put(child_release.target, child_manifest)


@dataclass(slots=True)
class _Writing:
    """The tags that are being written, and the way back."""

    registries: Registries
    manifests: Mapping[ImageReference, ImageManifest]
    previous: Mapping[ImageReference, ImageManifest]
    tell: Tell
    begun: list[TagChange] = field(default_factory=list)
    under_way: int = 0
    stopped: bool = False
    changed: threading.Condition = field(default_factory=threading.Condition)

    def write(self, changes: Sequence[TagChange]) -> None:
        """Write all tags at once; after a failure or a signal, none."""
        try:
            each(self._write_one, changes)
        except BaseException as error:
            self._stop()
            self._undo(error)
            raise

    def _write_one(self, change: TagChange) -> None:
        with self.changed:
            if self.stopped:
                return
            self.begun.append(change)  # before the write: one whose answer is lost counts too
            self.under_way += 1
        try:
            target = change.release.target
            self.registries.of(target).put(target, self.manifests[change.release.source])
        finally:
            with self.changed:
                self.under_way -= 1
                self.changed.notify_all()

    def _stop(self) -> None:
        """No further write begins; those under way get a moment.

        They are counted here and not by their futures: a signal may come between the submission
        of a write and the assignment of its future.
        """
        with self.changed:
            self.stopped = True
            self.changed.wait_for(lambda: not self.under_way, timeout=_IN_FLIGHT)

    def _undo(self, error: BaseException) -> None:
        """Raises the same kind of error again with what could not be taken back."""
        limit = _UNDO_WHEN_CANCELLED if isinstance(error, Cancelled) else _UNDO
        with workers() as pool:
            futures = {pool.submit(self._undo_one, change): change for change in self.begun}
            wait(futures, timeout=limit)
            left = [_left(future, change) for future, change in futures.items()]
        problems = [problem for problem in left if problem]
        for problem in problems:
            self.tell(str(problem))
        if problems and isinstance(error, ActionError) and not isinstance(error, Cancelled):
            raise type(error)(*error.problems, *problems) from error

    def _undo_one(self, change: TagChange) -> None:
        target = change.release.target
        registry = self.registries.of(target)
        if registry.digest(target) != change.digest:
            return  # never written, or somebody else's by now
        if change.previous:
            registry.put(target, self.previous[target])
            self.tell(f"{target} is back at {change.previous}.")
        else:
            registry.remove_tag(target)
            self.tell(f"{target} is removed again.")


def _left(future: Future[None], change: TagChange) -> Problem | None:
    """A tag that is not as it was."""
    error = future.exception() if future.done() else None
    if future.done() and error is None:
        return None
    why = f" ({error})" if error else ""
    was = f"move it back to {change.previous}" if change.previous else "delete it"
    return Problem(
        message=f"{change.release.target} could not be taken back{why} and still names "
        f"{change.digest}: {was}."
    )


def _published(change: TagChange, tell: Tell) -> Published:
    target = change.release.target
    if change.needed:
        tell(f"{target} is {change.release.source}: {change.digest}.")
    else:
        tell(f"{target} is there already: {change.digest}.")
    how = PublishedHow.TAGGED if change.needed else PublishedHow.UNCHANGED
    return Published(reference=target, digest=change.digest, action=how)
