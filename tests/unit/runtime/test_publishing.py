"""Images are pushed once, and only those that the registry lacks."""

from __future__ import annotations

import pytest

from aks_action.clients.image_ports import Credentials
from aks_action.errors import AuthError, InputError, RegistryError
from aks_action.model.images.manifests import OCI_MANIFEST
from aks_action.model.images.plan import ComposeService, plan_images
from aks_action.model.images.references import ImageReference
from aks_action.model.images.release_plan import ImageSettings, Published, PublishedHow
from aks_action.runtime.images.publishing import push, read_plan
from tests.fakes.images import image, index
from tests.fakes.publishing import FakeComposer, FakeEngine
from tests.fakes.registry import FakeRegistry

ref = ImageReference.parse
WEB = ComposeService(name="web", image="web", has_build=True, tags=("web:extra",))
API = ComposeService(name="api", image="api:dev", has_build=True)
SETTINGS = ImageSettings(registry="x.io", username="me", password="hunter2", tag="v1")


class Run:
    """One push of web and api, with everything around it in memory."""

    def __init__(self, settings: ImageSettings = SETTINGS) -> None:
        self.settings = settings
        self.registry = FakeRegistry(host="x.io")
        self.engine = FakeEngine(
            self.registry, images={"web": image("web"), "api:dev": image("api")}
        )
        self.composer = FakeComposer((WEB, API))
        self.told: list[str] = []
        self.done: list[Published] = []

    def push(self) -> tuple[Published, ...]:
        plan = plan_images(self.composer.services(), self.settings)
        return push(
            plan,
            self.settings,
            composer=self.composer,
            engine=self.engine,
            open_registry=self.registry.opened,
            tell=self.told.append,
            done=self.done.append,
        )


def test_every_image_is_pushed_with_the_digest_that_the_registry_has() -> None:
    """In the plan's order, further tags last; nothing is built."""
    run = Run()
    pushed = PublishedHow.PUSHED
    assert run.push() == (
        Published(reference=ref("x.io/web:v1"), digest=image("web").digest, action=pushed),
        Published(reference=ref("x.io/api:v1"), digest=image("api").digest, action=pushed),
        Published(reference=ref("x.io/web:extra"), digest=image("web").digest, action=pushed),
    )
    assert (run.composer.built, run.engine.users) == ([], {"me"})


@pytest.mark.parametrize("how", ["configuration", "repo digest"])
def test_content_that_is_there_is_not_pushed(how: str) -> None:
    """Known by its configuration, or by the digest that the engine pushed or pulled it as."""
    run = Run()
    there = image("web") if how == "configuration" else index(image("web"))
    run.engine.digests = {"web": frozenset({there.digest})} if how == "repo digest" else {}
    run.registry.store(ref("x.io/web:v1"), there)
    web, api, _ = run.push()
    assert (web.action, web.digest) == (PublishedHow.UNCHANGED, there.digest)
    assert api.action is PublishedHow.PUSHED
    assert ("web", "x.io/web:v1") not in run.engine.pushed


def test_another_image_under_the_tag_is_replaced() -> None:
    """`latest` moves with every push."""
    run = Run()
    run.registry.store(ref("x.io/web:v1"), image("old", media_type=OCI_MANIFEST))
    assert run.push()[0].action is PublishedHow.PUSHED


def test_build_builds_first() -> None:
    """The services of the plan, by Compose."""
    run = Run(ImageSettings(registry="x.io", build=True, services=("web",)))
    run.push()
    assert run.composer.built == ["web"]


def test_images_that_are_not_on_the_engine_stop_everything() -> None:
    """All are named with the way out, and nothing was pushed."""
    run = Run()
    run.engine.images = {"web": image("web")}
    with pytest.raises(RegistryError, match=r"^api:dev is not on the engine: .*`build: true`"):
        run.push()
    assert run.engine.pushed == []


def test_every_refused_push_is_told() -> None:
    """One error names both; refused credentials keep their own exit code."""
    run = Run()
    run.engine.failures = {
        "x.io/web:v1": AuthError("x.io refused web."),
        "x.io/api:v1": RegistryError("x.io broke."),
    }
    with pytest.raises(RegistryError) as mixed:
        run.push()
    assert [p.message for p in mixed.value.problems] == ["x.io refused web.", "x.io broke."]
    del run.engine.failures["x.io/api:v1"]
    with pytest.raises(AuthError, match=r"x\.io refused web\."):
        run.push()


def test_a_wrong_password_is_told_once() -> None:
    """Every image meets it; the sentences differ by the image's name alone."""
    run = Run()
    run.engine.failures = {
        f"x.io/{name}": AuthError(f"x.io does not accept the password of me for x.io/{name}.")
        for name in ("web:v1", "api:v1", "web:extra")
    }
    with pytest.raises(AuthError) as caught:
        run.push()
    assert len(caught.value.problems) == 1


def test_what_was_pushed_is_known_also_when_another_push_is_refused() -> None:
    """The report of a step that failed tells what is in the registry by now."""
    run = Run()
    run.engine.failures = {"x.io/web:v1": RegistryError("x.io refused web.")}
    with pytest.raises(RegistryError):
        run.push()
    assert {str(each.reference) for each in run.done} == {"x.io/api:v1", "x.io/web:extra"}


def test_a_digest_that_is_not_the_registry_s_is_an_error() -> None:
    """Somebody else pushed at the same time, or the engine is mistaken."""
    run = Run()
    run.engine.reports = {"x.io/web:v1": image("other").digest}
    with pytest.raises(RegistryError, match="somebody else pushed at the same time"):
        run.push()


def test_the_password_stays_with_its_registry() -> None:
    """An image of another registry is pushed without it."""
    seen: dict[str, str] = {}
    registry = FakeRegistry()

    def open_registry(host: str, credentials: Credentials) -> FakeRegistry:
        seen[host] = credentials.username
        return registry

    login = Credentials(username="me", password="hunter2")
    settings = ImageSettings(username=login.username, password=login.password, login_host="x.io")
    services = tuple(
        ComposeService(name=host, image=f"{host}/{name}", has_build=True)
        for host, name in (("x.io", "web"), ("y.io", "api"))
    )
    engine = FakeEngine(registry, images={"x.io/web": image("web"), "y.io/api": image("api")})
    push(
        plan_images(services, settings),
        settings,
        composer=FakeComposer(services),
        engine=engine,
        open_registry=open_registry,
        tell=lambda _: None,
        done=lambda _: None,
    )
    assert seen == {"x.io": "me", "y.io": ""}
    assert engine.users == {"me", ""}


@pytest.mark.parametrize("images", [("ghcr.io/web",), ("ghcr.io/web", "evil.example/web")])
def test_a_password_without_a_registry_pushes_nothing(images: tuple[str, ...]) -> None:
    """Files alone do not decide where it goes, neither to a registry nor to the engine."""
    run = Run(ImageSettings(username="me", password="hunter2"))
    run.composer.content = tuple(
        ComposeService(name=f"s{number}", image=name, has_build=True)
        for number, name in enumerate(images)
    )
    with pytest.raises(InputError, match="`registry`"):
        run.push()
    assert (run.engine.pushed, run.engine.users) == ([], set())


def test_reading_the_plan_tells_what_is_left_out() -> None:
    """Skipped services and dropped hosts are lines of the log."""
    told: list[str] = []
    composer = FakeComposer((WEB, ComposeService(name="db", image="postgres")))
    assert len(read_plan(SETTINGS, composer, told.append).images) == 1
    assert told == ["Service db is left out: postgres is not built here (no `build`)."]
