"""Which images of a compose file are published, and under which names.

The choice is that of `docker compose push`: services with both `build` and `image`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from aks_action.errors import InputError, Problem, raise_all
from aks_action.model import origins
from aks_action.model.images.references import ImageReference
from aks_action.model.images.registry_names import foreign_host, in_registry, parse_registry
from aks_action.model.images.release_plan import ImageSettings

ALL_SERVICES = ("all",)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposeService:
    """What a compose file says of one service, as far as images go.

    image: empty when the service has none.   tags: `build.tags`, further names of the image.
    """

    name: str
    image: str = ""
    has_build: bool = False
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePush:
    """One image: its name on the engine, its name in the registry, the services that run it.

    built: those of the services that Compose can build.
    """

    local: str
    target: ImageReference
    services: tuple[str, ...]
    built: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A service that is left out, and why."""

    service: str
    reason: str

    def __str__(self) -> str:
        return f"Service {self.service} is left out: {self.reason}."


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePlan:
    """What is pushed, in the compose file's order.

    images: one per service's `image` (what a release and a deploy are about).
    aliases: `build.tags`, which only a push carries along, under their own tags.
    """

    images: tuple[ImagePush, ...]
    aliases: tuple[ImagePush, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def targets(self) -> tuple[ImageReference, ...]:
        return tuple(image.target for image in self.images)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The registries that are asked or written to, in order."""
        return tuple(sorted({push.target.registry for push in (*self.images, *self.aliases)}))

    @property
    def built(self) -> tuple[str, ...]:
        """The services that a build has to build."""
        return tuple(dict.fromkeys(name for image in self.images for name in image.built))


def plan_images(services: Sequence[ComposeService], settings: ImageSettings) -> ImagePlan:
    """The images of the selected services under their names in the registry.

    Raises InputError with every problem: an unknown service, a name that is no reference, two
    images that would get one name, nothing to publish at all.
    """
    registry = parse_registry(settings.registry)
    chosen, skipped = _select(services, settings.services)
    problems: list[Problem] = []
    images: dict[ImageReference, ImagePush] = {}
    aliases: dict[ImageReference, ImagePush] = {}
    notes: list[str] = []
    for service in chosen:
        for index, text in enumerate(_names(service)):
            try:
                reference = ImageReference.parse(text)
                tag = reference.tag_or_latest if index else settings.tag
                target = in_registry(reference, registry).with_tag(tag)
            except ValueError as error:
                problems.append(Problem(message=f"Service {service.name}: {error}"))
                continue
            if foreign := foreign_host(reference, registry):
                notes.append(f"{text} goes to {target}: {foreign} is not the `registry`.")
            push = ImagePush(
                local=service.image,
                target=target,
                services=(service.name,),
                built=(service.name,) if service.has_build else (),
            )
            problems += _merge(aliases if index else images, push)
    raise_all(InputError, problems)
    return ImagePlan(
        images=tuple(images.values()),
        aliases=tuple(push for target, push in aliases.items() if target not in images),
        skipped=skipped,
        notes=tuple(dict.fromkeys(notes)),
    )


def _names(service: ComposeService) -> tuple[str, ...]:
    """The `image`, then the further names that a build gives it."""
    extra = service.tags if service.has_build else ()
    return (service.image, *(tag for tag in extra if tag != service.image))


def _select(
    services: Sequence[ComposeService], wanted: tuple[str, ...]
) -> tuple[list[ComposeService], tuple[Skipped, ...]]:
    names = [service.name for service in services]
    candidates = list(services)
    if wanted and wanted != ALL_SERVICES:
        if unknown := [name for name in dict.fromkeys(wanted) if name not in names]:
            raise InputError(
                f"`services` names {', '.join(unknown)}, which the compose file does not have. "
                f"It has: {', '.join(names) or 'no service at all'}."
            )
        candidates = [service for service in services if service.name in wanted]
    skipped = [
        Skipped(service=service.name, reason="it has no `image`")
        for service in candidates
        if not service.image
    ]
    chosen = [service for service in candidates if service.image]
    if not wanted and any(service.has_build for service in chosen):
        skipped += [
            Skipped(service=service.name, reason=f"{service.image} is not built here (no `build`)")
            for service in chosen
            if not service.has_build
        ]
        chosen = [service for service in chosen if service.has_build]
    if not chosen:
        raise InputError(
            "The compose file has no image to publish: give each service that is published an "
            f"`image`. Its services: {', '.join(names) or 'none'}."
        )
    return chosen, tuple(skipped)


def _merge(pushes: dict[ImageReference, ImagePush], push: ImagePush) -> list[Problem]:
    """Put a push beside the others; two services of one image are one push."""
    there = pushes.get(push.target)
    if there is None:
        pushes[push.target] = push
        return []
    if ImageReference.parse(there.local) != ImageReference.parse(push.local):
        return [
            Problem(
                message=f"{there.local} (service {there.services[0]}) and {push.local} (service "
                f"{push.services[0]}) would both be published as {push.target}: "
                "give one of them another name."
            )
        ]
    pushes[push.target] = replace(
        there,
        services=(*there.services, *push.services),
        built=(*there.built, *push.built),
    )
    return []


def host_of_credentials(plan: ImagePlan, settings: ImageSettings) -> str:
    """The one registry that is given the user name and the password; empty without them.

    Raises InputError where only files say whose they are, or lead to this machine: see `origins`.
    """
    if settings.login_host:
        return settings.login_host
    registry = parse_registry(settings.registry)[0]
    if not registry:
        origins.check_registries_of_files(plan.hosts, settings.named_hosts)
    if not settings.username:
        return ""
    return origins.registry_of_password(plan.hosts, registry=registry, named=settings.named_hosts)
