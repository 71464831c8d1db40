import os
from pathlib import Path

import pytest

from octo.errors import InputError, UsageError
from octo.source_files import Format, files_below, format_of, reason_against_name


def found(root: Path) -> dict[str, str]:
    return {file.name: file.left_out for file in files_below(root)}


def put(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("part-1.JSONL", Format("json lines", "")),
        ("deep/er/c4.00000-of-1.json.GZ", Format("json", "gzip")),
        ("a.ndjson.zst", Format("json lines", "zstd")),
        ("a.csv.xz", Format("csv", "xz")),
        ("a.tsv.bz2", Format("tsv", "bzip2")),
        ("a.HTM", Format("html", "")),
        ("CC-MAIN.warc.gz", Format("warc", "gzip")),
        ("a.feather", Format("arrow", "")),
        ("a.parquet.gz", None),
        ("a.jsonl.tmp", None),
        ("jsonl", None),
        ("README", None),
        ("a.gz", None),
        ("", None),
    ],
)
def test_the_ends_of_a_name_say_what_a_file_holds(name: str, expected: Format | None) -> None:
    assert format_of(name) == expected


def test_what_begins_with_a_dot_is_hidden_wherever_it_lies(tmp_path: Path) -> None:
    put(tmp_path, "a.jsonl", "._a.jsonl", ".cache/old.jsonl", "b/.git/x.jsonl", "b/c.txt")
    assert found(tmp_path) == {
        "a.jsonl": "",
        "._a.jsonl": "hidden",
        ".cache/": "hidden",
        "b/.git/": "hidden",
        "b/c.txt": "",
    }
    assert reason_against_name("b/.git/x.jsonl") == "hidden"
    assert reason_against_name("b/c.txt") == ""
    hidden_root = tmp_path / "b" / ".git"
    assert found(hidden_root) == {"x.jsonl": ""}


def test_links_are_followed_within_the_source_alone(tmp_path: Path) -> None:
    source, elsewhere = tmp_path / "source", tmp_path / "elsewhere"
    put(source, "real/a.jsonl", "blobs/0123")
    put(elsewhere, "b.jsonl", "folder/c.jsonl")
    (source / "link.jsonl").symlink_to(source / "blobs" / "0123")
    (source / "more").symlink_to("real", target_is_directory=True)
    (source / "out.jsonl").symlink_to(elsewhere / "b.jsonl")
    (source / "outer").symlink_to(elsewhere / "folder")
    (source / "lost.jsonl").symlink_to(tmp_path / "nothing")
    (source / "real" / "up").symlink_to(source)
    (source / "real" / "loop.jsonl").symlink_to("loop.jsonl")
    assert found(source) == {
        "blobs/0123": "same_file",
        "link.jsonl": "",
        "lost.jsonl": "broken_link",
        "more/a.jsonl": "",
        "more/loop.jsonl": "broken_link",
        "more/up/": "same_file",
        "out.jsonl": "link_outside",
        "outer/": "link_outside",
        "real/": "same_file",
    }


def test_a_source_that_is_a_link_is_what_it_leads_to(tmp_path: Path) -> None:
    put(tmp_path / "real", "a.jsonl", "b/c.jsonl")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert found(tmp_path / "link") == {"a.jsonl": "", "b/c.jsonl": ""}


def test_folders_that_all_link_to_each_other_are_entered_once(tmp_path: Path) -> None:
    for number in range(30):
        put(tmp_path, f"{number}/a.jsonl")
        for other in range(30):
            (tmp_path / str(number) / f"to-{other}").symlink_to(tmp_path / str(other))
    names = [name for name, reason in found(tmp_path).items() if not reason]
    assert len(names) == 30


def test_what_is_no_file_is_never_opened(tmp_path: Path) -> None:
    put(tmp_path, "a.jsonl")
    os.mkfifo(tmp_path / "pipe.jsonl")
    assert found(tmp_path) == {"a.jsonl": "", "pipe.jsonl": "no_file"}


def test_a_name_that_is_no_utf8_is_shown_as_text(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.jsonl")).write_text("x")
    (only,) = files_below(tmp_path)
    assert only.name == "caf\\xe9.jsonl"
    assert only.path.read_text() == "x"


def test_a_folder_that_cannot_be_listed_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "closed/a.jsonl")
    listed = Path.iterdir

    def iterdir(folder: Path) -> object:
        if folder.name == "closed":
            raise PermissionError(13, "Permission denied")
        return listed(folder)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    with pytest.raises(InputError, match=r"the folder .*closed cannot be listed: Permission denied"):
        files_below(tmp_path)


def test_a_source_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere does not exist: expected a file or a directory"):
        files_below(tmp_path / "nowhere")


def test_a_name_that_says_that_it_is_about_the_data_is_no_data(tmp_path: Path) -> None:
    put(tmp_path, "README", "b/LICENSE", "b/_SUCCESS", "README.md", "notes")
    assert found(tmp_path) == {
        "README": "no_data",
        "README.md": "",
        "b/LICENSE": "no_data",
        "b/_SUCCESS": "no_data",
        "notes": "unknown_format",
    }
