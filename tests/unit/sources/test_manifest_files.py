"""The `manifests` input: files, folders, globs and URLs, in order and never outside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aks_action.environment import Folders
from aks_action.errors import InputError, ManifestError
from aks_action.sources import manifest_files
from aks_action.sources.manifest_files import ManifestFiles


class Job:
    """A workspace and a temp folder with files in them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folders = Folders(
            workspace=root / "workspace",
            temp=root / "_temp",
            host_workspaces=("/home/runner/work/shop/shop",),
        )
        for folder in ("workspace", "_temp", "elsewhere"):
            (root / folder).mkdir()

    def write(self, *paths: str, text: str | None = None, under: str = "workspace") -> None:
        for path in paths:
            file = self.root / under / path
            file.parent.mkdir(parents=True, exist_ok=True)
            name = path.replace("/", ".")
            file.write_text(
                f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: '{name}'}}\n"
                if text is None
                else text
            )

    def read(self, *items: str) -> ManifestFiles:
        return manifest_files.read(items, self.folders)

    def files(self, *items: str) -> list[str]:
        return list(self.read(*items).files)

    def problem(self, *items: str) -> str:
        with pytest.raises(InputError) as caught:
            self.read(*items)
        return str(caught.value)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def test_a_folder_is_read_in_byte_order_with_its_sub_folders_in_place(job: Job) -> None:
    names = ["10-z.yml", "2-a.yaml", "A.YML", "B_z.json", "a.yml", "b_sub/q.yml", "b_sub/p/r.yml"]
    job.write(*(f"k8s/{name}" for name in reversed(names) if not name.endswith("json")))
    job.write("k8s/B_z.json", text='{"apiVersion":"v1","kind":"A","metadata":{"name":"j"}}')
    job.write("k8s/readme.md", "k8s/notes", text="no manifest")
    assert job.files("k8s") == [
        "k8s/10-z.yml",
        "k8s/2-a.yaml",
        "k8s/A.YML",
        "k8s/B_z.json",
        "k8s/a.yml",
        "k8s/b_sub/p/r.yml",
        "k8s/b_sub/q.yml",
    ]


def test_items_keep_their_order_and_a_file_is_read_once(job: Job) -> None:
    job.write("k8s/a.yml", "k8s/b.yml", "z.yml")
    (job.folders.workspace / "link.yml").symlink_to("k8s/b.yml")
    assert job.files("z.yml", "link.yml", "./k8s/", "k8s/../z.yml") == [
        "z.yml",
        "k8s/b.yml",
        "k8s/a.yml",
    ]


def test_a_file_that_is_named_may_have_any_extension(job: Job) -> None:
    job.write("rendered.tpl", "plain")
    assert job.files("rendered.tpl", "plain") == ["rendered.tpl", "plain"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("k8s/*.yml", ["k8s/a.yml"]),
        ("k8s/*", ["k8s/a.yml", "k8s/sub/b.yml", "k8s/sub/deep/c.yaml"]),
        ("**/*.yml", ["k8s/a.yml", "k8s/sub/b.yml"]),
        ("k8s/**", ["k8s/a.yml", "k8s/sub/b.yml", "k8s/sub/deep/c.yaml"]),
        ("**/sub", ["k8s/sub/b.yml", "k8s/sub/deep/c.yaml"]),
        ("k8s/**/c.y?ml", ["k8s/sub/deep/c.yaml"]),
        ("k8s/[ab].yml", ["k8s/a.yml"]),
        ("k8s/su[!x]/[!c]*.yml", ["k8s/sub/b.yml"]),
        ("k8s/*.txt", ["k8s/x.txt"]),
        ("k?s/a.*", ["k8s/a.yml"]),
    ],
)
def test_globs_match_as_in_a_shell(job: Job, pattern: str, found: list[str]) -> None:
    """`*` stays in its folder, `**` does not; hidden files are not matched."""
    job.write("k8s/a.yml", "k8s/sub/b.yml", "k8s/sub/deep/c.yaml", "k8s/.h.yml", ".hid/d.yml")
    job.write("k8s/x.txt", "k8s/a.md")
    assert job.files(pattern) == found


def test_a_name_with_brackets_in_it_is_a_name_first(job: Job) -> None:
    job.write("k8s/[a].yml")
    assert job.files("k8s/[a].yml") == ["k8s/[a].yml"]


def test_a_path_of_the_host_is_mapped_into_the_container(job: Job) -> None:
    """`${{ github.workspace }}` is the host's path, also inside of a container action."""
    job.write("k8s/a.yml")
    job.write("out/b.yml", under="_temp")
    host = "/home/runner/work/shop/shop"
    assert job.files(f"{host}/k8s/a.yml", f"{host}/k8s", f"{host}/k8s/*.yml") == ["k8s/a.yml"]
    assert job.files(str(job.folders.workspace / "k8s")) == ["k8s/a.yml"]
    assert job.files("/home/runner/work/_temp/out/b.yml") == [str(job.root / "_temp/out/b.yml")]


@pytest.mark.parametrize(
    "item",
    [
        "../elsewhere/x.yml",
        "../elsewhere",
        "../elsewhere/*.yml",
        "{root}/elsewhere/x.yml",
        "link.yml",
    ],
)
def test_nothing_outside_of_the_workspace_is_read(job: Job, item: str) -> None:
    job.write("x.yml", under="elsewhere")
    (job.folders.workspace / "link.yml").symlink_to(job.root / "elsewhere/x.yml")
    assert "outside of the workspace" in job.problem(item.replace("{root}", str(job.root)))


@pytest.mark.parametrize("target", ["elsewhere/x.yml", "elsewhere"])
def test_a_link_inside_a_folder_that_leads_outside_is_an_error(job: Job, target: str) -> None:
    job.write("x.yml", under="elsewhere")
    job.write("k8s/a.yml")
    (job.folders.workspace / "k8s/l.yml").symlink_to(job.root / target)
    assert "through a link" in job.problem("k8s")


def test_the_root_of_all_is_named_once(job: Job) -> None:
    assert job.problem("/").endswith("temp folder. Only files inside of them are deployed.")


def test_a_host_path_cannot_climb_out(job: Job) -> None:
    job.write("x.yml", under="elsewhere")
    assert "does not exist" in job.problem("/home/runner/work/shop/shop/../../elsewhere/x.yml")


def test_a_link_to_its_own_folder_ends(job: Job) -> None:
    job.write("k8s/sub/a.yml")
    (job.folders.workspace / "k8s/sub/up").symlink_to("..")
    assert job.files("k8s") == ["k8s/sub/a.yml"]


@pytest.mark.parametrize(
    ("item", "part"),
    [
        ("missing.yml", "`missing.yml` does not exist in the workspace"),
        ("k8s/*.yml", "`k8s/*.yml` matches no manifest (looked in `k8s`, which does not exist)"),
        ("empty", "The folder `empty` has no manifests"),
        ("empty/*", "`empty/*` matches no manifest (looked in `empty`)"),
        ("a\0b", "zero byte"),
        ("x" * 5000, "does not exist"),
        ("loop", "cannot be read"),
        ("empty/README.md/x.yml", "does not exist"),
    ],
)
def test_an_item_without_a_file_is_an_error(job: Job, item: str, part: str) -> None:
    job.write("empty/README.md", text="")
    (job.folders.workspace / "loop").symlink_to("loop")
    assert part in job.problem(item)


def test_a_file_that_becomes_a_link_after_it_was_looked_at_is_not_read(job: Job) -> None:
    """What is opened is what is checked: the error names the file and quotes nothing of it."""
    job.write("app.yml")
    job.write("keys", text="token-of-the-runner", under="elsewhere")

    def download(url: str) -> bytes:  # what is asked for before the second file is read
        (job.root / "workspace/app.yml").unlink()
        (job.root / "workspace/app.yml").symlink_to(job.root / "elsewhere/keys")
        return b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: first}\n"

    with pytest.raises(InputError) as caught:
        manifest_files.read(["https://localhost/first.yml", "app.yml"], job.folders, download)
    assert "`app.yml` has become a link that leads outside" in str(caught.value)
    assert "token" not in str(caught.value)


def test_links_to_files_and_folders_inside_go_on_working(job: Job) -> None:
    job.write("base/a.yml", "base/sub/b.yml")
    job.write("temp.yml", under="_temp")
    workspace = job.root / "workspace"
    (workspace / "link.yml").symlink_to("base/a.yml")
    (workspace / "folder").symlink_to(workspace / "base/sub")
    (workspace / "outer.yml").symlink_to(job.root / "_temp/temp.yml")
    assert job.files("link.yml", "folder", "outer.yml") == [
        "base/a.yml",
        "base/sub/b.yml",
        str(job.root / "_temp/temp.yml"),
    ]


@pytest.mark.parametrize("target", ["/proc/self/environ", "/proc/1/environ", "/dev/zero"])
def test_files_of_the_kernel_are_outside(job: Job, target: str) -> None:
    (job.root / "workspace/link.yml").symlink_to(target)
    assert "leads outside" in job.problem("link.yml")


def test_links_in_a_circle_and_a_file_without_an_end_are_told(job: Job) -> None:
    workspace = job.root / "workspace"
    (workspace / "a.yml").symlink_to("b.yml")
    (workspace / "b.yml").symlink_to("a.yml")
    with (workspace / "sparse.yml").open("wb") as file:
        file.truncate(1 << 40)
    told = job.problem("a.yml", "sparse.yml")
    assert "`a.yml` cannot be read: Too many levels of symbolic links" in told
    assert "`sparse.yml` has more than 32 MB" in told


def test_a_pipe_is_not_waited_for(job: Job) -> None:
    os.mkfifo(job.folders.workspace / "pipe.yml")
    assert "not a regular file" in job.problem("pipe.yml")


def test_all_problems_of_all_items_and_files_are_told_at_once(job: Job) -> None:
    job.write("a.yml", text="a: ]\n")
    job.write("b.yml", text="kind: Pod\n")
    with pytest.raises(ManifestError) as caught:
        job.read("missing.yml", "a.yml", "b.yml")
    places = [str(problem.source) for problem in caught.value.problems]
    assert places == ["None", "a.yml:1", "b.yml:1"]


def test_an_object_that_is_given_twice_names_both_places(job: Job) -> None:
    text = "apiVersion: v1\nkind: A\nmetadata: {name: x}\n"
    job.write("a.yml", text=text)
    job.write("b.yml", text=f"---\n{text}")
    with pytest.raises(ManifestError, match=r"b.yml:2: A/x is given twice: here and in a.yml:1"):
        job.read("a.yml", "b.yml")


def test_files_without_any_object_are_an_error(job: Job) -> None:
    job.write("a.yml", text="# nothing\n")
    with pytest.raises(ManifestError, match=r"There is no object in a\.yml"):
        job.read("a.yml")


def test_warnings_come_with_their_place(job: Job) -> None:
    job.write("a.yml", text="apiVersion: v1\nkind: A\nmetadata: {name: x}\nspec: yes\n")
    (warning,) = job.read("a.yml").warnings
    assert str(warning).startswith("a.yml:4: `yes` is read as true")


def test_a_url_is_downloaded_and_called_without_its_query(job: Job) -> None:
    asked = []

    def download(url: str) -> bytes:
        asked.append(url)
        return b"apiVersion: v1\nkind: A\nmetadata: {name: x}\n"

    url = "https://example.com/m.yml?token=secret"
    found = manifest_files.read([url, url], job.folders, download)
    assert asked == [url]
    assert [str(each.source) for each in found.manifests] == ["https://example.com/m.yml:1"]


def test_a_failed_download_is_an_error_like_any_other(job: Job) -> None:
    def download(url: str) -> bytes:
        raise InputError("It was not downloaded.")

    with pytest.raises(InputError, match=r"(?s)missing.*not downloaded"):
        manifest_files.read(["https://example.com/a", "missing.yml"], job.folders, download)


def test_another_encoding_is_an_error_with_its_place(job: Job) -> None:
    (job.folders.workspace / "a.yml").write_bytes(b"a: b\nc: \xe9\n")
    with pytest.raises(ManifestError, match=r"a.yml:2: This is not UTF-8"):
        job.read("a.yml")
