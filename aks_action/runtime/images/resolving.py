"""The digests that images have in the registry now, for a deploy that did not publish them."""

from __future__ import annotations

from aks_action.clients.image_ports import OpenRegistry
from aks_action.errors import Problem, RegistryError, raise_all
from aks_action.model.images.plan import ImagePlan
from aks_action.model.images.release_plan import ImageSettings
from aks_action.runtime.images.registries import Registries
from aks_action.runtime.parallel import each


def resolve(
    plan: ImagePlan, settings: ImageSettings, *, open_registry: OpenRegistry
) -> dict[str, str]:
    """Full reference → digest of every image of the plan, by one request each, all at once.

    Raises RegistryError naming every image that is not there: no pod could ever start with it,
    and so far nothing was written. AuthError where the registry refuses us.
    """
    registries = Registries(plan, settings, open_registry)
    digests = each(lambda target: registries.of(target).digest(target), plan.targets)
    found = dict(zip(plan.targets, digests, strict=True))
    raise_all(
        RegistryError,
        [
            Problem(
                message=f"{target} is not in the registry. Release it, or push it under this tag, "
                "before it is deployed."
            )
            for target, digest in found.items()
            if not digest
        ],
    )
    return {str(target): digest for target, digest in found.items()}
