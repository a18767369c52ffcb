"""Release and deploy by one step that signs in to Azure, from a workflow, against stand-ins of it.

The registry, the cluster, its RBAC and its pods are real; Entra, the resource manager and the door
of the registry are played by `tests/standins`, which the test bed runs.
"""

import base64
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import urllib3

from demo import image, runner, workspace
from demo.__main__ import heading, say, show
from demo.bed import ROOT, Bed, NoBed, find
from testbed import azure

NAMESPACE = "aks-action-demo-azure"
FOLDER = ROOT / ".testbed/demo-azure"
REGISTRY = "shop.azurecr.io"
SUBSCRIPTION = "22222222-2222-4222-8222-222222222222"
WORKFLOW = f"""\
on:
  release:
    types: [published]
permissions:
  contents: read
jobs:
  release:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2
      - uses: your-org/aks_action@v1
        with:
          action: release, deploy
          creds: ${{{{ secrets.AZURE_CREDENTIALS }}}}
          cluster-name: shop
          resource-group: shop-rg
          registry: ${{{{ vars.REGISTRY }}}}
          compose-file: compose.yml
          namespace: {NAMESPACE}
          manifests: k8s
"""
MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: web
          readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}
"""


def main() -> int:
    started = time.monotonic()
    try:
        bed = find(os.environ)
        state = Path(os.environ.get("TESTBED_STATE") or _state())
        heading("The action's image, as a release would publish it")
        name = image.build(bed)
        say(f"  {name}")
        place = f"demo-{time.strftime('%Y%m%d-%H%M%S')}"
        heading(f"An image `latest` in {REGISTRY}, and a namespace that the identity may deploy to")
        Registry(state).take_in(bed, f"{place}/web")
        allow(bed)
        heading("Release v1.0.0: one step signs in by `creds`, tags in ACR and deploys to AKS")
        release(bed, state, name, place)
        heading("What the cluster runs now")
        found = bed.kubectl("get", "deployment", "web", f"--namespace={NAMESPACE}", "--output=wide")
        say("  " + found.strip().replace("\n", "\n  "))
    except (NoBed, RuntimeError) as error:
        say(f"The demo ended early: {error}")
        return 1
    heading(f"Done in {time.monotonic() - started:.0f} s")
    return 0


def release(bed: Bed, state: Path, name: str, place: str) -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    workspace.add_workflow(FOLDER, "release.yml", WORKFLOW)
    workspace.add_action(FOLDER, name)
    (FOLDER / "compose.yml").write_text("services:\n  web: {image: web, build: .}\n")
    (FOLDER / "k8s").mkdir()
    (FOLDER / "k8s/web.yml").write_text(MANIFEST)
    # As a runner behind a company's proxy: its certificate comes with the job, by a name that
    # every step's container finds in its working folder.
    (FOLDER / "azure-ca.pem").write_bytes((state / "azure/ca.pem").read_bytes())
    workspace.git(FOLDER, "init", "--quiet", "--initial-branch=master")
    workspace.commit(FOLDER, "The shop")
    finished = runner.run(
        bed,
        FOLDER,
        workflow="release.yml",
        event="release",
        payload=runner.release_event("v1.0.0"),
        secrets={"AZURE_CREDENTIALS": creds()},
        variables={"REGISTRY": f"{REGISTRY}/{place}"},
        environment={
            "HTTPS_PROXY": azure.PROXY,
            "NO_PROXY": "127.0.0.1,localhost",
            "SSL_CERT_FILE": "azure-ca.pem",
        },
        show=show,
    )
    if finished.code:
        raise NoBed(f"the workflow failed (act ended with {finished.code})")
    if azure.SECRET in finished.text:
        raise NoBed("the secret is in the log")


def creds() -> str:
    """As `az ad sp create-for-rbac --json-auth` prints it."""
    return json.dumps(
        {
            "clientId": azure.CLIENT,
            "clientSecret": azure.SECRET,
            "subscriptionId": SUBSCRIPTION,
            "tenantId": azure.TENANT,
            "resourceManagerEndpointUrl": "https://management.azure.com/",
        }
    )


def allow(bed: Bed) -> None:
    """What `az role assignment create` and `kubectl create rolebinding` do once."""
    bed.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=120s")
    bed.kubectl("create", "namespace", NAMESPACE)
    who = ("--clusterrole=admin", f"--user={azure.OBJECT}", f"--namespace={NAMESPACE}")
    bed.kubectl("create", "rolebinding", "deployer", *who)


class Registry:
    """The container registry of Azure, for one who signs in as the workflow does."""

    def __init__(self, state: Path) -> None:
        authority = str(state / "azure/ca.pem")
        self._pool = urllib3.ProxyManager(azure.PROXY, ca_certs=authority)

    def take_in(self, bed: Bed, name: str) -> None:
        """Copy the test bed's small server into it, as `name`:latest."""
        source, repository = bed.publish(bed.server, "demo/server:1").rpartition(":")[0], name
        host, _, path = source.partition("/")
        login = base64.b64encode(f"{bed.username}:{bed.password}".encode()).decode()
        headers = {"Authorization": f"Basic {login}"}
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        with urllib3.PoolManager() as pool:

            def read(what: str) -> bytes:
                url = f"http://{host}/v2/{path}/{what}"
                return _fine(pool.request("GET", url, headers={**headers, "Accept": kind})).data

            manifest = read("manifests/1")
            document = json.loads(manifest)
            token = self._token(repository)
            for each in (document["config"], *document["layers"]):
                self._blob(repository, each["digest"], read(f"blobs/{each['digest']}"), token)
        put = {"Authorization": f"Bearer {token}", "Content-Type": kind}
        url = f"https://{REGISTRY}/v2/{repository}/manifests/latest"
        _fine(self._pool.request("PUT", url, body=manifest, headers=put))
        say(f"  {REGISTRY}/{repository}:latest")

    def _blob(self, name: str, digest: str, content: bytes, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        url = f"https://{REGISTRY}/v2/{name}/blobs/uploads/"
        place = _fine(self._pool.request("POST", url, headers=headers)).headers["location"]
        url = f"{place}{'&' if '?' in place else '?'}digest={digest}"
        octets = {**headers, "Content-Type": "application/octet-stream"}
        _fine(self._pool.request("PUT", url, body=content, headers=octets))

    def _token(self, name: str) -> str:
        """As `az acr login` does: a token of Entra, exchanged for one of the registry."""
        fields = {
            "grant_type": "client_credentials",
            "client_id": azure.CLIENT,
            "client_secret": azure.SECRET,
            "scope": "https://management.azure.com/.default",
        }
        url = f"https://login.microsoftonline.com/{azure.TENANT}/oauth2/v2.0/token"
        entra = self._post(url, fields)["access_token"]
        form = {"grant_type": "access_token", "service": REGISTRY, "access_token": entra}
        refresh = self._post(f"https://{REGISTRY}/oauth2/exchange", form)["refresh_token"]
        scope = f"repository:{name}:pull,push"
        form = {"grant_type": "refresh_token", "service": REGISTRY, "refresh_token": refresh}
        access = self._post(f"https://{REGISTRY}/oauth2/token", {**form, "scope": scope})
        return str(access["access_token"])

    def _post(self, url: str, fields: dict[str, str]) -> Any:
        sent = self._pool.request("POST", url, fields=fields, encode_multipart=False)
        return json.loads(_fine(sent).data)


def _fine(answer: urllib3.BaseHTTPResponse) -> urllib3.BaseHTTPResponse:
    if answer.status >= 300:
        raise NoBed(f"the registry answered {answer.status}: {answer.data[:300]!r}")
    return answer


def _state() -> str:
    from demo.bed import ENVIRONMENT_FILE, read_environment_file  # noqa: PLC0415

    found = read_environment_file(ENVIRONMENT_FILE).get("TESTBED_STATE")
    if not found:
        raise NoBed("The stand-ins of Azure are a part of the test bed: run `make testbed`.")
    return found


if __name__ == "__main__":
    raise SystemExit(main())
