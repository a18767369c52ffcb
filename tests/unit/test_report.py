"""The report: what a person reads about a plan and what became of it."""

from __future__ import annotations

from typing import Any

from aks_action import report
from aks_action.errors import ApplyError, Source
from aks_action.model.manifests import Manifest
from aks_action.model.outcomes import Diagnosis, Outcome
from aks_action.model.plan import Apply, Assessment, Change, FieldChange, Plan, Stage, TakenField
from aks_action.report import summary


def apply(name: str, assessment: Assessment, kind: str = "ConfigMap") -> Apply:
    document = {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop"},
    }
    source = Source(file=f"k8s/{name}.yml", line=1)
    return Apply(manifest=Manifest(document=document, source=source), assessment=assessment)


NEW = apply("new", Assessment(change=Change.CREATED))
CHANGED = apply(
    "changed",
    Assessment(
        change=Change.CONFIGURED,
        fields=(
            FieldChange(path="data.LEVEL", before="info", after="debug"),
            FieldChange(path="data.NEW", after="a|b"),
            FieldChange(path="data.OLD", before="x\ny"),
        ),
        taken=(TakenField(path="data.LEVEL", manager="kubectl-edit"),),
    ),
)
SAME = apply("same", Assessment(change=Change.UNCHANGED))
PLAN = Plan(stages=(Stage(name="configuration", steps=(NEW, CHANGED, SAME)),), notes=("A note.",))


def deployment_of(**given: Any) -> report.Deployment:
    return report.Deployment(version="v1.0.0", target="shop", plan=PLAN, **given)


def outcome(step: Apply, change: Change, error: str = "") -> Outcome:
    return Outcome(ref=step.ref, source=step.manifest.source, change=change, error=error)


def test_the_plan_shows_what_changes_field_by_field_and_counts_what_does_not() -> None:
    assert report.plan_text(PLAN).splitlines() == [
        "Plan: 1 created, 1 configured, 1 unchanged",
        "  + ConfigMap/shop/new  created  (k8s/new.yml:1)",
        "  ~ ConfigMap/shop/changed  configured  (k8s/changed.yml:1)",
        "      data.LEVEL: info → debug",
        "      data.NEW: + a|b",
        "      data.OLD: - x⏎y",
        "      data.LEVEL: taken over from field manager 'kubectl-edit'",
        "Note: A note.",
    ]


def test_many_changed_fields_are_cut_and_counted() -> None:
    fields = tuple(FieldChange(path=f"data.k{n}", after="v") for n in range(15))
    step = apply("big", Assessment(change=Change.CONFIGURED, fields=fields))
    text = report.plan_text(Plan(stages=(Stage(name="s", steps=(step,)),)))
    assert "data.k11" in text
    assert "data.k12" not in text
    assert "and 3 more fields" in text


def test_the_result_lists_objects_by_what_became_of_them() -> None:
    deployment = deployment_of(
        outcomes=(
            outcome(NEW, Change.CREATED),
            outcome(CHANGED, Change.CONFIGURED, error="refused"),
            outcome(SAME, Change.UNCHANGED),
        ),
    )
    result = report.result(deployment)
    assert result["counts"] == {
        "created": 1, "configured": 0, "unchanged": 1, "recreated": 0, "deleted": 0, "failed": 1,
    }  # fmt: skip
    assert result["failed"] == ["ConfigMap/shop/changed"]


def test_the_result_of_a_plan_lists_what_would_be_done() -> None:
    result = report.result(deployment_of(executed=False))
    assert result["configured"] == ["ConfigMap/shop/changed"]
    assert result["counts"]["failed"] == 0


def test_what_was_applied_but_never_became_healthy_counts_as_failed() -> None:
    sick = Diagnosis(ref=NEW.ref, source=None, reason="no")
    deployment = deployment_of(outcomes=(outcome(NEW, Change.CREATED),), diagnoses=(sick,))
    assert report.result(deployment)["failed"] == ["ConfigMap/shop/new"]


def test_the_summary_of_a_failure_names_the_cause_and_neutralises_foreign_text() -> None:
    sick = Diagnosis(
        ref=NEW.ref,
        source=NEW.manifest.source,
        reason="the image <b>x</b> of @team | is [missing](http://x)",
        logs=("```", "# not a heading"),
        advice="Push it.",
    )
    deployment = deployment_of(diagnoses=(sick,), failure=ApplyError("stopped"))
    text = report.deployment_summary(deployment)
    assert "&lt;b&gt;x&lt;/b&gt; of &#64;team \\| is \\[missing\\](http://x)" in text
    assert "````text\n```\n# not a heading\n````" in text
    assert "**To do:** Push it." in text


def test_the_summary_has_a_row_for_each_change_and_says_what_was_not_reached() -> None:
    deployment = deployment_of(outcomes=(outcome(NEW, Change.CREATED),))
    text = report.deployment_summary(deployment)
    assert "## Deployed v1.0.0 to shop" in text
    assert "| ConfigMap/shop/new | + created |" in text
    assert "| ConfigMap/shop/changed | ~ configured, not reached |" in text
    assert "`data.NEW: + a¦b`" in text


def test_markdown_in_names_stays_text() -> None:
    assert summary.escaped("a_b*c`d`<e>\n| #f") == "a\\_b\\*c\\`d\\`&lt;e&gt; \\| \\#f"


def test_images_are_listed_with_their_digests() -> None:
    text = report.images_summary({"reg.io/web:v1": "sha256:abc"})
    assert "| `reg.io/web:v1` | `sha256:abc` |" in text


def test_what_ended_a_step_before_a_plan_is_in_the_summary_too() -> None:
    assert "- ❌ the \\*first\\* problem" in report.failure_summary(
        ApplyError("the *first* problem")
    )
