"""What a run command does, as lines of `sh`: only kubectl and jq, only names of our own in it.

Whatever comes from a manifest is in a file beside the script or in single quotes; a name of
Kubernetes has no quote in it, and `quoted` sees to that.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aks_action.model.manifests import ObjectRef
from aks_action.model.resources import ResourceType

AT_ONCE = 4
"""Commands side by side: the pod has half a CPU."""

_READ = """\
read_all() {  # name, file of the discovery, kind, namespace, names as JSON or null
  # A single name is read by GET, which a role may allow where it allows no LIST.
  plural=$(jq -r --arg k "$3" '[.resources[]? | select(.kind == $k)
    | select(.name | contains("/") | not) | "\\(.namespaced) \\(.name)"] | first // ""' \\
    "$2.out" 2>/dev/null)
  if [ -z "$plural" ]; then
    echo '{"items":[]}' >"$1.out"; : >"$1.err"; echo 0 >"$1.code"
    return
  fi
  root=$(jq -r '.groupVersion | if contains("/") then "/apis/" + . else "/api/" + . end' "$2.out")
  case $plural in
    true*) path="$root/namespaces/$4/${plural#true }" ;;
    *) path="$root/${plural#false }" ;;
  esac
  one=$(printf %s "$5" | jq -r 'if type == "array" and length == 1 then "/" + .[0] else "" end')
  kubectl get --raw "$path$one" >"$1.all" 2>"$1.err" </dev/null
  echo $? >"$1.code"
  if [ -n "$one" ] && grep -q '(NotFound)' "$1.err"; then echo 0 >"$1.code"; fi
  jq -c --argjson names "$5" '{metadata: {resourceVersion: .metadata.resourceVersion},
    items: [(if has("items") then .items[]? else . end)
      | select($names == null or (.metadata.name as $m | $names | index($m)))
      | select((.involvedObject == null) or (.type == "Warning"))
      | if $names == null then del(.metadata.managedFields) else . end]}' \\
    "$1.all" >"$1.out" 2>/dev/null
  rm -f "$1.all"
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Objects of a kind to read. `names`: only these; None: all."""

    api_version: str
    kind: str
    namespace: str
    names: tuple[str, ...] | None


def quoted(text: str) -> str:
    """A word for the shell."""
    return shlex.quote(text)


def side_by_side(lines: Iterable[str]) -> str:
    """Commands that run at the same time, a few at once."""
    script = []
    for number, line in enumerate(lines, start=1):
        script.append(f"{line} &")
        if number % AT_ONCE == 0:
            script.append("wait")
    return "\n".join((*script, "wait", ""))


def discover(api_versions: Sequence[str]) -> str:
    """Discovery of each API version, as `d0`, `d1`, …"""
    return side_by_side(
        f"ask d{number} kubectl get --raw "
        + quoted(f"{'/apis' if '/' in version else '/api'}/{version}")
        for number, version in enumerate(api_versions)
    )


def read(reads: Sequence[Read], api_versions: Sequence[str], prefix: str = "r") -> str:
    """LISTs by what was discovered, as `r0`, `r1`, …"""
    return _READ + side_by_side(
        f"read_all {prefix}{number} d{api_versions.index(each.api_version)} "
        f"{quoted(each.kind)} {quoted(each.namespace)} {quoted(json.dumps(each.names))}"
        for number, each in enumerate(reads)
    )


def apply(name: str, file: str, *, dry_run: bool = False, create: bool = False) -> str:
    """Server-side apply of a file, as the API is asked elsewhere."""
    how = (
        "create --field-manager=aks-action"
        if create
        else "apply --server-side --force-conflicts --field-manager=aks-action"
    )
    dry = " --dry-run=server" if dry_run else ""
    return (
        f"ask {name} kubectl {how} --validate=strict{dry} -o json --show-managed-fields -f {file}"
    )


def resource(ref: ObjectRef, kind: ResourceType) -> str:
    """The object for kubectl: `deployments.v1.apps/shop -n shop`."""
    group, _, version = ref.api_version.rpartition("/")
    plural = f"{kind.plural}.{version}.{group}" if group else kind.plural
    where = f" -n {quoted(ref.namespace)}" if ref.namespace else ""
    return f"{quoted(f'{plural}/{ref.name}')}{where}"


def wait_for(ref: ObjectRef, kind: ResourceType, *, load_balancer: bool) -> str:
    """The command that ends when an object is settled or `$left` is over; empty for none.

    Only how long is decided here: whether it is healthy is told by the rules of `model.health`.
    """
    named = resource(ref, kind)
    over = '--timeout="${left}s"'
    match ref.group_kind:
        case "Deployment.apps" | "StatefulSet.apps" | "DaemonSet.apps":
            return f"kubectl rollout status {named} {over}"
        case "Job.batch":
            return (
                f"kubectl wait {named} --for=condition=complete {over} & a=$!; "
                f"kubectl wait {named} --for=condition=failed {over} & b=$!; "
                "while kill -0 $a && kill -0 $b; do sleep 1; done; kill $a $b; true"
            )
        case "CustomResourceDefinition.apiextensions.k8s.io":
            return f"kubectl wait {named} --for=condition=established {over}"
        case "Pod":
            return f"kubectl wait {named} --for=condition=Ready {over}"
        case "Service" if load_balancer:
            address = "{.status.loadBalancer.ingress}"
            return (
                f'until [ -n "$(kubectl get {named} -o jsonpath={address})" ] || '
                "[ $left -le 0 ]; do sleep 5; left=$((left-5)); done"
            )
    return ""


LOGS = """\
jq -r '.items[]? | . as $p | .status.containerStatuses[]? | select(.ready == false)
  | "\\($p.metadata.namespace) \\($p.metadata.name) \\(.name) \\(.restartCount)"' \\
  s*.out 2>/dev/null |
head -n 5 | while read -r space pod container restarts; do
  ask "log:$space:$pod:$container" kubectl logs -n "$space" "$pod" -c "$container" --tail=25
  [ "$restarts" -gt 0 ] && ask "old:$space:$pod:$container" \
    kubectl logs -n "$space" "$pod" -c "$container" --tail=25 --previous
done
"""
"""The ends of the logs of the first containers that are not ready."""
