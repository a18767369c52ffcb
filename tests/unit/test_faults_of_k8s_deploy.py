"""Which test keeps each fault of Azure/k8s-deploy from being had here.

The numbers are those of docs/differences.md: what is broken has a number, what is weak a W.
"""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
_DEFINED = re.compile(r"(?m)^def (test_\w+)\(")
DIFFERENCES = TESTS.parent / "docs/differences.md"

TESTED = """
1   test_a_url_is_downloaded_and_called_without_its_query
2   test_merge_keys_are_resolved
2   test_integers_keep_all_their_digits
2   test_a_plain_scalar_has_the_value_it_has_for_kubectl
3   test_bug_14_and_3_a_split_is_in_its_services_namespace_and_has_the_annotations
4   test_a_strategys_input_out_of_its_range_is_refused_before_anything_happens
5   test_an_item_replaces_the_images_of_its_repository_only
6   test_an_address_that_is_not_plain_https_is_refused
7   test_generate_name_is_enough
7   test_lists_are_expanded_with_the_line_of_each_item
9   test_images_are_split_at_lines_and_commas_and_trimmed
10  test_pod_promote_keeps_a_label_that_the_live_selector_demands
10  test_an_input_that_the_strategy_does_not_read_is_told
11  test_bug_11_objects_without_a_spec_are_deployed_before_what_reads_them
13  test_bug_13_pod_promote_deletes_the_canary_after_the_updated_stable_is_healthy
14  test_bug_14_the_stable_is_looked_for_in_the_manifests_namespace
14  test_bug_14_and_3_a_split_is_in_its_services_namespace_and_has_the_annotations
16  test_bug_16_smi_promote_keeps_the_weights_until_the_stable_is_healthy
17  test_bug_17_a_split_without_a_stable_gives_everything_to_the_canary
18  test_bug_18_nothing_is_written_after_the_deletes_of_an_smi_promote
19  test_bug_19_green_is_healthy_has_pods_and_had_its_buffer_before_the_switch
19  test_the_stable_answers_everything_while_a_green_fails
20  test_bug_20_an_ingress_names_services_in_rules_and_as_default
20  test_bug_20_every_backend_of_a_service_is_renamed_and_nothing_else
21  test_bug_21_promote_says_what_was_found_when_green_has_no_traffic
22  test_every_kind_is_judged_by_its_own_rule
23  test_the_rule_of_each_kind
26  test_bug_26_smi_deploy_adopts_what_is_live_and_gives_the_canary_its_share_alone
W1  test_the_workflow_file_is_read_from_its_ref
W1  test_any_other_answer_means_that_the_file_is_not_known_after_one_request
W2  test_a_file_that_is_named_may_have_any_extension
W2  test_an_item_without_a_file_is_an_error
W3  test_an_item_that_matches_nothing_names_the_images_there_are
W4  test_every_failure_of_a_stage_is_named_with_its_place
W5  test_weak_5_a_delete_that_is_refused_fails_the_step
W6  test_weak_6_a_copy_of_a_service_takes_no_outward_address
W7  test_weak_7_labels_of_the_pod_template_count_not_the_workloads_selector
W8  test_weak_8_a_split_is_never_deleted_to_be_changed
W9  test_weak_9_promote_keeps_the_selector_that_basic_gave_and_puts_the_colour_on_pods
W9  test_weak_9_autoscalers_follow_the_traffic_and_green_begins_as_large_as_the_stable
W10 test_the_annotation_has_the_keys_of_the_contract_in_their_order
W12 test_a_namespace_that_may_not_be_read_or_annotated_only_is_told
W13 test_every_workflow_name_becomes_a_valid_label
W14 test_values_of_secrets_are_shown_nowhere
"""

CANNOT_OCCUR = {"8", "12", "15", "24", "25", "W11"}
"""Where there is nothing that a test could look at; the differences say why."""

NUMBERS = {*map(str, range(1, 27)), *(f"W{number}" for number in range(1, 15))}

ROWS = [tuple(line.split()) for line in TESTED.split("\n") if line]


def test_every_fault_has_a_test_or_a_reason_why_it_cannot_occur() -> None:
    tested = {number for number, _ in ROWS}
    assert tested | CANNOT_OCCUR == NUMBERS
    assert not tested & CANNOT_OCCUR
    reasons = DIFFERENCES.read_text().partition("## Faults that cannot occur here")[2]
    told = re.findall(r"(?m)^- \*\*(W?\d+)\*\*: .+", reasons.partition("\n## ")[0])
    assert told == sorted(CANNOT_OCCUR, key=lambda number: (number[0] == "W", number.zfill(4)))


def test_the_tests_of_all_faults_are_there() -> None:
    """A test that is renamed or removed has to be looked at here, too."""
    known = {
        name for file in TESTS.rglob("test_*.py") for name in _DEFINED.findall(file.read_text())
    }
    assert {name for _, name in ROWS} - known == set()


def test_every_fault_is_among_the_differences() -> None:
    first = re.findall(r"(?m)^\| ([W\d][W\d, ]*) \|", DIFFERENCES.read_text())
    told = {number.strip() for cell in first for number in cell.split(",")}
    assert NUMBERS - told == set()
