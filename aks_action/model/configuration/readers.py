"""Who reads which ConfigMap or Secret, by the pod specs of an object."""

from __future__ import annotations

from collections.abc import Mapping

from aks_action.model.documents import get_in
from aks_action.model.manifests import Document, ObjectRef, ref_of
from aks_action.model.pod_specs import pod_spec_paths
from aks_action.model.references import Reference, references

CONFIG_KINDS = ("ConfigMap", "Secret")

_CONTENT = ("data", "binaryData")
_PULL_SECRETS = "imagePullSecrets"


def is_configuration(document: Document) -> bool:
    """Whether a document is a ConfigMap or a Secret."""
    return document.get("apiVersion") == "v1" and document.get("kind") in CONFIG_KINDS


def content(document: Document) -> Mapping[str, Mapping[str, str]]:
    """What the readers of a ConfigMap or Secret can see of it; empty parts are left out."""
    return {key: dict(document[key]) for key in _CONTENT if document.get(key)}


def is_content(path: str) -> bool:
    """Whether a `FieldChange.path` lies in what readers can see."""
    return any(path == part or path.startswith((f"{part}.", f"{part}[")) for part in _CONTENT)


def reads(document: Document) -> dict[ObjectRef, bool]:
    """Every ConfigMap and Secret that the pods of an object read, and whether they can do without.

    True where all of the references are `optional`. Pull secrets do not count: the kubelet reads
    them anew at each pull.
    """
    found: dict[ObjectRef, bool] = {}
    specs = tuple(pod_spec_paths(document))
    for each in references(document):
        spec = next((path for path in specs if each.path[: len(path)] == path), None)
        if spec is None or not names_configuration(each) or each.path[len(spec)] == _PULL_SECRETS:
            continue
        ref = config_ref(each)
        found[ref] = each.optional and found.get(ref, True)
    return found


def names_configuration(reference: Reference) -> bool:
    return reference.kind in CONFIG_KINDS and reference.group in ("", None)


def config_ref(reference: Reference) -> ObjectRef:
    """The identity of the ConfigMap or Secret that a reference names."""
    return ObjectRef(
        api_version="v1",
        kind=reference.kind,
        name=reference.name,
        namespace=reference.namespace,
    )


def owner_words(document: Document) -> str:
    """Whose a live object is: Helm's, Argo CD's, Flux', an operator's. Empty for nobody's.

    The marks are those that the tools themselves write.
    """
    labels = get_in(document, ("metadata", "labels")) or {}
    annotations = get_in(document, ("metadata", "annotations")) or {}
    if release := annotations.get("meta.helm.sh/release-name"):
        return f"the Helm release {release}"
    if labels.get("app.kubernetes.io/managed-by") == "Helm":
        return "Helm"
    for key in ("argocd.argoproj.io/tracking-id", "argocd.argoproj.io/instance"):
        if name := annotations.get(key) or labels.get(key):
            return f"the Argo CD application {str(name).partition(':')[0]}"
    for kind in ("kustomize", "helm"):
        if name := labels.get(f"{kind}.toolkit.fluxcd.io/name"):
            return f"Flux ({name})"
    owner = controller(document)
    return f"{owner['kind']} {owner['name']}" if owner else ""


def controller(document: Document) -> Mapping[str, str] | None:
    """The owner reference of the object's controller, if it has one."""
    owners = get_in(document, ("metadata", "ownerReferences")) or ()
    return next((each for each in owners if each.get("controller")), None)


def identity(document: Document) -> str:
    """`kind/namespace/name` of a pod's controller, or of the pod itself where it has none."""
    owner = controller(document)
    ref = ref_of(document)
    return f"{owner['kind']}/{ref.namespace}/{owner['name']}" if owner else str(ref)
