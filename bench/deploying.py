"""Cases on the cluster: a first deploy, the same unchanged, many objects, and how cost grows."""

import itertools
import math
from collections.abc import Callable

from bench import documents, requests
from bench.contestants import Contestants
from bench.measure import Measured, alternate, median_wall
from bench.results import Bar, Result
from demo.bed import Bed

APPLICATIONS = 20
OBJECTS = 3 * APPLICATIONS
MANY = 1000
SIZES = (100, 1000, 5000)


class Namespaces:
    """Fresh namespaces that go away at the end."""

    def __init__(self, bed: Bed) -> None:
        self._bed = bed
        self._made: list[str] = []
        self._count = 0

    def fresh(self) -> str:
        self._count += 1
        name = f"aks-action-bench-{self._count}"
        self.delete(name)
        self._bed.ready_namespace(name)
        self._made.append(name)
        return name

    def with_pull_secret_in_use(self, image: str) -> str:
        """A fresh namespace with one pod that keeps the node's access to the pull secret alive.

        For a second after the first pod of a namespace came, the API server may refuse the secret
        to the node, and the kubelet then pulls without it and backs off for 10 s: noise of the
        cluster that would hit one contestant or the other by chance.
        """
        name = self.fresh()
        self._bed.kubectl("run", "pause", f"--namespace={name}", f"--image={image}",
                          "--restart=Always")  # fmt: skip
        self._bed.kubectl("wait", "pod/pause", f"--namespace={name}", "--for=condition=Ready",
                          "--timeout=60s")  # fmt: skip
        return name

    def delete(self, name: str) -> None:
        """And wait until it is gone, so that its end does not slow down what comes next."""
        self._bed.kubectl("delete", "namespace", name, "--ignore-not-found", "--timeout=300s")
        self._made = [made for made in self._made if made != name]

    def clear(self) -> None:
        for name in self._made:
            self._bed.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")


Deploy = Callable[[str], Measured]
"""Deploys the case's manifests into the namespace of this name."""


def first_and_unchanged(
    contestants: Contestants, namespaces: Namespaces, image: str
) -> list[Result]:
    """20 Deployments, Services and ConfigMaps until healthy, then the same again."""
    folder = documents.application(contestants.workspace / "apps", image, APPLICATIONS)
    tools = _deployers(contestants, folder.name, wait=True)
    for deploy in tools.values():  # images, caches and pages get warm
        _once(deploy, namespaces, image)
    fresh = {name: _in_fresh_namespace(deploy, namespaces, image) for name, deploy in tools.items()}
    first = alternate(fresh, rounds=5)
    seconds = {name: median_wall(runs) for name, runs in first.items()}
    kubectl = "kubectl apply + wait"
    results = [
        Result(
            case=f"{APPLICATIONS} Deployments + Services + ConfigMaps, first deploy",
            seconds=seconds,
            bars=(Bar(what=f"time ÷ {kubectl}", value=seconds["action"] / seconds[kubectl],
                      limit=1.05),),
        )
    ]  # fmt: skip
    results.append(_unchanged(contestants, namespaces, tools, image))
    return results


def _unchanged(
    contestants: Contestants, namespaces: Namespaces, tools: dict[str, Deploy], image: str
) -> Result:
    homes = {name: namespaces.with_pull_secret_in_use(image) for name in tools}
    for name, deploy in tools.items():
        deploy(homes[name])
    again = {name: _bound(deploy, homes[name]) for name, deploy in tools.items()}
    seconds = {name: median_wall(runs) for name, runs in alternate(again, rounds=5).items()}
    before = requests.counted(contestants.bed)
    again["action"]()
    asked = requests.between(before, requests.counted(contestants.bed))
    for home in homes.values():
        namespaces.delete(home)
    kubectl = "kubectl apply + wait"
    return Result(
        case="the same, unchanged",
        seconds=seconds,
        bars=(
            Bar(what=f"time ÷ {kubectl}", value=seconds["action"] / seconds[kubectl], limit=0.25),
            Bar(what="writes", value=requests.writes(asked), limit=0, unit=""),
            Bar(what="requests ÷ objects, besides LISTs",
                value=requests.besides_lists(asked) / OBJECTS, limit=1),
        ),
        notes=(f"requests of one run: {requests.shown(asked)}",),
    )  # fmt: skip


def many_unchanged(contestants: Contestants, namespaces: Namespaces) -> Result:
    """1,000 ConfigMaps that are there already, beside kubectl's own server-side apply."""
    folder = documents.config_maps(contestants.workspace / f"configs-{MANY}", MANY)
    tools = _deployers(contestants, folder.name, wait=False)
    homes = {name: namespaces.fresh() for name in tools}
    for name, deploy in tools.items():
        deploy(homes[name])
    again = {name: _bound(deploy, homes[name]) for name, deploy in tools.items()}
    seconds = {name: median_wall(runs) for name, runs in alternate(again, rounds=3).items()}
    for home in homes.values():
        namespaces.delete(home)
    kubectl = "kubectl apply --server-side"
    return Result(
        case=f"{MANY:,} ConfigMaps, unchanged",
        seconds=seconds,
        bars=(
            Bar(what=f"time ÷ {kubectl}", value=seconds["action"] / seconds[kubectl], limit=0.5),
        ),
    )


def scaling(contestants: Contestants, namespaces: Namespaces) -> Result:
    """How time and memory grow with the number of objects, first deploy and unchanged."""
    runs: dict[tuple[str, int], Measured] = {}
    for size in SIZES:
        folder = documents.config_maps(contestants.workspace / f"configs-{size}", size)
        deploy = _deployers(contestants, folder.name, wait=False)["action"]
        home = namespaces.fresh()
        runs["first", size] = deploy(home)
        runs["unchanged", size] = deploy(home)
        namespaces.delete(home)
    bars = []
    for what in ("first", "unchanged"):
        # CPU time is the action's own cost; wall time is also the API server's and the machine's.
        wall = [(size, runs[what, size].wall) for size in SIZES]
        cpu = [(size, runs[what, size].cpu) for size in SIZES]
        for kind, points in (("wall", wall), ("CPU", cpu)):
            figure = f"exponent of {kind} time, {what}"
            bars.append(Bar(what=figure, value=_steepest(points), limit=1.1, unit=""))
    memory = max(run.memory for run in runs.values())
    bars.append(Bar(what="peak memory", value=memory, limit=300, unit="MB"))
    sizes = ", ".join(f"{size:,}" for size in SIZES)
    seconds = {f"{what} {size}": run.wall for (what, size), run in runs.items()}
    return Result(case=f"{sizes} objects", seconds=seconds, bars=tuple(bars))


def _steepest(points: list[tuple[int, float]]) -> float:
    """The largest slope between neighbours on logarithmic axes: start-up cannot flatter it."""
    return max(
        math.log(later[1] / earlier[1]) / math.log(later[0] / earlier[0])
        for earlier, later in itertools.pairwise(points)
    )


def _deployers(contestants: Contestants, folder: str, *, wait: bool) -> dict[str, Deploy]:
    def action(namespace: str) -> Measured:
        return contestants.action({"namespace": namespace, "manifests": folder})

    def peer(namespace: str) -> Measured:
        inputs = {"action": "deploy", "strategy": "basic", "namespace": namespace,
                  "manifests": folder, "traffic-split-method": "pod", "timeout": "10m",
                  "skip-tls-verify": "false", "pull-images": "false",
                  "resource-type": "Microsoft.ContainerService/managedClusters"}  # fmt: skip
        return contestants.peer_action(inputs)

    def kubectl(options: str, then: str = "") -> Deploy:
        return lambda namespace: contestants.shell(
            f"kubectl apply {options} --namespace {namespace} --filename {folder}"
            + then.format(namespace=namespace)
        )

    tools: dict[str, Deploy] = {"action": action}
    if wait:
        ready = (
            " && kubectl wait deployment --all --for=condition=Available --timeout=300s"
            " --namespace {namespace}"
        )
        tools["kubectl apply + wait"] = kubectl("", ready)
    else:
        tools["kubectl apply --server-side"] = kubectl("--server-side")
    if contestants.peer:
        tools["PEER_ACTION"] = peer
    return tools


def _once(deploy: Deploy, namespaces: Namespaces, image: str) -> Measured:
    home = namespaces.with_pull_secret_in_use(image)
    try:
        return deploy(home)
    finally:
        namespaces.delete(home)


def _in_fresh_namespace(
    deploy: Deploy, namespaces: Namespaces, image: str
) -> Callable[[], Measured]:
    return lambda: _once(deploy, namespaces, image)


def _bound(deploy: Deploy, namespace: str) -> Callable[[], Measured]:
    return lambda: deploy(namespace)
