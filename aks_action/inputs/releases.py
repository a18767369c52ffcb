"""The inputs about a release: what is remembered of it, gone back to and pruned."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aks_action.inputs.reader import Reader
from aks_action.model.release_settings import GUARDED_KINDS, ReleaseSettings, RollbackScope
from aks_action.model.settings import Action
from aks_action.model.strategy_settings import StrategyAction

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?")
"""As long as Helm's, and without dots, which stand before the number in a record's name."""

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_KIND = re.compile(r"[A-Z][A-Za-z0-9]*(\.[a-z0-9]([-a-z0-9.]*[a-z0-9])?)?")
_SHORTEST_KEY = 32
"""Characters: 128 bits in hexadecimal digits."""


def release_settings(reader: Reader, actions: tuple[Action, ...]) -> ReleaseSettings:
    """What to remember; what is wrong with the inputs is left with the reader."""
    name = reader.text("release-name")
    if name and not _NAME.fullmatch(name):
        reader.wrong("release-name", "it has lower-case letters, digits and `-`, at most 53")
    if name:
        _refuse_where_nothing_is_kept(reader)
    prune = reader.flag("prune")
    if not name and prune:
        reader.missing("release-name", "`prune` deletes what the records of a release name")
    if not name and _goes_back(actions):
        reader.missing("release-name", "`rollback` goes back to a record of a release")
    return ReleaseSettings(
        name=name,
        to=reader.text("to"),
        prune=prune,
        prune_kinds=frozenset(_prune_kinds(reader)),
        scope=_scope(reader),
        keys=_keys(reader),
    )


def without_effect(reader: Reader, actions: tuple[Action, ...]) -> list[str]:
    """A note for each input of a release that was given and means nothing to the actions."""
    notes = []
    if reader.text("to") and not _goes_back(actions):
        notes.append("`to` is for `action: rollback`, so it has no effect.")
    if reader.text("prune-kinds") and reader.text("prune").lower() != "true":
        notes.append("`prune-kinds` is for `prune: true`, so it has no effect.")
    return notes


def _scope(reader: Reader) -> RollbackScope:
    words = reader.lines("rollback-scope", r",\n")
    special = {"cluster", "host"}
    kinds = frozenset(word for word in words if _KIND.fullmatch(word))
    namespaces = frozenset(word for word in words if _NAMESPACE.fullmatch(word)) - special
    for word in sorted({*words} - kinds - namespaces - special):
        reader.wrong(
            "rollback-scope",
            f"`{word}` is neither a namespace, nor a kind such as `ClusterRole` or "
            "`Certificate.cert-manager.io`, nor `cluster` or `host`",
        )
    return RollbackScope(
        namespaces=namespaces, kinds=kinds, cluster="cluster" in words, host="host" in words
    )


def _keys(reader: Reader) -> tuple[str, ...]:
    keys = reader.lines("record-key")
    if any(len(key) < _SHORTEST_KEY for key in keys):
        reader.wrong(
            "record-key",
            f"a key has at least {_SHORTEST_KEY} characters, each on a line of its own; "
            "`openssl rand -hex 32` makes one",
        )
    return keys


def _goes_back(actions: tuple[Action, ...]) -> bool:
    return any(each.of_strategy is StrategyAction.ROLLBACK for each in actions)


def _refuse_where_nothing_is_kept(reader: Reader) -> None:
    if reader.text("private-cluster").lower() == "true":
        reader.wrong("release-name", "records are not there for private clusters yet")
    if reader.text("resource-type").lower().endswith("/fleets"):
        reader.wrong("release-name", "records are not there for the hub of a fleet yet")


def _prune_kinds(reader: Reader) -> Iterator[str]:
    known = {kind.lower(): kind for kind in GUARDED_KINDS}
    for word in reader.lines("prune-kinds", r",\n"):
        kind = known.get(word.lower()) or known.get(word.lower().removesuffix("s"))
        if kind is None:
            kinds = ", ".join(sorted(GUARDED_KINDS))
            reader.wrong("prune-kinds", f"`{word}` is not one of {kinds}; other kinds always go")
        else:
            yield kind
