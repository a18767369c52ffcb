"""Build, push, release and deploy the example shop twice, from workflows, on real components."""

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from demo import image, runner, workspace
from demo.bed import ROOT, Bed, NoBed, find

NAMESPACE = "aks-action-demo"
PULL_SECRET = "registry"  # noqa: S105 - the name of a Secret
HOST = "shop.example"
BUILDER = re.compile(r"Step \d|\s*--->| ?Image |Removing inter|Successfully |Sending build|$")
FOLDER = ROOT / ".testbed/demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """One run: a repository, and a place of its own in the registry so that v1.0.0 is new."""

    bed: Bed
    folder: Path
    place: str

    def push(self) -> None:
        self._run("push.yml", "push", runner.push_event())

    def release(self, tag: str) -> None:
        self._run("release.yml", "release", runner.release_event(tag))

    def deploy(self, version: str) -> None:
        event = runner.dispatch_event(version=version, environment="production")
        self._run("deploy.yml", "workflow_dispatch", event)

    def go_back(self, version: str) -> None:
        event = runner.dispatch_event(to=version, environment="production")
        self._run("rollback.yml", "workflow_dispatch", event)

    def _run(self, workflow: str, event: str, payload: dict[str, object]) -> None:
        bed = self.bed
        finished = runner.run(
            bed,
            self.folder,
            workflow=workflow,
            event=event,
            payload=payload,
            secrets={
                "REGISTRY_PASSWORD": bed.password,
                "KUBECONFIG": Path(bed.kubeconfig).read_text(),
            },
            variables={
                "REGISTRY": self.place,
                "REGISTRY_USERNAME": bed.username,
                "NAMESPACE": NAMESPACE,
                "IMAGE_PULL_SECRET": PULL_SECRET if bed.password else "",
            },
            environment={"BASE": bed.busybox} if bed.busybox else {},
            show=show,
        )
        if finished.code:
            raise NoBed(f"the workflow {workflow} failed (act ended with {finished.code})")

    def answer(self, service: str = "web") -> str:
        """The page of a service, as a client of the cluster sees it."""
        address = self.bed.kubectl(
            *("get", "service", service, f"--namespace={NAMESPACE}"),
            "--output=jsonpath={.spec.clusterIP}",
        )
        if not self.bed.netns:
            path = f"/api/v1/namespaces/{NAMESPACE}/services/{service}:80/proxy/"
            say(f"  $ kubectl get --raw {path}")
            return self.bed.kubectl("get", "--raw", path)
        if service == "web":
            self._curl("--header", f"Host: {HOST}", f"{self.bed.gateway}/")
        return self._curl(f"http://{address}/")

    def starts(self) -> dict[str, str]:
        """What each service's pod template says, which is what makes it start new pods."""
        found = json.loads(
            self.bed.kubectl("get", "deployments", f"--namespace={NAMESPACE}", "--output=json")
        )
        return {
            each["metadata"]["name"]: json.dumps(each["spec"]["template"])
            for each in found["items"]
        }

    def _curl(self, *arguments: str) -> str:
        command = ["curl", "--silent", "--show-error", "--fail", "--noproxy", "*"]
        say(f"  $ curl {' '.join(arguments)}")
        patient = ("--retry", "10", "--retry-delay", "1", "--retry-all-errors")
        finished = subprocess.run(
            self.bed.inside([*command, *patient, "--max-time", "5", *arguments]),
            check=False, text=True, capture_output=True,
        )  # fmt: skip
        if finished.returncode:
            raise NoBed(f"no answer: {finished.stderr.strip()}")
        say(f"  {finished.stdout.strip()}")
        return finished.stdout


def main() -> int:
    started = time.monotonic()
    try:
        bed = find(os.environ)
        heading("The action's image, as a release would publish it")
        name = image.build(bed)
        say(f"  {name}")
        place = f"{bed.registry}/demo-{time.strftime('%Y%m%d-%H%M%S')}"
        demo = Demo(bed=bed, folder=workspace.make(FOLDER, name), place=place)
        heading(f"An empty namespace {NAMESPACE}")
        prepare_namespace(bed)
        tell(demo)
    except (NoBed, RuntimeError) as error:
        say(f"The demo ended early: {error}")
        return 1
    heading(f"Done in {time.monotonic() - started:.0f} s")
    say(f"  The shop still runs: kubectl get all --namespace {NAMESPACE}")
    say(f"  Its repository, with the workflows that ran, is {FOLDER.relative_to(ROOT)}")
    return 0


def tell(demo: Demo) -> None:
    first = tell_of_releases(demo)
    greeting = tell_of_configuration(demo)
    heading("Back to v1.0.0 (rollback.yml)")
    demo.go_back("v1.0.0")
    heading("What the shop and the greeter answer again")
    if (demo.answer(), demo.answer("greeter")) != (first, greeting):
        raise NoBed("the rollback did not bring back what v1.0.0 was")


def tell_of_releases(demo: Demo) -> str:
    """Returns what the shop answered at first."""
    heading("A push to master builds the images and pushes them as `latest` (push.yml)")
    demo.push()
    heading("Release v1.0.0 tags and deploys what was pushed (release.yml)")
    demo.release("v1.0.0")
    heading("What the shop answers")
    before = demo.answer()
    heading("One line changes: web/index.html")
    workspace.change(demo.folder, "web/index.html", "Hello from", "A warm welcome from")
    demo.push()
    heading("Release v1.0.1")
    demo.release("v1.0.1")
    heading("What the shop answers now")
    if demo.answer() == before:
        raise NoBed("the new release does not answer")
    return before


def tell_of_configuration(demo: Demo) -> str:
    """Returns what the greeter answered at first."""
    heading("Only configuration changes: k8s/configs/greeting.yml, which the greeter reads")
    greeting, templates = demo.answer("greeter"), demo.starts()
    workspace.change(demo.folder, "k8s/configs/greeting.yml", "Good morning", "Good evening")
    heading("v1.0.1 is deployed once more (deploy.yml)")
    demo.deploy("v1.0.1")
    heading("What the greeter answers, and who was restarted")
    now = demo.starts()
    restarted = [name for name, template in templates.items() if now[name] != template]
    if demo.answer("greeter") == greeting or restarted != ["greeter"]:
        raise NoBed(f"the new greeting is not there, or others were restarted: {restarted}")
    say(f"  {', '.join(restarted)}, and nothing else")
    return greeting


def prepare_namespace(bed: Bed) -> None:
    bed.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait", "--timeout=120s")
    bed.kubectl("create", "namespace", NAMESPACE)
    if bed.password:
        bed.pull_secret(NAMESPACE, PULL_SECRET)


def show(group: str, line: str) -> None:
    """A line of a step's log, without what the image builder says at length."""
    if not line:
        say(f"  ▸ {group}")
    elif not BUILDER.match(line):
        say(f"  │ {line}")


def heading(text: str) -> None:
    say(f"\n▶ {text}")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
