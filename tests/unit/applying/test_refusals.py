"""What a refusal of the API server means, by texts that Kubernetes 1.37 answers with."""

from typing import Any

import pytest

from aks_action.errors import ApiError, ApplyError, AuthError, Cause, ManifestError, Source
from aks_action.model.applying.refusals import Refusal, Sort, error_of, read
from aks_action.model.manifests import Manifest

NOT_DECLARED = "field not declared in schema"
TYPED = "failed to create typed patch object (prod/web; apps/v1, Kind=Deployment): "


def manifest(kind: str = "Deployment", **spec: Any) -> Manifest:
    metadata = {"name": "web", "namespace": "prod"}
    document = {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}
    return Manifest(document=document, source=Source(file="k8s/web.yml", line=3))


def error(status: int, message: str, *causes: Cause, exit_code: int | None = None) -> ApiError:
    made = ApiError(f"said: {message}", status=status, message=message, causes=causes)
    made.exit_code = made.exit_code if exit_code is None else exit_code
    return made


def cause(field: str, message: str) -> Cause:
    return Cause(reason="FieldValueInvalid", message=message, field=field)


@pytest.mark.parametrize(
    ("message", "named"),
    [
        (f"{TYPED}.spec.replica: {NOT_DECLARED}", "spec.replica"),
        (f'{TYPED}.spec.c[name="web"].imagee: {NOT_DECLARED}', "spec.c[web].imagee"),
        (
            f'{TYPED}.spec.ports[containerPort=80,protocol="TCP"].x: {NOT_DECLARED}',
            "spec.ports[80,TCP].x",
        ),
        (
            f"{TYPED}errors: .spec.a: {NOT_DECLARED} .spec.b: {NOT_DECLARED}",
            "spec.a and spec.b",
        ),
        ('strict decoding error: unknown field "spec.foo"', "spec.foo"),
        (
            TYPED.replace("apps/v1", "networking.k8s.io/v1") + f".spec.rule: {NOT_DECLARED}",
            "spec.rule",
        ),
    ],
)
def test_an_unknown_field_is_an_error_of_the_manifest_that_names_it(
    message: str, named: str
) -> None:
    found = read(manifest(), None, error(500, message))
    assert found.sort is Sort.MANIFEST
    assert f"Deployment/prod/web: {named} " in found.sentence
    assert found.problem.source == Source(file="k8s/web.yml", line=3)


def test_a_schema_error_about_the_stored_object_is_one_of_its_old_api_version() -> None:
    message = f"failed to convert new object (prod/web) to smd typed: .spec.x: {NOT_DECLARED}"
    live = manifest().document
    assert read(manifest(), live, error(500, message)).sort is Sort.STALE_VERSION


def test_an_immutable_field_is_named_with_both_values() -> None:
    live = manifest(selector={"app": "a"}, replicas=1)
    wanted = manifest(selector={"app": "b"}, replicas=2)
    refused = error(422, "invalid", cause("spec.selector", "Invalid value: field is immutable"))
    found = read(wanted, live.document, refused)
    assert found.sort is Sort.IMMUTABLE
    assert [(each.path, each.before, each.after) for each in found.fields] == [
        ("spec.selector.app", "a", "b")
    ]
    assert "spec.selector.app cannot be changed" in found.sentence
    assert "force: true" in found.sentence


def test_of_a_stateful_set_the_field_that_may_not_change_is_found() -> None:
    live = manifest("StatefulSet", serviceName="a", replicas=1)
    wanted = manifest("StatefulSet", serviceName="b", replicas=2)
    text = (
        "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', "
        "'template', 'updateStrategy' are forbidden"
    )
    found = read(wanted, live.document, error(422, text, cause("spec", text)))
    assert [each.path for each in found.fields] == ["spec.serviceName"]


def test_of_a_pod_the_field_that_may_not_change_is_found() -> None:
    live = manifest("Pod", containers=[{"name": "c", "image": "a", "command": ["x"]}])
    wanted = manifest("Pod", containers=[{"name": "c", "image": "b", "command": ["y"]}])
    text = (
        "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
        "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds` core.PodSpec{ ..."
    )
    found = read(wanted, live.document, error(422, text, cause("spec", text)))
    assert [each.path for each in found.fields] == ["spec.containers[c].command[0]"]


def test_a_refusal_that_is_not_only_about_immutable_fields_is_no_reason_to_recreate() -> None:
    causes = (
        cause("spec.selector", "Invalid value: field is immutable"),
        cause("spec.replicas", "Invalid value: -1: must be greater than or equal to 0"),
    )
    refused = error(422, "invalid", *causes, exit_code=ManifestError.exit_code)
    assert read(manifest(), manifest().document, refused).sort is Sort.MANIFEST


def test_without_a_live_object_nothing_is_immutable() -> None:
    refused = error(
        422, "x", cause("spec.a", "field is immutable"), exit_code=ManifestError.exit_code
    )
    assert read(manifest(), None, refused).sort is Sort.MANIFEST


@pytest.mark.parametrize(
    ("status", "exit_code", "sort"),
    [
        (403, AuthError.exit_code, Sort.FORBIDDEN),
        (403, ApplyError.exit_code, Sort.CLUSTER),
        (422, ManifestError.exit_code, Sort.MANIFEST),
        (503, None, Sort.CLUSTER),
        (409, None, Sort.CLUSTER),
    ],
)
def test_every_other_answer_is_sorted_by_who_can_mend_it(
    status: int, exit_code: int | None, sort: Sort
) -> None:
    found = read(manifest(), None, error(status, "no", exit_code=exit_code))
    assert (found.sort, found.sentence) == (sort, "said: no")


@pytest.mark.parametrize(
    ("sorts", "kind"),
    [
        ([Sort.FORBIDDEN], AuthError),
        ([Sort.CLUSTER, Sort.FORBIDDEN], ApplyError),
        ([Sort.MANIFEST, Sort.FORBIDDEN, Sort.CLUSTER], ManifestError),
        ([Sort.IMMUTABLE], ManifestError),
    ],
)
def test_one_error_has_every_refusal_and_the_class_of_the_gravest(
    sorts: list[Sort], kind: type[Exception]
) -> None:
    refusals = [Refusal(manifest=manifest(), sort=sort, sentence=str(sort)) for sort in sorts]
    made = error_of(refusals)
    assert type(made) is kind
    assert sorted(each.message for each in made.problems) == sorted(map(str, sorts))


def test_what_every_object_meets_alike_is_told_once() -> None:
    message = "Deployment/prod/web: the namespace prod does not exist."
    alike = [Refusal(manifest=manifest(), sort=Sort.CLUSTER, sentence=message) for _ in range(3)]
    (problem,) = error_of(alike).problems
    assert problem.message == "Deployment/prod/web and 2 more: the namespace prod does not exist."


def test_two_errors_of_manifests_stay_two_even_if_they_read_alike() -> None:
    alike = [Refusal(manifest=manifest(), sort=Sort.MANIFEST, sentence="wrong") for _ in range(2)]
    assert len(error_of(alike).problems) == 2
