"""Canary and blue-green: a new version of ten services, deployed and promoted."""

from collections.abc import Callable, Mapping

from bench import documents, requests
from bench.contestants import Contestants
from bench.deploying import Namespaces
from bench.measure import Measured
from bench.results import Bar, Result

SERVICES = 10
INPUTS: Mapping[str, Mapping[str, str]] = {
    "canary": {"traffic-split-method": "pod", "percentage": "50"},
    "blue-green": {"route-method": "service"},
}
# What the peer's own action.yml has as defaults, which the runner would add.
PEERS_DEFAULTS = {
    "traffic-split-method": "pod",
    "timeout": "10m",
    "skip-tls-verify": "false",
    "pull-images": "false",
    "resource-type": "Microsoft.ContainerService/managedClusters",
}

Act = Callable[[dict[str, str]], Measured]


def deploy_and_promote(
    contestants: Contestants, namespaces: Namespaces, images: tuple[str, str]
) -> list[Result]:
    """Both strategies, from an app that `basic` deployed. images: the old and the new version."""
    for name, image in zip(("old", "new"), images, strict=True):
        documents.application(contestants.workspace / name, image, SERVICES)
    acts: dict[str, Act] = {"action": contestants.action}
    if contestants.peer:
        acts["PEER_ACTION"] = lambda inputs: contestants.peer_action({**PEERS_DEFAULTS, **inputs})
    return [_measured(strategy, acts, contestants, namespaces, images[0]) for strategy in INPUTS]


def _measured(
    strategy: str,
    acts: Mapping[str, Act],
    contestants: Contestants,
    namespaces: Namespaces,
    image: str,
) -> Result:
    """One run each: the time is that of the pods for the most part, the requests are exact."""
    seconds: dict[str, float] = {}
    notes: list[str] = []
    for name, act in acts.items():
        home = namespaces.with_pull_secret_in_use(image)
        contestants.action({"namespace": home, "manifests": "old"})
        before = requests.counted(contestants.bed)
        given = {"namespace": home, "manifests": "new", "strategy": strategy, **INPUTS[strategy]}
        seconds[name] = sum(act({"action": each, **given}).wall for each in ("deploy", "promote"))
        asked = requests.between(before, requests.counted(contestants.bed))
        notes.append(f"{name}: {asked.total()} API requests: {requests.shown(asked)}")
        namespaces.delete(home)
    bars: tuple[Bar, ...] = ()
    if "PEER_ACTION" in seconds:
        ratio = seconds["action"] / seconds["PEER_ACTION"]
        bars = (Bar(what="time ÷ PEER_ACTION, start of pods included", value=ratio, limit=0.3),)
    case = f"{SERVICES} services, {strategy}, deploy + promote"
    return Result(case=case, seconds=seconds, bars=bars, notes=tuple(notes))
