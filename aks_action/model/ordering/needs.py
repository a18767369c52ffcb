"""Which of the manifests has to be there before which other one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from aks_action.model.documents import get_in
from aks_action.model.manifests import Document, ManifestSet, ObjectRef
from aks_action.model.ordering.graphs import Graph
from aks_action.model.pod_specs import pod_labels, pod_specs
from aks_action.model.references import Reference, references

_ADMISSION = "admissionregistration.k8s.io"
_WEBHOOKS = frozenset(
    {(_ADMISSION, "MutatingWebhookConfiguration"), (_ADMISSION, "ValidatingWebhookConfiguration")}
)
_LIMITS = frozenset(
    {("", "ResourceQuota"), ("", "LimitRange"), ("networking.k8s.io", "NetworkPolicy")}
)
_BINDINGS = frozenset({"RoleBinding", "ClusterRoleBinding"})
_TOKEN_OF = ("metadata", "annotations", "kubernetes.io/service-account.name")

Labels = Mapping[str, str]


def needs(manifests: ManifestSet) -> Graph:
    """The graph of `manifests`, by their positions. Their namespaces have to be settled."""
    return _Builder(manifests).graph


class _Builder:
    def __init__(self, manifests: ManifestSet) -> None:
        self._manifests = manifests
        self._refs = [manifest.ref for manifest in manifests]
        self._by_name: dict[tuple[str, str, str], list[int]] = defaultdict(list)
        self._by_kind: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._in_namespace: dict[str, list[int]] = defaultdict(list)
        self._workloads: dict[int, list[Labels]] = {}
        for node, (manifest, ref) in enumerate(zip(manifests, self._refs, strict=True)):
            self._by_name[ref.kind, ref.namespace, ref.name].append(node)
            self._by_kind[ref.group, ref.kind].append(node)
            if ref.namespace:
                self._in_namespace[ref.namespace].append(node)
            labels = list(pod_labels(manifest.document))
            if labels:
                self._workloads[node] = labels
        self.graph = Graph(size=len(manifests))
        self._last = [node for node, ref in enumerate(self._refs) if _key(ref) in _WEBHOOKS]
        self._link()

    def _link(self) -> None:
        selected = dict(self._selected())
        users = self._users()
        for node, manifest in enumerate(self._manifests):
            ref = self._refs[node]
            if ref.kind == "Namespace" and not ref.group:
                self._before(node, self._in_namespace[ref.name])
            elif ref.kind == "CustomResourceDefinition":
                self._before(node, self._by_kind[_defined(manifest.document)])
            self._before(node, selected.get(node, ()))
            for reference in references(manifest.document):
                self._refer(node, ref, reference, selected, users)
        self._limits_before_workloads()
        self._webhooks_last()

    def _before(self, node: int, others: Iterable[int]) -> None:
        for other in others:
            self.graph.edge(node, other)

    def _refer(
        self,
        node: int,
        ref: ObjectRef,
        reference: Reference,
        selected: Mapping[int, list[int]],
        users: Mapping[tuple[str, str], list[int]],
    ) -> None:
        if ref.kind in _BINDINGS and reference.kind == "ServiceAccount":
            self._before(node, users.get((reference.namespace, reference.name), ()))
        for target in self._found(reference):
            if ref.kind == "ServiceAccount" and self._is_token(target, ref):
                continue
            self.graph.edge(target, node)
            if ref.kind == "APIService":
                # The API server asks the Service at once: its pods should be on their way.
                for workload in selected.get(target, ()):
                    self.graph.edge(workload, node)

    def _found(self, reference: Reference) -> Iterator[int]:
        for namespace in dict.fromkeys((reference.namespace, "")):
            for node in self._by_name.get((reference.kind, namespace, reference.name), ()):
                if reference.group in (None, self._refs[node].group):
                    yield node

    def _is_token(self, node: int, account: ObjectRef) -> bool:
        """A token Secret is deleted unless its account is there first, although that lists it."""
        document = self._manifests[node].document
        is_token = bool(account.name) and get_in(document, _TOKEN_OF) == account.name
        if is_token:
            self._before(self._by_name[account.kind, account.namespace, account.name][0], [node])
        return is_token

    def _selected(self) -> Iterator[tuple[int, list[int]]]:
        """Each Service with the workloads whose pods it selects."""
        by_label: dict[tuple[str, str, str], list[int]] = defaultdict(list)
        for node, all_labels in self._workloads.items():
            for labels in all_labels:
                for key, value in labels.items():
                    by_label[self._refs[node].namespace, key, str(value)].append(node)
        for node in self._by_kind["", "Service"]:
            selector = get_in(self._manifests[node].document, ("spec", "selector"))
            if isinstance(selector, Mapping) and selector:
                wanted = {key: str(value) for key, value in selector.items()}
                namespace = self._refs[node].namespace
                # The rarest label first, so that common ones cost nothing.
                fewest = min(
                    (by_label.get((namespace, *item), []) for item in wanted.items()), key=len
                )
                yield node, [each for each in fewest if self._matches(each, wanted)]

    def _matches(self, node: int, wanted: Labels) -> bool:
        return any(wanted.items() <= labels.items() for labels in self._workloads[node])

    def _users(self) -> dict[tuple[str, str], list[int]]:
        """Workloads by the namespace and name of the ServiceAccount that they run as."""
        users: dict[tuple[str, str], list[int]] = defaultdict(list)
        for node in self._workloads:
            for spec in pod_specs(self._manifests[node].document):
                account = spec.get("serviceAccountName") or "default"
                users[self._refs[node].namespace, str(account)].append(node)
        return users

    def _limits_before_workloads(self) -> None:
        junctions: dict[str, int] = {}
        for node, ref in enumerate(self._refs):
            if _key(ref) in _LIMITS:
                if ref.namespace not in junctions:
                    junctions[ref.namespace] = self.graph.junction()
                self.graph.edge(node, junctions[ref.namespace])
        for node in self._workloads:
            junction = junctions.get(self._refs[node].namespace)
            if junction is not None:
                self.graph.edge(junction, node)

    def _webhooks_last(self) -> None:
        """A webhook whose pods are not there yet would refuse everything that comes later."""
        if not self._last:
            return
        end = self.graph.junction()
        last = set(self._last)
        for node in range(len(self._manifests)):
            if node in last:
                self.graph.after[node] = []
                self.graph.edge(end, node)
            else:
                self.graph.edge(node, end)


def _key(ref: ObjectRef) -> tuple[str, str]:
    return ref.group, ref.kind


def _defined(document: Document) -> tuple[str, str]:
    """Group and kind that a CustomResourceDefinition adds."""
    spec = document.get("spec")
    return str(get_in(spec, ("group",), "")), str(get_in(spec, ("names", "kind"), ""))
