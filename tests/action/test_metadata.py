"""action.yml, the README's tables and the parser of the inputs say the same."""

import pytest

from aks_action import inputs
from docs import tables
from tests.action.support import ACTION, ROOT, load
from tests.scenarios.faults import ELSEWHERE


def test_action_yml_has_exactly_the_inputs_that_are_parsed() -> None:
    """An input that is only in one of the two places would be ignored or could not be set."""
    assert list(load(ACTION)["inputs"]) == list(inputs.DEFAULTS)


@pytest.mark.parametrize("name", list(inputs.DEFAULTS))
def test_the_default_is_the_same_in_both_places(name: str) -> None:
    """Outside a runner nobody fills in the defaults of action.yml, so the parser's must agree."""
    default = load(ACTION)["inputs"][name]["default"]
    if name == "token":
        assert default == "${{ github.token }}"
    else:
        assert default == inputs.DEFAULTS[name]


@pytest.mark.parametrize("kind", ["inputs", "outputs"])
def test_everything_is_described_in_a_sentence(kind: str) -> None:
    """A description begins with a capital or code and ends with a full stop."""
    for name, entry in load(ACTION)[kind].items():
        text = entry["description"]
        assert text[0].isupper() or text[0] == "`", name
        assert text.endswith("."), name


def test_the_outputs_are_declared() -> None:
    """Later jobs rely on these names."""
    expected = {"version", "release-type", "images", "digests", "result", "restarted"}
    assert set(load(ACTION)["outputs"]) == expected


def test_the_tables_of_documents_are_todays() -> None:
    """`make docs` was run after the last change of action.yml, and of the tests of faults."""
    for path, text in tables.documents().items():
        assert path.read_text() == text, path


def test_every_test_that_the_table_of_faults_names_is_there() -> None:
    for each in ELSEWHERE:
        file, _, name = each.test.partition("::")
        assert f"def {name}(" in (ROOT / file).read_text(), each.test


def test_the_repository_builds_its_own_dockerfile() -> None:
    """Only the tag of a release names a published image."""
    assert load(ACTION)["runs"] == {"using": "docker", "image": "Dockerfile"}
