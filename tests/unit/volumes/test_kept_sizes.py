"""Going back to a version whose volumes were smaller."""

from aks_action.model.volumes.kept_sizes import as_large
from tests.unit.volumes.words import claim, stateful_set


def test_a_claim_that_has_grown_stays_as_large_as_it_is() -> None:
    assert as_large(claim(size="1Gi"), claim(size="2Gi")) == claim(size="2Gi", has="1Gi")
    larger = claim(size="3Gi")
    assert as_large(larger, claim(size="2Gi")) is larger


def test_so_do_the_templates_of_a_stateful_set_each_for_itself() -> None:
    wanted = stateful_set(data="1Gi", logs="2Gi", new="1Gi")
    live = stateful_set(data="2Gi", logs="1Gi", old="9Gi")
    assert as_large(wanted, live) == stateful_set(data="2Gi", logs="2Gi", new="1Gi")
    assert as_large(wanted, wanted) is wanted


def test_what_is_no_volume_is_left_alone() -> None:
    other = {**claim(), "kind": "ConfigMap"}
    assert as_large(other, claim(size="2Gi")) is other
