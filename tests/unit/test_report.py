"""The report: what a person reads about a plan and what became of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aks_action import report
from aks_action.errors import ApplyError, Source
from aks_action.model.manifests import Manifest, ObjectRef
from aks_action.model.outcomes import Diagnosis, Outcome
from aks_action.model.plan import (
    Apply,
    Assessment,
    Change,
    Due,
    FieldChange,
    Plan,
    Restart,
    Stage,
    TakenField,
)
from aks_action.model.traffic.steps import Patch
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


def test_the_plan_says_why_an_object_is_checked_again_later() -> None:
    later = Assessment(change=Change.CONFIGURED, due=Due.REPEATED)
    text = report.plan_text(Plan(stages=(Stage(name="s", steps=(apply("a", later),)),)))
    assert "a  configured, checked again after the steps before it  (k8s/a.yml:1)" in text


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


RESTARTED = ObjectRef(api_version="apps/v1", kind="Deployment", name="web", namespace="shop")
RESTARTING = Plan(
    stages=(
        Stage(name="Apply 1", steps=(CHANGED,)),
        Stage(name="Restart readers", steps=(Patch(ref=RESTARTED, body={}, why="restart"),)),
    ),
    restarts=(Restart(ref=RESTARTED, because=(CHANGED.ref,)),),
)


def restarting(*outcomes: Outcome, executed: bool = True) -> report.Deployment:
    return report.Deployment(
        version="v1", target="shop", plan=RESTARTING, outcomes=outcomes, executed=executed
    )


def test_the_plan_and_the_summary_say_what_restarts_and_why() -> None:
    text = report.plan_text(RESTARTING)
    assert text.startswith("Plan: 1 configured, 1 restarted\n")
    assert "  ↻ Deployment/shop/web  restarted  (it reads ConfigMap/shop/changed)" in text
    done = Outcome(ref=RESTARTED, source=None, change=Change.CONFIGURED)
    row = "| Deployment/shop/web | ↻ restarted | it reads ConfigMap/shop/changed |"
    assert row in report.deployment_summary(restarting(done))
    assert "↻ restarted, not reached" in report.deployment_summary(restarting())


def test_restarted_is_what_was_and_for_a_plan_what_would_be() -> None:
    done = Outcome(ref=RESTARTED, source=None, change=Change.CONFIGURED)
    sick = replace(done, error="0 of 1 ready", health="0 of 1 ready")
    refused = replace(done, error="forbidden")
    assert report.restarted(restarting(done)) == (RESTARTED,)
    assert report.restarted(restarting(sick)) == (RESTARTED,)
    assert report.restarted(restarting(refused)) == ()
    assert report.restarted(restarting()) == ()
    assert report.restarted(restarting(executed=False)) == (RESTARTED,)


def test_an_object_that_was_left_alone_and_restarted_is_counted_once() -> None:
    outcomes = [
        Outcome(ref=RESTARTED, source=None, change=change)
        for change in (Change.UNCHANGED, Change.CONFIGURED)
    ]
    counts = report.result(restarting(*outcomes))["counts"]
    assert (counts["unchanged"], counts["configured"]) == (0, 1)


def test_what_differs_in_a_text_is_shown_as_lines() -> None:
    field = FieldChange(path="data[a]", before="x", after="y", lines=("@@ -1 +1 @@", "-x", "+y"))
    step = apply("text", Assessment(change=Change.CONFIGURED, fields=(field,)))
    plan = Plan(stages=(Stage(name="one", steps=(step,)),))
    assert "      data[a]:\n        @@ -1 +1 @@\n        -x\n        +y" in report.plan_text(plan)
    shown = report.deployment_summary(report.Deployment(version="v1", target="shop", plan=plan))
    assert "```diff\n@@ -1 +1 @@\n-x\n+y\n```" in shown


def test_what_was_done_about_a_failure_is_told_once() -> None:
    """In the summary with the failure, and not again among its problems."""
    failure = ApplyError("refused")
    failure.add("Rolled back in 1 s.")
    given = deployment_of(failure=failure, aftermath=("Rolled back in 1 s.",))
    text = report.deployment_summary(given)
    assert text.index("❌ refused") < text.index("↩ Rolled back in 1 s.")
    assert text.count("Rolled back") == 1
