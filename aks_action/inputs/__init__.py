"""The step's inputs, read into settings. Every problem is found before any is told."""

from __future__ import annotations

import re
from collections.abc import Mapping

from aks_action.errors import InputError, Problem, raise_all
from aks_action.inputs import azure
from aks_action.inputs.configuration import config_settings
from aks_action.inputs.defaults import DEFAULTS
from aks_action.inputs.reader import SECRETS, Reader
from aks_action.inputs.releases import release_settings, without_effect
from aks_action.inputs.strategy import strategy_settings, unused
from aks_action.inputs.volumes import recreated_claims
from aks_action.model import children, durations
from aks_action.model.azure import ResourceKind
from aks_action.model.images.references import ImageReference, is_registry
from aks_action.model.images.release_plan import ImageSettings
from aks_action.model.masking import masks
from aks_action.model.provenance import RunContext
from aks_action.model.settings import Action, ClusterSettings, DeploySettings, Settings
from aks_action.model.strategy_settings import Strategy
from aks_action.model.versions import release_type

__all__ = ["DEFAULTS", "SECRETS", "parse", "secrets", "unmasked"]

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
"""A tag by the OCI distribution specification."""

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
"""A DNS label (RFC 1123), which the name of a namespace has to be."""


_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_LONGEST_NAME = 253
"""A DNS subdomain (RFC 1123), which the names of most objects have to be."""


def secrets(values: Mapping[str, str]) -> tuple[str, ...]:
    """What of the inputs must never be seen, whatever else is wrong with them."""
    whole = (values.get(name, "") for name in SECRETS if name != "creds")
    return (*whole, *azure.secrets(values.get("creds", "")))


def unmasked(values: Mapping[str, str]) -> tuple[str, ...]:
    """Inputs that are secrets, and that no mask can hide without damage; see `masking`."""
    return tuple(
        name
        for name in SECRETS
        if name != "creds" and values.get(name, "").strip() and not masks(values[name])
    )


def parse(values: Mapping[str, str], run: RunContext, *, git_tag: str = "") -> Settings:
    """Settings of `values` (input name → text; absent and empty mean the default).

    run:     the workflow run, for annotations.
    git_tag: the name of the tag that was pushed or released; empty when it was no tag.
    Raises InputError with every problem at once.
    """
    reader = Reader(values)
    actions = _actions(reader)
    tag = _tag(reader, git_tag)
    deploy = _deploy(reader, actions)
    settings = Settings(
        actions=actions,
        images=_images(reader, actions, tag),
        cluster=ClusterSettings(
            kubeconfig=reader.text("kubeconfig"),
            context=reader.text("context"),
            skip_tls_verify=reader.flag("skip-tls-verify"),
            is_hub=azure.resource_kind(reader) is ResourceKind.FLEET,
        ),
        deploy=deploy,
        azure=azure.parse(reader),
        run=run,
        version=tag,
        release_type=release_type(tag),
        notes=tuple(_notes(reader, deploy.strategy.strategy, actions)),
    )
    raise_all(InputError, reader.problems)
    return settings


def _actions(reader: Reader) -> tuple[Action, ...]:
    known = ", ".join(Action)
    actions: list[Action] = []
    for word in reader.lines("action", r",\n"):
        try:
            action = Action(word.lower())
        except ValueError:
            reader.wrong("action", f"`{word}` is not one of {known}")
            continue
        if action in actions:
            reader.wrong("action", f"`{word}` is there twice")
        actions.append(action)
    if not reader.lines("action", r",\n"):
        reader.wrong("action", f"it names no action; there are {known}")
    return tuple(actions)


def _tag(reader: Reader, git_tag: str) -> str:
    tag = reader.text("tag") or git_tag or "latest"
    if not _TAG.fullmatch(tag):
        where = f"Input `tag`: {tag!r}" if reader.text("tag") else f"The git tag {git_tag!r}"
        reader.problems.append(
            Problem(
                message=f"{where} cannot tag an image: only letters, digits, `_`, `.` and `-` are "
                "allowed, 128 at most. Give another one as `tag`."
            )
        )
    return tag


def _images(reader: Reader, actions: tuple[Action, ...], tag: str) -> ImageSettings:
    registry = reader.text("registry").removesuffix("/")
    if re.match(r"[a-z]+://", registry, re.IGNORECASE):
        reader.wrong("registry", "give the host alone, without `https://`")
    username, password = reader.text("registry-username"), reader.text("registry-password")
    if password and not username:
        reader.missing("registry-username", "a password came without it")
    if username and not password:
        reader.missing("registry-password", "a user name came without it")
    source_tag = reader.text("source-tag")
    if not _TAG.fullmatch(source_tag.rpartition(":")[2]):
        reader.wrong("source-tag", "it does not end with the tag of an image")
    if Action.RELEASE in actions and tag == source_tag:
        reader.missing(
            "tag",
            f"`release` would tag `{source_tag}` as itself. Run it on a git tag, or give a version",
        )
    services = reader.lines("services", r",\s")
    if "all" in services and len(services) > 1:
        reader.wrong("services", "`all` goes without names")
    return ImageSettings(
        compose_files=reader.lines("compose-file", r",\n"),
        compose_env=_compose_env(reader),
        registry=registry,
        named_hosts=_named_hosts(reader),
        token_server=_token_server(reader),
        username=username,
        password=password,
        tag=tag,
        source_tag=source_tag,
        build=reader.flag("build"),
        services=services,
    )


def _compose_env(reader: Reader) -> tuple[str, ...]:
    """Names; nothing else is ever quoted, since who misreads the input writes a value here."""
    names = reader.lines("compose-env", r",\s")
    for position, name in enumerate(names, start=1):
        if not children.NAME.fullmatch(name):
            reader.problem(
                f"Input `compose-env`: item {position} is not the name of a variable. It takes "
                "names alone; the values stand in the step's `env`."
            )
        elif children.is_never_passed(name):
            reader.problem(
                f"Input `compose-env`: {name} is never passed. Whoever has the runner's tokens or "
                "this action's inputs acts as this job."
            )
    return names


def _named_hosts(reader: Reader) -> frozenset[str]:
    """The registries that the input `images` names."""
    items = (item.rpartition("=")[2] for item in reader.lines("images", r",\n"))
    return frozenset(image.registry for image in map(ImageReference.try_parse, items) if image)


def _token_server(reader: Reader) -> str:
    host = reader.text("registry-token-server")
    if not host:
        return ""
    if not is_registry(host):
        reader.wrong("registry-token-server", "give the host alone, such as `gitlab.example.com`")
        return ""
    if not reader.text("registry"):
        reader.missing("registry", "`registry-token-server` goes with it")
    return host


def _deploy(reader: Reader, actions: tuple[Action, ...]) -> DeploySettings:
    manifests = reader.lines("manifests", r"\n,;")
    if not manifests and any(action.needs_manifests for action in actions):
        reader.missing("manifests", "name the files or folders to deploy")
    namespace = reader.text("namespace")
    if namespace and not _NAMESPACE.fullmatch(namespace):
        reader.wrong("namespace", "a namespace has lower-case letters, digits and `-`, at most 63")
    images = reader.lines("images", r",\n")
    pull_secrets = reader.lines("imagepullsecrets", r",\n")
    for name in pull_secrets:
        if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
            reader.wrong("imagepullsecrets", f"`{name}` cannot be the name of a Secret")
    return DeploySettings(
        manifests=manifests,
        namespace=namespace,
        images=images,
        images_from_compose=bool(reader.text("compose-file")) and not images,
        image_pull_secrets=pull_secrets,
        pull_secret=_pull_secret(reader),
        strategy=strategy_settings(reader, actions),
        configuration=config_settings(reader),
        release=release_settings(reader, actions),
        recreated_claims=recreated_claims(reader),
        timeout_seconds=reader.parsed("timeout", durations.parse, 600.0),
        lock_seconds=reader.parsed("lock-timeout", _or_zero, 300.0),
        rollback_on_failure=reader.flag("rollback-on-failure"),
        force=reader.flag("force"),
        annotate_resources=reader.flag("annotate-resources"),
        annotate_namespace=reader.flag("annotate-namespace"),
        token=reader.text("token"),
    )


def _or_zero(text: str) -> float:
    return 0.0 if text == "0" else durations.parse(text)


def _pull_secret(reader: Reader) -> str:
    name = reader.text("pull-secret-name")
    if not name:
        return ""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        reader.wrong("pull-secret-name", "a Secret has lower-case letters, digits, `-` and `.`")
    if not reader.text("registry"):
        reader.missing("registry", "`pull-secret-name` makes a secret for it")
    if not (reader.text("registry-username") and reader.text("registry-password")):
        reader.wrong(
            "pull-secret-name",
            "nodes pull for months, and a token of Azure ends within hours. Give "
            "`registry-username` and `registry-password`, or attach the registry to the cluster: "
            "`az aks update --attach-acr`",
        )
    return name


def _notes(reader: Reader, strategy: Strategy, actions: tuple[Action, ...]) -> list[str]:
    reader.flag("server-side")  # any value is fine as long as it is a boolean
    notes = []
    if reader.flag("pull-images") and reader.text("images"):
        notes.append("`pull-images`: nothing is pulled; no step of a deploy needs the image here.")
    return notes + unused(reader, strategy) + without_effect(reader, actions)
