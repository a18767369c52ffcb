"""Which images of a compose file are published, and under which names."""

from __future__ import annotations

from typing import Any

import pytest

from aks_action.errors import InputError
from aks_action.model.images.plan import ComposeService, ImagePlan, host_of_credentials, plan_images
from aks_action.model.images.release_plan import ImageSettings

WEB = ComposeService(name="web", image="shop/web:dev", has_build=True)
WORKER = ComposeService(name="worker", image="shop/worker", has_build=True)
DB = ComposeService(name="db", image="postgres:17")
LOCAL = ComposeService(name="local", has_build=True)
SHOP = (DB, LOCAL, WEB, WORKER)


def plan(*services: ComposeService, **settings: object) -> ImagePlan:
    values = {"registry": "x.io", "tag": "v1", **settings}
    return plan_images(services, ImageSettings(**values))  # type: ignore[arg-type]


def targets(*services: ComposeService, **settings: object) -> list[str]:
    return [str(target) for target in plan(*services, **settings).targets]


def test_the_default_is_what_compose_pushes() -> None:
    """Services with both build and image; the others are named with the reason."""
    chosen = plan(*SHOP)
    assert [str(target) for target in chosen.targets] == ["x.io/shop/web:v1", "x.io/shop/worker:v1"]
    assert [str(skipped) for skipped in chosen.skipped] == [
        "Service local is left out: it has no `image`.",
        "Service db is left out: postgres:17 is not built here (no `build`).",
    ]


def test_without_a_build_all_images_are_meant() -> None:
    """A compose file that only runs images publishes those."""
    web = ComposeService(name="web", image="web")
    assert targets(web, DB) == ["x.io/web:v1", "x.io/postgres:v1"]


def test_services_by_name_and_all() -> None:
    """`all` takes every image, a list takes its own in the file's order."""
    assert targets(*SHOP, services=("all",))[0] == "x.io/postgres:v1"
    assert targets(*SHOP, services=("worker", "db")) == ["x.io/postgres:v1", "x.io/shop/worker:v1"]
    assert plan(*SHOP, services=("web", "local")).skipped[0].service == "local"


def test_an_unknown_service_is_told_with_those_that_exist() -> None:
    """A typo is answered by the list it was meant to come from."""
    with pytest.raises(InputError, match=r"names wbe, .* It has: db, local, web, worker\."):
        plan(*SHOP, services=("wbe", "web"))


@pytest.mark.parametrize("services", [(), (LOCAL,)])
def test_nothing_to_publish_is_an_error(services: tuple[ComposeService, ...]) -> None:
    """An empty push would look like a success."""
    with pytest.raises(InputError, match="has no image to publish"):
        plan(*services)


@pytest.mark.parametrize(
    ("image", "registry", "target"),
    [
        ("web", "x.io", "x.io/web:v1"),
        ("web:dev", "x.io", "x.io/web:v1"),
        ("shop/web", "x.io/team", "x.io/team/shop/web:v1"),
        ("library/web", "x.io", "x.io/web:v1"),
        ("x.io/web:dev", "x.io", "x.io/web:v1"),
        ("x.io/team/web", "x.io/team", "x.io/team/web:v1"),
        ("x.io/team", "x.io/team", "x.io/team:v1"),
        ("x.io/teams/web", "x.io/team", "x.io/team/teams/web:v1"),
        ("x.io:5000/web", "x.io", "x.io/web:v1"),
        ("ghcr.io/shop/web:dev", "x.io", "x.io/shop/web:v1"),
        ("docker.io/shop/web", "x.io/", "x.io/shop/web:v1"),
        ("127.0.0.1:5000/web", "127.0.0.1:5000", "127.0.0.1:5000/web:v1"),
        ("web", "127.0.0.1:5000", "127.0.0.1:5000/web:v1"),
        ("web", "docker.io/shop", "shop/web:v1"),
        ("shop/web", "docker.io", "shop/web:v1"),
        ("shop/web", "docker.io/shop", "shop/web:v1"),
        ("web", "index.docker.io", "web:v1"),
        ("web", "", "web:v1"),
        ("ghcr.io/shop/web:dev", "", "ghcr.io/shop/web:v1"),
        ("web@sha256:" + "0" * 64, "x.io", "x.io/web:v1"),
    ],
)
def test_names_in_the_registry(image: str, registry: str, target: str) -> None:
    """registry/name:tag; what begins with the registry is not doubled, other hosts go."""
    web = ComposeService(name="web", image=image, has_build=True)
    assert targets(web, registry=registry) == [target]


def test_a_dropped_host_is_told() -> None:
    """An image that was meant for another registry is not renamed in silence."""
    web = ComposeService(name="web", image="ghcr.io/shop/web", has_build=True)
    assert plan(web).notes == (
        "ghcr.io/shop/web goes to x.io/shop/web:v1: ghcr.io is not the `registry`.",
    )


@pytest.mark.parametrize("registry", ["myacr", "x.io/Team", "x.io:port", "a b", "https://x.io"])
def test_what_is_no_registry(registry: str) -> None:
    """A short name would end up on Docker Hub: the whole host is asked for."""
    with pytest.raises(InputError, match="`registry`"):
        plan(WEB, registry=registry)


def test_one_image_of_two_services_is_one_push() -> None:
    """Both spellings of the same name count as one image."""
    web = ComposeService(name="web", image="app", has_build=True)
    worker = ComposeService(name="worker", image="docker.io/library/app")
    (push,) = plan(web, worker, services=("all",)).images
    assert (push.local, push.services, push.built) == ("app", ("web", "worker"), ("web",))


def test_two_images_of_one_name_are_refused() -> None:
    """The later push would replace the earlier one."""
    one = ComposeService(name="one", image="app:one", has_build=True)
    two = ComposeService(name="two", image="app:two", has_build=True)
    with pytest.raises(InputError, match=r"app:one \(service one\) and app:two \(service two\)"):
        plan(one, two)


def test_build_tags_keep_their_own_tag() -> None:
    """They are further names of the same image, pushed but not released."""
    web = ComposeService(
        name="web", image="web", has_build=True, tags=("web:sha-1", "other", "web", "web:v1")
    )
    chosen = plan(web)
    assert [str(target) for target in chosen.targets] == ["x.io/web:v1"]
    assert [(a.local, str(a.target)) for a in chosen.aliases] == [
        ("web", "x.io/web:sha-1"),
        ("web", "x.io/other:latest"),
    ]


def test_all_wrong_names_are_told_at_once() -> None:
    """Each with its service."""
    one = ComposeService(name="one", image="a/B", has_build=True)
    two = ComposeService(name="two", image="b:", has_build=True)
    with pytest.raises(InputError) as error:
        plan(one, two, WEB)
    assert [p.message.split(":")[0] for p in error.value.problems] == ["Service one", "Service two"]


GHCR = ComposeService(name="a", image="ghcr.io/a", has_build=True)
TWO_HOSTS = ComposeService(name="c", image="ghcr.io/c", has_build=True, tags=("evil.example/c:1",))


def login(*services: ComposeService, **settings: Any) -> str:
    """The host that the user name and the password are for."""
    chosen = ImageSettings(**{"username": "me", **settings})
    return host_of_credentials(plan_images(services, chosen), chosen)


def test_the_password_goes_to_the_registry_that_an_input_names() -> None:
    """By `registry`, or by `images`; whatever else the files name."""
    quay = ComposeService(name="b", image="quay.io/b", has_build=True)
    assert login(GHCR, quay, registry="x.io:5000/team") == "x.io:5000"
    assert login(TWO_HOSTS, registry="registry-1.docker.io") == "docker.io"
    assert login(GHCR, named_hosts=frozenset({"ghcr.io"})) == "ghcr.io"
    assert login(GHCR, quay, username="") == ""


@pytest.mark.parametrize(
    ("service", "told"),
    [
        (GHCR, r"Only the compose file .* ghcr\.io"),
        (ComposeService(name="d", image="user/app"), r"Only the compose file .* docker\.io"),
        (TWO_HOSTS, r"go to evil\.example and ghcr\.io"),
    ],
)
def test_the_password_goes_nowhere_when_only_files_name_the_host(
    service: ComposeService, told: str
) -> None:
    """Also by `build.tags`; Docker Hub is a host like any other."""
    with pytest.raises(InputError, match=told):
        login(service, named_hosts=frozenset({"quay.io"}))


def test_files_alone_lead_no_request_to_this_machine() -> None:
    here = ComposeService(name="e", image="127.0.0.1:5000/app")
    with pytest.raises(InputError, match=r"this machine itself.*`registry`"):
        login(here, username="")
    assert login(here, username="", registry="127.0.0.1:5000") == ""


def test_the_password_is_not_in_the_settings_text() -> None:
    """A record that is logged shows no secret."""
    assert "hunter2" not in repr(ImageSettings(password="hunter2"))
