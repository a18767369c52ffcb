"""A release tags every image or none."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from aks_action.cancelling import cancellable
from aks_action.errors import Cancelled, Conflict, RegistryError
from aks_action.model.images.manifests import OCI_MANIFEST, ImageManifest
from aks_action.model.images.plan import ImagePlan, ImagePush
from aks_action.model.images.references import ImageReference
from aks_action.model.images.release_plan import ImageSettings, Published, PublishedHow
from aks_action.runtime.images.releasing import release
from tests.fakes.images import image, index
from tests.fakes.registry import FakeRegistry

ref = ImageReference.parse
NAMES = ("web", "api", "worker")


class Run:
    """A registry with three images under `latest`, about to be released."""

    def __init__(self, tag: str = "v1", source_tag: str = "latest") -> None:
        self.settings = ImageSettings(registry="x.io", tag=tag, source_tag=source_tag)
        self.registry = FakeRegistry(host="x.io")
        self.tag = tag
        self.told: list[str] = []
        for name in NAMES:
            self.registry.store(ref(f"x.io/{name}:latest"), image(name))
        self.registry.calls.clear()

    def release(self, *names: str) -> tuple[Published, ...]:
        targets = [ref(f"x.io/{name}:{self.tag}") for name in names or NAMES]
        images = tuple(ImagePush(local="x", target=target, services=("x",)) for target in targets)
        return release(
            ImagePlan(images=images),
            self.settings,
            open_registry=self.registry.opened,
            tell=self.told.append,
        )

    def tags(self) -> dict[str, str]:
        return {f"{name}:{tag}": digest for (name, tag), digest in self.registry.tags.items()}


def test_all_are_tagged_with_the_same_digest() -> None:
    """Three requests an image: two questions and one write."""
    run = Run()
    assert run.release() == tuple(
        Published(
            reference=ref(f"x.io/{name}:v1"), digest=image(name).digest, action=PublishedHow.TAGGED
        )
        for name in NAMES
    )
    assert run.tags()["api:v1"] == run.tags()["api:latest"] == image("api").digest
    assert len(run.registry.calls) == 9
    assert len(run.registry.writes()) == 3


def test_a_release_that_was_made_already_writes_nothing() -> None:
    """Running it again is fine."""
    run = Run()
    run.release()
    run.registry.calls.clear()
    assert {published.action for published in run.release()} == {PublishedHow.UNCHANGED}
    assert run.registry.writes() == []


def test_one_absent_source_stops_all() -> None:
    """Nothing was written."""
    run = Run()
    with pytest.raises(RegistryError, match=r"x\.io/absent:latest is not in the registry"):
        run.release("web", "absent")
    assert run.registry.writes() == []


def test_one_version_that_is_taken_stops_all() -> None:
    """Both digests are named, nothing was written."""
    run = Run()
    run.registry.store(ref("x.io/api:v1"), image("older"))
    with pytest.raises(Conflict) as error:
        run.release()
    assert image("older").digest in str(error.value)
    assert image("api").digest in str(error.value)
    assert run.registry.writes() == []


@pytest.mark.parametrize("error", [RegistryError("it broke"), Cancelled(15)])
@pytest.mark.parametrize("broken", NAMES)
def test_a_failure_half_way_takes_everything_back(broken: str, error: Exception) -> None:
    """Moved tags are moved back, new ones removed, whichever write fails and however."""
    run = Run(tag="stable")
    run.registry.store(ref("x.io/web:stable"), image("older"))
    before = run.tags()
    run.registry.failures["put", f"x.io/{broken}:stable"] = error
    with pytest.raises(type(error)) as raised:
        run.release()
    assert raised.value is error
    assert run.tags() == before


def test_a_signal_while_the_writes_are_being_submitted_takes_everything_back() -> None:
    """Also the writes that had begun and whose futures nobody has yet."""
    names = [f"image-{number}" for number in range(40)]
    run = Run()
    for name in names:
        run.registry.store(ref(f"x.io/{name}:latest"), image(name))
    before, put, main = run.tags(), run.registry.put, threading.get_ident()

    def put_slowly(reference: ImageReference, manifest: ImageManifest) -> None:
        if not run.registry.writes():
            signal.pthread_kill(main, signal.SIGTERM)
        time.sleep(0.05)
        put(reference, manifest)

    run.registry.put = put_slowly  # type: ignore[method-assign]
    with cancellable(), pytest.raises(Cancelled):
        run.release(*names)
    assert run.registry.writes()
    assert run.tags() == before


def test_what_cannot_be_taken_back_is_named() -> None:
    """The first error, then each tag that stays, with its digest."""
    run = Run()
    run.registry.can_remove = False
    run.registry.failures["put", "x.io/worker:v1"] = RegistryError("worker broke.")
    with pytest.raises(RegistryError) as error:
        run.release()
    first, *left = [problem.message for problem in error.value.problems]
    assert first == "worker broke."
    assert sorted(text.split(" ")[0] for text in left) == ["x.io/api:v1", "x.io/web:v1"]
    assert f"still names {image('api').digest}: delete it." in str(error.value)


def test_a_tag_that_somebody_else_moved_meanwhile_is_left_alone() -> None:
    """The way back only undoes what this run did."""
    run = Run(tag="stable")
    registry = run.registry
    put = registry.put

    def put_and_be_overtaken(reference: ImageReference, manifest: object) -> None:
        put(reference, manifest)  # type: ignore[arg-type]
        if reference.repository == "worker":
            registry.store(ref("x.io/web:stable"), image("theirs"))
            raise RegistryError("worker broke.")

    registry.put = put_and_be_overtaken  # type: ignore[method-assign, assignment]
    with pytest.raises(RegistryError, match="worker broke"):
        run.release("web", "worker")
    # Whether web was written before or after, what they stored is not replaced by an old image.
    assert run.tags().get("web:stable") in (image("theirs").digest, None)
    assert "worker:stable" not in run.tags()


def test_an_index_from_another_repository_is_mounted() -> None:
    """Blobs first, then children by digest, the tag last; the digest is the same."""
    run = Run(source_tag="staging/:rc")
    children = image("amd"), image("arm", media_type=OCI_MANIFEST)
    source, both = ref("x.io/staging/web:rc"), index(*children)
    for child in children:
        run.registry.store(source.with_digest(child.digest), child)
    run.registry.store(source, both)
    run.registry.calls.clear()
    (published,) = run.release("web")
    assert published.digest == both.digest
    assert run.registry.manifests["web", both.digest] == both
    assert run.registry.writes()[-1] == ("put", "x.io/web:v1")
    assert [method for method, _ in run.registry.writes()] == [
        "mount", "mount", "put", "mount", "mount", "put", "put",
    ]  # fmt: skip


def test_an_index_with_a_child_that_is_missing_writes_no_tag() -> None:
    """A half copy must not get the release's name."""
    run = Run(source_tag="staging/:rc")
    run.registry.store(ref("x.io/staging/web:rc"), index(image("amd")))
    with pytest.raises(RegistryError, match="which is not there"):
        run.release("web")
    assert "web:v1" not in run.tags()
