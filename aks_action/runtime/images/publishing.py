"""Images reach the registry: pushed from the engine, or given a release's tag."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aks_action.clients.image_ports import Composer, Engine, LocalImage, OpenRegistry, Tell
from aks_action.errors import ActionError, AuthError, Problem, RegistryError, raise_all
from aks_action.model.images.manifests import ImageManifest
from aks_action.model.images.plan import ImagePlan, ImagePush, plan_images
from aks_action.model.images.release_plan import ImageSettings, Published, PublishedHow
from aks_action.runtime.images.registries import Registries
from aks_action.runtime.parallel import each


def read_plan(settings: ImageSettings, composer: Composer, tell: Tell) -> ImagePlan:
    """The images of the compose files, by their names in the registry; says what is left out.

    Raises InputError.
    """
    plan = plan_images(composer.services(), settings)
    for line in (*map(str, plan.skipped), *plan.notes):
        tell(line)
    return plan


def push(
    plan: ImagePlan,
    settings: ImageSettings,
    *,
    composer: Composer,
    engine: Engine,
    open_registry: OpenRegistry,
    tell: Tell,
    done: Callable[[Published], None],
) -> tuple[Published, ...]:
    """Push every image that the registry does not have yet under its tag, several at once.

    done: hears of each image as soon as the registry has it, whatever becomes of the others.

    Answers in the plan's order, images before aliases, with digests as the registry has them.
    Raises RegistryError naming every image that is not on the engine, before the first push;
    after the pushes, one error with every image that was refused.
    """
    registries = Registries(plan, settings, open_registry)
    if settings.build and plan.built:
        tell(f"Building {', '.join(plan.built)}.")
        composer.build(plan.built, tell)
    pushes = (*plan.images, *plan.aliases)
    local = _on_the_engine(pushes, engine)

    def publish(push: ImagePush) -> Published | ActionError:
        try:
            published = _push_one(push, local[push.local], engine, registries, tell)
        except ActionError as error:
            return error
        done(published)
        return published

    results = each(publish, pushes)
    _raise_refusals(
        [
            (push, result)
            for push, result in zip(pushes, results, strict=True)
            if isinstance(result, ActionError)
        ]
    )
    return tuple(result for result in results if isinstance(result, Published))


def _raise_refusals(refused: Sequence[tuple[ImagePush, ActionError]]) -> None:
    """One error with every problem; what one wrong password does to all images is told once."""
    if not refused:
        return
    problems: dict[str, Problem] = {}
    for push, error in refused:
        for problem in error.problems:
            text = problem.message
            if isinstance(error, AuthError):
                for name in (str(push.target), push.target.repository):
                    text = text.replace(name, "…")
            problems.setdefault(text, problem)
    permission = all(isinstance(error, AuthError) for _, error in refused)
    kind = AuthError if permission else RegistryError
    raise kind(*problems.values())


def _on_the_engine(pushes: tuple[ImagePush, ...], engine: Engine) -> dict[str, LocalImage]:
    names = list(dict.fromkeys(push.local for push in pushes))
    found = dict(zip(names, each(engine.image, names), strict=True))
    raise_all(
        RegistryError,
        [
            Problem(
                message=f"{name} is not on the engine: build it before this step, or let "
                "`build: true` build it."
            )
            for name, image in found.items()
            if image is None
        ],
    )
    return {name: image for name, image in found.items() if image is not None}


def _push_one(
    push: ImagePush, local: LocalImage, engine: Engine, registries: Registries, tell: Tell
) -> Published:
    registry = registries.of(push.target)
    there = registry.manifest(push.target)
    if there is not None and _is_same(local, there):
        tell(f"{push.target} is there already: {there.digest}.")
        unchanged = PublishedHow.UNCHANGED
        return Published(reference=push.target, digest=there.digest, action=unchanged)
    tell(f"{push.target}: pushing {push.local}.")
    said = engine.push(push.local, push.target, registries.credentials(push.target), tell)
    digest = registry.digest(push.target)
    if digest != said:
        raise RegistryError(
            f"{push.target} was pushed as {said}, but the registry has "
            f"{digest or 'no such tag'}: somebody else pushed at the same time. Run it again."
        )
    tell(f"{push.target} is pushed: {digest}.")
    return Published(reference=push.target, digest=digest, action=PublishedHow.PUSHED)


def _is_same(local: LocalImage, there: ImageManifest) -> bool:
    """Whether the tag has this image's content already.

    The configuration names the digests of all layers, so equal configurations are equal images
    however the layers were packed. With containerd's image store the image's id is the digest
    of its manifest or index instead.
    """
    return there.digest in (local.id, *local.digests) or there.config == local.id
