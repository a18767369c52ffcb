"""The workflows of this repository and the examples for others are correct and safe."""

import re
from pathlib import Path

import pytest

from demo.bed import tool
from tests.action.support import ACTION, EXAMPLES, ROOT, WORKFLOWS, load, run, steps

FORMS = [path for path in sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
         if path.name != "config.yml"]  # fmt: skip
OURS = "your-org/aks_action@v1"
PINNED = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_actionlint_finds_nothing() -> None:
    """Expressions, contexts, events and shell scripts of all workflows make sense."""
    found = run("go", "-C", ROOT / "tests/tools", "tool", "actionlint", *WORKFLOWS, *EXAMPLES)
    assert found == ""


def test_zizmor_finds_nothing() -> None:
    """No workflow can be misused: no injection, no loose permission, no unpinned action."""
    config = ROOT / ".github/zizmor.yml"
    where = [ROOT / ".github", ACTION, *EXAMPLES]
    found = run(tool("zizmor"), "--offline", "--no-progress", "--config", config, *where)
    assert "No findings to report" in found, found


def test_hadolint_finds_nothing() -> None:
    """The Dockerfile follows the usual rules, or says beside the line why it does not."""
    assert run(tool("hadolint"), ROOT / "Dockerfile") == ""


@pytest.mark.parametrize("path", WORKFLOWS + EXAMPLES, ids=name)
def test_no_job_has_a_permission_that_it_does_not_name(path: Path) -> None:
    """`permissions: {}` at the top; each job asks for what it needs."""
    workflow = load(path)
    assert workflow["permissions"] == {}
    assert all(job["permissions"] for job in workflow["jobs"].values())


@pytest.mark.parametrize("path", WORKFLOWS + EXAMPLES, ids=name)
def test_actions_of_others_are_pinned_by_hash_with_their_version_beside_it(path: Path) -> None:
    """A tag of somebody else can be moved; a hash cannot, and the comment says what it is."""
    lines = [line.strip() for line in path.read_text().splitlines() if "uses: " in line]
    for line in lines:
        assert OURS in line or PINNED.search(line), line


@pytest.mark.parametrize("path", EXAMPLES, ids=name)
def test_an_example_sets_only_inputs_that_exist(path: Path) -> None:
    """The runner only warns about a misspelt input, so nobody would notice."""
    known = load(ACTION)["inputs"]
    used = [step for step in steps(load(path)) if step["uses"] == OURS]
    assert used
    for step in used:
        assert set(step["with"]) <= set(known)


def test_the_quick_start_of_the_readme_is_short_and_correct(tmp_path: Path) -> None:
    """What people copy first: under 15 lines, a valid workflow, with inputs that exist."""
    readme = (ROOT / "README.md").read_text()
    quick_start = readme.split("```yaml\n")[1].split("```")[0]
    assert len(quick_start.splitlines()) < 15
    workflow = tmp_path / "quick-start.yml"
    workflow.write_text(quick_start)
    assert run("go", "-C", ROOT / "tests/tools", "tool", "actionlint", workflow) == ""
    [step] = [step for step in steps(load(workflow)) if step["uses"] == OURS]
    assert set(step["with"]) <= set(load(ACTION)["inputs"])


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md")]
)
def test_links_between_the_documents_lead_somewhere(path: Path) -> None:
    """A file that was renamed is noticed here."""
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text()):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", EXAMPLES, ids=name)
def test_the_folders_that_an_example_deploys_are_there(path: Path) -> None:
    """An item of `manifests` that matches nothing is an error of the action."""
    for step in steps(load(path)):
        for item in step.get("with", {}).get("manifests", "").split():
            assert list((ROOT / "examples/app" / item).glob("*.yml")), item


def test_dependabot_watches_every_folder_with_pinned_dependencies() -> None:
    """A pin that nobody renews is a way to stay vulnerable."""
    updates = load(ROOT / ".github/dependabot.yml")["updates"]
    watched = {folder for update in updates for folder in update.get("directories", [])}
    modules = {f"/{path.parent.relative_to(ROOT)}" for path in ROOT.glob("*/**/go.mod")
               if (path.parent / "go.sum").exists()}  # fmt: skip
    assert modules <= watched
    assert {update["package-ecosystem"] for update in updates} == {
        "github-actions", "docker", "pip", "gomod",
    }  # fmt: skip


def test_ci_runs_what_a_developer_runs() -> None:
    """`.ci/run` is `make test`, and the workflow runs `.ci/run`."""
    assert "exec make test" in (ROOT / ".ci/run").read_text()
    assert any(".ci/run" in step.get("run", "") for step in steps(load(WORKFLOWS[0])))


def test_the_hooks_before_a_commit_run_the_lints_of_ci() -> None:
    """By the same commands of the Makefile, so that a lint is written down once."""
    [job] = [job for job in load(WORKFLOWS[0])["jobs"].values() if "Lint" in job["name"]]
    [command] = [step["run"] for step in job["steps"] if step.get("run", "").startswith("make ")]
    lints = [target for target in command.split()[1:] if target != "unit"]
    [repository] = load(ROOT / ".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local", "a hub is not reachable from everywhere"
    assert [hook["entry"] for hook in repository["hooks"]] == [f"make {lint}" for lint in lints]
    assert all(hook["pass_filenames"] == "false" for hook in repository["hooks"])


@pytest.mark.parametrize("path", FORMS, ids=name)
def test_a_form_for_issues_is_one_that_github_shows(path: Path) -> None:
    """GitHub leaves out a form that is not well-formed, without a word.

    https://docs.github.com/en/communities/using-templates-to-encourage-useful-issues-and-pull-requests/syntax-for-githubs-form-schema
    """
    form = load(path)
    assert {"name", "description", "body"} <= set(form)
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert fields
    assert {field["type"] for field in fields} <= {"input", "textarea", "dropdown", "checkboxes"}
    assert all(field["attributes"]["label"] for field in fields)
    assert len({field["id"] for field in fields}) == len(fields)
