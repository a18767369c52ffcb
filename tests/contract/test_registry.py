"""The port `Registry`: one suite for the fake of the unit tests and for a real registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from aks_action.clients.image_ports import Credentials, Registry
from aks_action.clients.registry import RegistryClient
from aks_action.errors import AuthError, RegistryError
from aks_action.model.images.manifests import OCI_MANIFEST, ImageManifest
from aks_action.model.images.references import ImageReference
from tests.contract.registries import RunningRegistry, running_registry
from tests.fakes.images import image, index
from tests.fakes.registry import FakeRegistry


@dataclass(frozen=True)
class Subject:
    """A registry by its port, and a way to put images there without it."""

    port: Registry
    host: str
    seed: Callable[..., None]

    def ref(self, text: str) -> ImageReference:
        return ImageReference.parse(f"{self.host}/{text}")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    with running_registry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture(params=["fake", "real"])
def subject(request: pytest.FixtureRequest) -> Subject:
    if request.param == "fake":
        fake = FakeRegistry(host="x.io")

        def seed(reference: ImageReference, manifest: ImageManifest, *_: str) -> None:
            fake.store(reference, manifest)

        return Subject(port=fake, host="x.io", seed=seed)
    running: RunningRegistry = request.getfixturevalue("real")
    credentials = Credentials(username=running.username, password=running.password)
    return Subject(RegistryClient(running.host, credentials), running.host, running.seed)


def test_what_is_not_there_is_nothing(subject: Subject) -> None:
    """An absent repository or tag is an answer, not an error."""
    assert subject.port.digest(subject.ref("absent:v1")) == ""
    assert subject.port.manifest(subject.ref("absent:v1")) is None


@pytest.mark.parametrize("media_type", ["docker", OCI_MANIFEST])
def test_a_manifest_comes_as_the_bytes_that_were_pushed(subject: Subject, media_type: str) -> None:
    """Digest, media type and every byte are kept."""
    web = image("web") if media_type == "docker" else image("web", media_type=media_type)
    reference = subject.ref("kept:latest")
    subject.seed(reference, web, "web")
    assert subject.port.manifest(reference) == web
    assert subject.port.digest(reference) == web.digest
    assert subject.port.manifest(reference.with_digest(web.digest)) == web


def test_the_same_bytes_under_a_new_tag(subject: Subject) -> None:
    """A tag is one write, and the old tag stays."""
    web, old, new = image("web"), subject.ref("tagged:latest"), subject.ref("tagged:v1")
    subject.seed(old, web, "web")
    subject.port.put(new, web)
    assert subject.port.digest(new) == subject.port.digest(old) == web.digest


def test_an_index_goes_to_another_repository_by_mounts(subject: Subject) -> None:
    """Blobs are mounted, children put by digest, then the index: its digest is the same."""
    children = image("amd"), image("arm", media_type=OCI_MANIFEST)
    both, source, target = index(*children), subject.ref("from/app:1"), subject.ref("to/app:2")
    for child, name in zip(children, ("amd", "arm"), strict=True):
        subject.seed(source.with_digest(child.digest), child, name)
    subject.seed(source, both)
    for child in children:
        for blob in child.blobs:
            subject.port.mount(blob, source=source, target=target)
        subject.port.put(target.with_digest(child.digest), child)
    subject.port.put(target, both)
    assert subject.port.manifest(target) == both
    assert subject.port.manifest(target.with_digest(children[1].digest)) == children[1]


def test_a_manifest_without_its_blobs_is_refused(subject: Subject) -> None:
    """The registry's own words come along."""
    with pytest.raises(RegistryError, match="bare:v1"):
        subject.port.put(subject.ref("bare:v1"), image("nobody pushed this"))


def test_a_blob_that_the_source_does_not_have_is_not_mounted(subject: Subject) -> None:
    """A mount that would become an upload is an error."""
    with pytest.raises(RegistryError):
        subject.port.mount(
            image("absent").blobs[0], source=subject.ref("from/x:1"), target=subject.ref("to/x:1")
        )


def test_a_tag_is_removed_and_its_image_stays(subject: Subject) -> None:
    """Another tag of the same manifest is not touched, even where tags cannot be deleted."""
    web, latest, v1 = image("web"), subject.ref("undone:latest"), subject.ref("undone:v1")
    subject.seed(latest, web, "web")
    subject.port.put(v1, web)
    subject.port.remove_tag(v1)
    assert subject.port.digest(v1) == ""
    assert subject.port.manifest(latest) == web


def test_removing_a_tag_that_is_gone_is_fine(subject: Subject) -> None:
    """An undo may come twice."""
    subject.port.remove_tag(subject.ref("gone:v1"))


def test_a_registry_without_deleting_keeps_the_tag_as_it_is(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """What cannot be removed still names the same image."""
    with running_registry(tmp_path_factory.mktemp("registry"), delete=False) as running:
        client = RegistryClient(
            running.host, Credentials(username=running.username, password=running.password)
        )
        reference = ImageReference.parse(f"{running.host}/app:v1")
        running.seed(reference, image("web"), "web")
        with pytest.raises(RegistryError, match="deleting switched off"):
            client.remove_tag(reference)
        assert client.digest(reference) == image("web").digest


def test_a_wrong_password_is_one_line_without_it(real: RunningRegistry) -> None:
    """Host, repository and user are named; the password is not."""
    wrong = RegistryClient(real.host, Credentials(username="publisher", password="hunter2"))
    with pytest.raises(AuthError) as error:
        wrong.digest(ImageReference.parse(f"{real.host}/app:v1"))
    assert str(error.value) == (
        f'{real.host} does not accept the password of user "publisher" for {real.host}/app:v1: '
        "check `registry-username` and `registry-password`."
    )


def test_a_missing_sign_in_names_the_inputs(real: RunningRegistry) -> None:
    """Nobody is signed in: the inputs that do it are named."""
    with pytest.raises(AuthError, match=r"wants a sign-in for .*app:v1.*`registry-username`"):
        RegistryClient(real.host, Credentials()).manifest(
            ImageReference.parse(f"{real.host}/app:v1")
        )
